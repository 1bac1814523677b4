"""Stores of their own for tests, on each engine, filled by the collector's own writer.

A test that asks for `store` runs once for each engine. `OPT_OUTS` names those that do
not, each with its reason.
"""

import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Final, NamedTuple, Self

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
)
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from sqlalchemy import Engine, delete, select

from spanframe_store.contract.store import Written
from spanframe_store.otlp import decode_request
from spanframe_store.otlp.envelope import split_spans
from spanframe_store.sql import schema
from spanframe_store.sql.backend import open_engine
from spanframe_store.sql.blocks import Codec, load_codecs
from spanframe_store.sql.migrations import upgrade
from spanframe_store.sql.schema import resources, scopes, span_blocks, spans, traces
from spanframe_store.sql.writer import SpanWriter
from tests.plugins.otlp import request
from tests.plugins.postgresql import Server
from tests.plugins.reader_suite import is_left_out

ENGINES: Final = ("sqlite", "postgresql")

_SIZE: Final = "PostgreSQL cannot tell what is in use, so a size is refused"
_FILE: Final = "it is about the file"
_SETTINGS: Final = "it is about SQLite's pragmas"

OPT_OUTS: Final = {
    "tests/store/sql/test_migrations.py": {
        "test_keys_cluster_the_tables_they_should": "PostgreSQL clusters no table",
        "test_commits_survive_power_loss_by_setting": _SETTINGS,
    },
    "tests/store/sql/test_retention.py": {
        "test_a_store_over_its_size_loses_the_oldest_and_uses_the_space_again": _SIZE,
        "test_a_backup_is_a_whole_store": "pg_dump copies PostgreSQL",
        "test_a_backup_overwrites_nothing": "pg_dump copies PostgreSQL",
    },
    "tests/collector/test_cli.py": {"test_check_finds_damage": _FILE},
    "tests/collector/test_delivery.py": {
        "test_a_checkpoint_that_is_killed_loses_nothing": _FILE,
        "test_retention_by_size_says_that_the_store_is_locked": _SIZE,
    },
    "tests/query/test_search.py": {
        "test_a_store_made_anew_under_its_name_is_read_anew": _FILE,
        "test_a_store_damaged_later_is_an_error": _FILE,
    },
    "tests/store/sql/test_explain.py": dict.fromkeys(
        (
            "test_a_clause_with_an_index_names_it",
            "test_a_clause_without_an_index_scans",
            "test_a_clause_beside_one_with_an_index_does_not_scan",
            "test_the_rarer_of_two_tags_is_walked_and_the_other_probed",
            "test_a_search_without_clauses_has_nothing_to_explain",
            "test_the_command_line_explains",
        ),
        "only searches of SQLite are explained",
    ),
}
"""Tests that run on SQLite only, by file, and why."""

SAME_ON_BOTH: Final = {
    "tests/collector/test_second_process.py": (
        "test_a_process_that_is_killed_costs_nothing",
        "test_a_process_that_is_killed_at_work_costs_nothing",
        "test_a_process_that_is_stopped_is_gone_on_without",
        "test_a_process_that_does_not_answer_is_gone_on_without",
        "test_a_process_that_the_system_does_not_end_is_no_second_writer",
        "test_a_process_that_cannot_start_costs_nothing",
        "test_a_process_that_dies_at_its_start_costs_nothing",
        "test_a_process_that_is_not_needed_ends",
        "test_a_process_that_is_asked_nothing_ends",
        "test_the_url_of_the_store_is_nobodys_business",
    ),
}
"""Tests of what is no matter of the engine, by file: CI alone does both engines."""


_LOCKED: Final = {
    "sqlite": "database is locked",
    "postgresql": "canceling statement due to lock timeout",
}


class Stored(NamedTuple):
    """A span as a store keeps it."""

    trace_id: bytes
    span_id: int
    digest: int
    resource: bytes
    scope: bytes
    body: bytes


def stored_spans(engine: Engine) -> list[Stored]:
    """Return every span of a store, in the order of its ids."""
    query = (
        select(
            traces.c.trace_id,
            spans.c.span_id,
            spans.c.digest,
            spans.c.position,
            resources.c.body.label("resource"),
            scopes.c.body.label("scope"),
            span_blocks.c.dictionary_key,
            span_blocks.c.body,
        )
        .join(spans, spans.c.trace_key == traces.c.trace_key)
        .join(span_blocks, span_blocks.c.block_key == spans.c.block_key)
        .join(resources, resources.c.resource_key == span_blocks.c.resource_key)
        .join(scopes, scopes.c.scope_key == span_blocks.c.scope_key)
        .order_by(traces.c.trace_id, spans.c.span_id, spans.c.digest)
    )
    with engine.connect() as connection:
        codecs: dict[int | None, Codec] = {None: Codec()}
        codecs.update(load_codecs(connection))
        return [
            Stored(
                row.trace_id,
                row.span_id,
                row.digest,
                row.resource,
                row.scope,
                split_spans(codecs[row.dictionary_key].unpack(row.body))[row.position],
            )
            for row in connection.execute(query)
        ]


