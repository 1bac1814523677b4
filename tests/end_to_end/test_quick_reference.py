"""The searches users start with, on traces that are known exactly."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import spanframe
from tests.plugins.collector import Collector

APP = Path(__file__).parent / "apps" / "four_traces.py"

COLUMNS = [
    *("request_id", "trace", "timestamp_ms", "status", "execution_time_ms"),
    *("request", "response", "request_metadata", "spans", "tags"),
]
QUICK_REFERENCE = [
    ("attributes.status = 'OK'", "abd"),
    ("attributes.status = 'ERROR'", "c"),
    ("attributes.timestamp_ms > 1749006880539", "bc"),
    ("attributes.execution_time_ms > 5000", "b"),
    ("tags.environment = 'production'", "abc"),
    ("tags.`mlflow.traceName` = 'my_function'", "ad"),
    ("metadata.`mlflow.user` = 'alice@company.com'", "ad"),
    ("attributes.status = 'OK' AND tags.environment = 'production'", "ab"),
]
FURTHER = [
    ("", "abcd"),
    ("attributes.timestamp >= 1749006880539", "bcd"),
    ("attributes.latency > 1000", "bc"),
    ("execution_time_ms >= 80 AND execution_time_ms < 120", "d"),
    ("tags.`mlflow.artifactLocation` != ''", "abcd"),
    ("metadata.`mlflow.trace.user` LIKE 'bob@%'", "bc"),
    ("request_metadata.`mlflow.user` ILIKE 'ALICE@%'", "ad"),
    ('attributes.name = "my_function" AND tags.letter != "a"', "d"),
    ("tags.nobody_set_this IS NULL", "abcd"),
    ("attributes.status = 'ok'", ""),
]


@pytest.fixture(scope="module")
def four_traces(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Collector]:
    """A collector that has received the four traces of the app."""
    with Collector.running(tmp_path_factory.mktemp("four-traces")) as collector:
        command = [sys.executable, str(APP)]
        subprocess.run(command, env=collector.environment, check=True)
        yield collector


@pytest.mark.parametrize(("text", "letters"), QUICK_REFERENCE + FURTHER)
def test_a_search_finds_exactly_the_traces_it_describes(
    text: str,
    letters: str,
    four_traces: Collector,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SPANFRAME_STORE", four_traces.store)

    found = spanframe.search_traces(text)

    assert sorted(tags["letter"] for tags in found["tags"]) == list(letters)
    assert list(found.columns) == COLUMNS
