"""CONTRIBUTING's recipes are true: what they name exists, and no more is needed."""

import dataclasses
import importlib
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any, NoReturn

import pytest
import typer
from typer.testing import CliRunner

import spanframe
import spanframe_collector.cli
import spanframe_query.cli
from scripts import reference
from spanframe.__main__ import main
from spanframe._options import with_options
from spanframe._runtime import runtime
from spanframe.settings import setting, whole_number
from spanframe_collector.settings import CollectorSettings
from spanframe_query.output import WRITERS
from spanframe_store import registry
from spanframe_store.otlp import decode_request, trace_state
from spanframe_store.sql import trace_columns
from tests.plugins.otlp import request, span
from tests.plugins.store import ENGINES

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "CONTRIBUTING.md").read_text()
RECIPES = re.findall(r"^### (.+)$", PAGE, re.MULTILINE)
COMMANDS = {
    "spanframe_collector": typer.main.get_command(spanframe_collector.cli.app),
    "spanframe_query": typer.main.get_command(spanframe_query.cli.app),
}


def test_every_recipe_is_in_the_table() -> None:
    anchors = {recipe.lower().replace(" ", "-").replace("'", "") for recipe in RECIPES}
    linked = set(re.findall(r"^\| \[.+?\]\(#(.+?)\) \|", PAGE, re.MULTILINE))
    assert linked == anchors - {"a-dependency"}


def test_every_test_it_names_is_there() -> None:
    named = set(re.findall(r"`(test_\w+)`", PAGE))
    sources = [path.read_text() for path in (ROOT / "tests").rglob("test_*.py")]
    written = set(re.findall(r"^def (test_\w+)", "\n".join(sources), re.MULTILINE))
    assert named
    assert named - written == set()


def test_the_files_of_a_trace_field_are_as_many_as_it_says() -> None:
    section = PAGE.partition("### A trace field\n")[2].partition("\n### ")[0]
    files = set(re.findall(r"`([\w/]+/[\w/]+\.py)`", section))
    # The migration is new, and the field row is the recipe that it refers to.
    others = {"contract/filter.py", "contract/fields.py", "versions/0004.py"}
    assert "Fifteen files: 1 + 2 + 1 + 4 + 2 + 4 + 1." in section
    assert len(files | others) == 15


# --- a convention ---------------------------------------------------------------------

CONVENTION = """
import importlib
from spanframe_store.otlp.conventions import derivation
module = importlib.import_module("spanframe_store.otlp.conventions.table")
module.table += (
    module.Convention(
        "Acme", inputs=("acme.ask",), type_keys=("acme.kind",), types={"call": "LLM"}
    ),
)
derive = importlib.reload(derivation).derive
derived = derive({"acme.ask": "hi", "acme.kind": "call"})
print(derived.inputs, derived.span_type)
"""


def test_a_convention_is_one_row() -> None:
    done = subprocess.run(
        [sys.executable, "-c", CONVENTION], capture_output=True, text=True, check=True
    )
    assert done.stdout == '"hi" LLM\n'


# --- a setting ------------------------------------------------------------------------


@dataclasses.dataclass(frozen=True, kw_only=True)
class MoreSettings(CollectorSettings):
    """The collector's settings and one more row."""

    max_naps: int = setting(
        "SPANFRAME_MAX_NAPS", "3", "Maximum naps per hour.", whole_number(0, 9)
    )


@pytest.mark.parametrize(
    ("words", "environment", "naps"),
    [
        ([], {}, "3"),
        ([], {"SPANFRAME_MAX_NAPS": "4"}, "4"),
        (["--max-naps", "5"], {"SPANFRAME_MAX_NAPS": "4"}, "5"),
    ],
)
def test_a_setting_is_one_row(
    words: list[str], environment: dict[str, str], naps: str
) -> None:
    """Option, variable, help, ``--print-config`` and reference follow from it."""
    app = typer.Typer()

    @app.command()
    @with_options(typer.Option, MoreSettings)
    def command(**given: Any) -> None:
        typer.echo(MoreSettings.load(given).printable()["max_naps"])

    runner = CliRunner(env=environment)
    assert runner.invoke(app, words).stdout == f"{naps}\n"
    help_ = " ".join(runner.invoke(app, ["--help"]).stdout.split())
    assert "--max-naps" in help_
    row = "| `SPANFRAME_MAX_NAPS` | `3` | Maximum naps per hour. |"
    assert row in reference._settings(MoreSettings).splitlines()


# --- a command ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("package", "command"),
    [(p, c) for p, group in COMMANDS.items() for c in vars(group)["commands"]],
)
def test_a_command_loads_its_own_package_only(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    package: str,
    command: str,
) -> None:
    """Its name is beside those of its package in `spanframe.__main__`."""
    [other] = COMMANDS.keys() - {package}
    monkeypatch.setitem(sys.modules, f"{other}.cli", None)
    with pytest.raises(SystemExit) as ended:
        main([command, "--help"])
    assert ended.value.code == 0
    assert f"spanframe {command}" in capsys.readouterr().out


# --- an output format -----------------------------------------------------------------


def test_every_output_format_has_a_writer() -> None:
    assert {each.value for each in spanframe_query.cli.Output} == {"table", *WRITERS}


# --- an engine ------------------------------------------------------------------------


class NeverBackend:
    """A backend whose stores can never be opened."""

    def reader(self, url: str) -> NoReturn:
        raise spanframe.errors.StoreError(f"{url} was asked of its own backend.")


def test_a_search_finds_a_new_engine_by_its_line_in_the_registry(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    module = ModuleType("never_store")
    module.__dict__["BACKEND"] = NeverBackend()
    monkeypatch.setitem(sys.modules, module.__name__, module)
    monkeypatch.setitem(registry._MODULES, "never", module.__name__)
    spanframe.configure(store="never://land")
    try:
        with pytest.raises(spanframe.errors.StoreError, match="of its own backend"):
            spanframe.search_traces("status = 'OK'")
    finally:
        runtime.reset()


def test_every_engine_of_the_tests_is_in_the_registry_and_on_the_page() -> None:
    page = (ROOT / "docs/stores.md").read_text()
    for engine in ENGINES:
        assert importlib.import_module(registry._MODULES[engine]).BACKEND
        assert f"`{engine}" in page


# --- a trace field --------------------------------------------------------------------


def test_a_row_is_read_after_its_trace_got_a_field(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Stamps of stored rows name ten fields by place; a new column is not of these."""
    decoded = decode_request(request(span(1)).SerializeToString())
    state = trace_state.fold(decoded.rows)
    row = trace_columns.columns_of(state)
    more = (*trace_state.COLUMNS, "release")
    monkeypatch.setattr(trace_columns, "COLUMNS", more)
    assert trace_columns.state_of({**row, "release": None}) == state
    stated = trace_state.merge(state, trace_state.edit("release", "2.1", 1))
    assert trace_columns.state_of(trace_columns.columns_of(stated)) == stated
