"""`docs/operating.md` and `docs/catalogue.md` say what the code says."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import spanframe_collector
from spanframe.settings import rows
from spanframe_collector.ingest import Refusal
from spanframe_collector.settings import CollectorSettings
from spanframe_store import otlp
from tests.plugins.collector import Collector
from tests.plugins.http_exports import send

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "operating.md").read_text()
CATALOGUE = (ROOT / "docs" / "catalogue.md").read_text()
SOURCES = sorted(
    path
    for package in (spanframe_collector, otlp)
    for path in Path(package.__path__[0]).rglob("*.py")
)


def first_column(heading: str) -> list[str]:
    """Return the names in the first column of the table below a heading."""
    section = PAGE.split(f"{heading}\n", 1)[1].split("\n#", 1)[0]
    return re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE)


def reasons(*makers: str) -> Iterator[str]:
    """Yield the constants that the code makes reasons of, wherever it does."""
    for source in SOURCES:
        for node in ast.walk(ast.parse(source.read_text())):
            match node:
                case ast.Call(
                    func=ast.Name(id=maker) | ast.Attribute(attr=maker),
                    args=[ast.Constant(value=str(reason)), *_],
                ) if maker in makers:
                    yield reason
                case ast.Subscript(
                    value=ast.Name(id=maker), slice=ast.Constant(value=str(reason))
                ) if maker in makers:
                    yield reason


def test_every_refusal_is_described_in_its_own_words() -> None:
    assert first_column("## What a sender is told") == [r.name for r in Refusal]
    for refusal in Refusal:
        [row] = [x for x in PAGE.splitlines() if x.startswith(f"| `{refusal.name}` |")]
        assert f"| {refusal.value} |" in row
        assert ("UNAVAILABLE" in row or "503" in row) is refusal.is_transient


def test_every_reason_to_reject_a_span_is_described() -> None:
    described = first_column("### Spans that can never be stored")
    makers = ("Rejected", "reject", "reject_all", "_BadSpanError")
    for maker in makers:
        assert list(reasons(maker)), f"nothing in the code is called {maker}"
    assert set(described) == set(reasons(*makers))
    assert len(described) == len(set(described))


def test_every_reason_to_refuse_a_span_is_described() -> None:
    described = first_column("### Spans whose sender was told to try again")
    assert sorted(described) == sorted(set(reasons("refuse")))


def test_every_metric_is_described(tmp_path: Path) -> None:
    nowhere = ("--forward-endpoint", "http://127.0.0.1:9")
    with Collector.running(tmp_path, *nowhere) as collector:
        page = send(collector.http_endpoint, method="GET", path="/metrics").body
    families = set(re.findall(r"^# TYPE (\w+)", page.decode(), re.MULTILINE))
    # What Prometheus' own client adds to every program, and to every counter.
    client = ("virtual_memory", "resident_memory", "start_time", "cpu", "open", "max")
    ours = {
        name
        for name in families
        if not name.endswith("_created")
        and not name.startswith(tuple(f"otelcol_process_{each}_" for each in client))
    }
    assert sorted(first_column("## Metrics")) == sorted(ours)


def test_the_settings_it_names_exist() -> None:
    known = {name for row in rows(CollectorSettings) for name in row.env}
    assert set(re.findall(r"`(SPANFRAME_[A-Z_]+)", PAGE)) <= known


# --- the catalogue --------------------------------------------------------------------

ROWS = re.findall(r"^\| (\d+) \| (.+?) \| (.+) \|$", CATALOGUE, re.MULTILINE)


def test_every_number_of_the_catalogue_has_a_row() -> None:
    assert [int(number) for number, _, _ in ROWS] == list(range(1, 59))


@pytest.mark.parametrize(("number", "proof"), [(n, p) for n, _, p in ROWS])
def test_the_tests_a_row_names_exist(number: str, proof: str) -> None:
    named = re.findall(r"`([\w/]+\.py)::(\w+)`", proof)
    for path, name in named:
        assert f"def {name}(" in (ROOT / "tests" / path).read_text(), (number, name)
    assert named or "not " in proof.lower() or "benchmarks/" in proof