class Store:
    """One store, open for writing until its block ends."""

    def __init__(self, where: str | Path) -> None:
        """Open a store by URL, or by path as an SQLite file, and make its tables."""
        self.url = where if isinstance(where, str) else f"sqlite:///{where}"
        self.engine: Engine = open_engine(self.url)
        upgrade(self.engine)
        self.writer = SpanWriter(self.engine)
        self._beside: Engine | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def path(self) -> Path:
        """The file of an SQLite store."""
        assert self.engine.dialect.name == "sqlite"
        return Path(str(self.engine.url.database))

    def write(self, *sent: Span, **context: Any) -> Written:
        """Decode the spans as one request and commit them."""
        return _written(self.writer, request(*sent, **context))

    def write_beside(self, *sent: Span) -> Written:
        """Commit the spans as another process does, which has just started."""
        self._beside = self._beside or open_engine(self.url)
        return _written(SpanWriter(self._beside), request(*sent))

    @contextmanager
    def locked(self) -> Iterator[str]:
        """Hold the lock of writers; give what the database says of it to others."""
        blocker = open_engine(self.url)
        with blocker.begin():
            yield _LOCKED[self.engine.dialect.name]
        blocker.dispose()

    def empty(self) -> None:
        """Forget everything, experiments but ``Default`` included."""
        with self.engine.begin() as connection:
            for table in schema.metadata.tables.values():
                rows = delete(table)
                if table is schema.experiments:
                    rows = rows.where(table.c.experiment_id != 0)
                connection.execute(rows)
        self.writer = SpanWriter(self.engine)

    def close(self) -> None:
        """Close every connection."""
        self.engine.dispose()
        if self._beside is not None:
            self._beside.dispose()


def _written(writer: SpanWriter, sent: ExportTraceServiceRequest) -> Written:
    decoded = decode_request(sent.SerializeToString())
    assert decoded.rejected == []
    [written] = writer.write([decoded.rows])
    return written


@pytest.fixture(scope="session")
def empty_database(postgresql: Server) -> Iterator[str]:
    """A PostgreSQL database that holds an empty store, for others to be copies of."""
    with postgresql.database() as name:
        Store(postgresql.url(name)).close()
        yield name


@pytest.fixture(scope="session")
def empty_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An SQLite file that holds an empty store, for others to be copies of."""
    path = tmp_path_factory.mktemp("empty") / "spanframe.db"
    Store(path).close()
    return path


@pytest.fixture(params=(*ENGINES, "memory"))
def store_engine(request: pytest.FixtureRequest) -> str:
    """The name of the engine of this test's stores."""
    name: str = request.param
    return name


@pytest.fixture
def new_postgresql_store(
    postgresql: Server, empty_database: str
) -> Iterator[Callable[[], Store]]:
    """Make an empty store on PostgreSQL at each call; gone after the test."""
    with ExitStack() as stack:

        def make() -> Store:
            name = stack.enter_context(postgresql.database(empty_database))
            store = Store(postgresql.url(name))
            stack.callback(store.close)
            return store

        yield make


@pytest.fixture
def new_sqlite_store(tmp_path: Path, empty_file: Path) -> Iterator[Callable[[], Store]]:
    """Make an empty store in a file of its own at each call; closed after the test."""
    with ExitStack() as stack:

        def make() -> Store:
            number = len(list(tmp_path.glob("spanframe*.db")))
            path = tmp_path / f"spanframe{number or ''}.db"
            shutil.copy(empty_file, path)
            store = Store(path)
            stack.callback(store.close)
            return store

        yield make


@pytest.fixture
def new_store(store_engine: str, request: pytest.FixtureRequest) -> Callable[[], Store]:
    """Make an empty store at each call, all on one engine."""
    make: Callable[[], Store] = request.getfixturevalue(f"new_{store_engine}_store")
    return make


@pytest.fixture
def store(new_store: Callable[[], Store]) -> Store:
    """An empty store of this test's own."""
    return new_store()


def pytest_collection_modifyitems(
    config: pytest.Config, items: list[pytest.Item]
) -> None:
    """Leave out what `OPT_OUTS` names, on every engine but SQLite."""
    kept: list[pytest.Item] = []
    left_out: list[pytest.Item] = []
    for item in items:
        callspec = getattr(item, "callspec", None)
        engine = None if callspec is None else callspec.params.get("store_engine")
        file, _, name = item.nodeid.partition("::")
        opted_out = name.partition("[")[0] in OPT_OUTS.get(file, {})
        others = engine not in {None, "sqlite"}
        if others and name.partition("[")[0] in SAME_ON_BOTH.get(file, ()):
            item.add_marker("deep")
        out = is_left_out(item) if engine == "memory" else opted_out and others
        (left_out if out else kept).append(item)
    config.hook.pytest_deselected(items=left_out)
    items[:] = kept
