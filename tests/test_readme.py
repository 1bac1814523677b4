"""What the README says is what the code does."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

import spanframe
from spanframe.__main__ import EXIT_CODES
from spanframe.errors import FilterError
from spanframe.settings import ClientSettings, SettingsBase, rows
from spanframe_collector.settings import CollectorSettings
from spanframe_query.columns import LAYOUTS
from spanframe_query.filter.fields import FIELDS
from tests.plugins.collector import Collector

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()


def blocks(language: str) -> list[str]:
    """Return the code blocks of a language, in order."""
    return re.findall(rf"^```{language}\n(.*?)^```$", README, re.DOTALL | re.MULTILINE)


def table(heading: str) -> list[str]:
    """Return the rows of the first table below a heading, without its head."""
    _, found, below = README.partition(f"\n{heading}\n")
    assert found, f"the README has no heading {heading!r}"
    lines = [line for line in below.partition("\n#")[0].splitlines() if line[:1] == "|"]
    return lines[2:]


def code(*words: str) -> str:
    return ", ".join(f"`{word}`" for word in words if word)


def run(*command: str, environment: dict[str, str]) -> str:
    ended = subprocess.run(
        command, env=environment, capture_output=True, text=True, check=False
    )
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


def test_the_python_blocks_run_in_order(collector: Collector) -> None:
    code = "\n".join(blocks("python"))
    printed = run(sys.executable, "-c", code, environment=collector.environment)
    assert "Which tent is light enough for two?" in printed
    assert "RETRIEVER find_products" in printed


def test_the_search_commands_run(collector: Collector) -> None:
    sender, *_ = blocks("python")
    run(sys.executable, "-c", sender, environment=collector.environment)
    lines = "".join(blocks("sh")).splitlines()
    searches = [line for line in lines if line.startswith("spanframe search ")]
    found = [
        run(
            "/bin/sh",
            "-c",
            f"{shlex.quote(sys.executable)} -m {line}",
            environment=collector.environment,
        )
        for line in searches
    ]
    assert len(re.findall(r"\btr-[0-9a-f]{32}\b", "".join(found))) == 1


def test_the_refused_filter_is_drawn_as_shown() -> None:
    (shown,) = blocks("text")
    source = shown.splitlines()[1].strip()
    with pytest.raises(FilterError) as refused:
        spanframe.search_traces(source)
    assert str(refused.value) == shown.rstrip("\n")


@pytest.mark.parametrize("settings", [ClientSettings, CollectorSettings])
def test_the_settings_are_those_of_the_code(settings: type[SettingsBase]) -> None:
    assert table(f"### Settings of {settings.section}") == [
        f"| {code(*row.env)} | {code(row.default)} | {row.sentence} |"
        for row in rows(settings)
    ]


def test_the_fields_are_those_of_the_filter_language() -> None:
    assert table("### Fields") == [
        f"| {code(*row.names)} | {row.sentence} |" for row in FIELDS if row.comparators
    ]


def test_the_columns_are_those_of_the_frame() -> None:
    assert table("### Columns") == [
        f"| {code(column.name)} | {column.sentence} |" for column in LAYOUTS["v2"]
    ]


def test_the_exit_codes_are_those_of_the_command_line() -> None:
    assert table("### Exit codes") == [
        f"| {number} | {meaning} |" for number, meaning in EXIT_CODES.items()
    ]
