"""What every test gets: profiles, a clean environment, the fixture plugins."""

import gc
import os
import sqlite3
from collections.abc import Iterator

import pytest
from opentelemetry import trace

# Before they are imported: their assertions explain themselves as those of tests do.
pytest.register_assert_rewrite("tests.plugins")

pytest_plugins = [
    "tests.plugins.examples",
    "tests.plugins.alone",
    "tests.plugins.once",
    "tests.plugins.image",
    "tests.plugins.postgresql",
    "tests.plugins.reader_suite",
    "tests.plugins.store",
    "tests.plugins.searched",
    "tests.plugins.collector",
    "tests.plugins.browser",
]

# A developer's own settings must not change what the tests see.
for _name in [
    n for n in os.environ if n.startswith(("SPANFRAME_", "OTEL_", "MLFLOW_"))
]:
    del os.environ[_name]


def pytest_report_header() -> str:
    """Name the SQLite this run covers; `tests.plugins.postgresql` names the other."""
    return f"store: SQLite {sqlite3.sqlite_version}"


@pytest.hookimpl(trylast=True)
def pytest_collection_finish() -> None:
    """Keep the garbage collector from walking what lives as long as the process.

    Modules, tests and their parameters are a million objects; to look at them again and
    again would be a twentieth of the CPU of all tests.
    """
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True)
def _nothing_left_behind() -> Iterator[None]:
    """Fail a test that changes the environment or leaves a span open behind it."""
    before = _environment()
    yield
    assert _environment() == before, "the test left the environment changed"
    current = trace.get_current_span()
    assert current is trace.INVALID_SPAN, f"the test left a span open: {current}"


def _environment() -> dict[str, str]:
    return {k: v for k, v in os.environ.items() if k != "PYTEST_CURRENT_TEST"}
