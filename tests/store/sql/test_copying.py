"""A copy of a store is equal to it, on whatever engines, however often interrupted."""

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from sqlalchemy import delete, event, select, update

from spanframe.errors import InvalidArgumentError, StoreError
from spanframe_store.contract.results import Copied
from spanframe_store.sql import copying, schema
from spanframe_store.sql.backend import open_engine
from spanframe_store.sql.copying import copy_store
from spanframe_store.sql.mutations import delete_traces, set_trace_tag
from tests.plugins.forked import run
from tests.plugins.otlp import span
from tests.plugins.postgresql import PASSWORD
from tests.plugins.store import Store

TRACES = 25


@pytest.fixture(autouse=True)
def _small_portions(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(copying, "_PORTION_TRACES", 4)


@pytest.fixture(params=["sqlite", "postgresql"])
def source(request: pytest.FixtureRequest) -> Store:
    """A store with a little of everything."""
    make: Callable[[], Store] = request.getfixturevalue(f"new_{request.param}_store")
    store = make()
    for number in range(1, TRACES + 1):
        usage = '{"input_tokens": 1}' if number % 3 else '"none"'
        store.write(
            span(
                1,
                trace_id=trace_id(number),
                attributes={
                    "mlflow.traceTag.number": str(number),
                    "mlflow.traceTag.long": "ü" * 300,
                    "mlflow.chat.tokenUsage": usage,
                    "spanframe.experiment": f"experiment {number % 3}",
                    "odd": "a\0b" * number,
                },
            ),
            span(2, parent=1, trace_id=trace_id(number), ms=None),
            resource={"service.name": f"service {number % 2}"},
            scope=f"scope {number % 2}",
        )
    set_trace_tag(store.engine, trace_id(3), "edited", "yes")
    return store


@pytest.fixture
def target(store: Store) -> Store:
    """An empty store."""
    return store


def trace_id(number: int) -> bytes:
    return number.to_bytes(16, "big")


def copied(source: Store, target: Store) -> Copied:
    reading = open_engine(source.url, read_only=True)
    told: list[tuple[int, int]] = []
    try:
        done = copy_store(reading, target.engine, lambda *how_far: told.append(how_far))
    finally:
        reading.dispose()
    assert told[-1][0] == told[-1][1]
    assert told == sorted(told)
    return done


def everything(store: Store) -> dict[str, list[Any]]:
    with store.engine.connect() as connection:
        return {
            table.name: sorted(map(repr, connection.execute(select(table))))
            for table in schema.metadata.sorted_tables
        }


def test_a_copy_holds_the_same_rows_and_takes_spans(
    source: Store, target: Store
) -> None:
    assert copied(source, target) == (TRACES, 0)
    assert everything(target) == everything(source)
    assert copied(source, target) == (0, TRACES)
    late = span(3, parent=1, trace_id=trace_id(5))
    known = span(2, parent=1, trace_id=trace_id(5), ms=None)
    again = Store(target.url)
    origin = {"resource": {"service.name": "service 1"}, "scope": "scope 1"}
    assert again.write(known, late, **origin) == (1, 1)
    again.close()


def test_a_server_knows_what_a_copy_holds(
    source: Store, new_postgresql_store: Callable[[], Store]
) -> None:
    """A search right afterwards walks the index it should."""
    target = new_postgresql_store()
    copied(source, target)
    with target.engine.connect() as connection:
        found = connection.exec_driver_sql(
            "SELECT relname, reltuples FROM pg_class WHERE relname IN "
            "('traces', 'spans')"
        )
        assert {row[0]: row[1] for row in found} == {
            "traces": TRACES,
            "spans": 2 * TRACES,
        }


def test_a_copy_is_brought_up_to_date(source: Store, target: Store) -> None:
    copied(source, target)
    source.write(span(3, parent=1, trace_id=trace_id(2)), resource={"new": "resource"})
    source.write(span(1, trace_id=trace_id(99)))
    set_trace_tag(source.engine, trace_id(7), "number", "changed")
    delete_traces(source.engine, [trace_id(1), trace_id(13), trace_id(TRACES - 1)])
    assert copied(source, target) == (3, TRACES + 1 - 3 - 3)
    assert everything(target) == everything(source)


def test_a_copy_that_was_interrupted_goes_on(source: Store, target: Store) -> None:
    commits = 0

    def interrupt(_: object) -> None:
        nonlocal commits
        commits += 1
        if commits == 4:
            raise KeyboardInterrupt

    event.listen(target.engine, "commit", interrupt)
    with pytest.raises(KeyboardInterrupt):
        copied(source, target)
    event.remove(target.engine, "commit", interrupt)
    done = copied(source, target)
    assert done.equal == 8
    assert sum(done) == TRACES
    assert everything(target) == everything(source)


def test_a_copy_ends_beside_a_writer_that_never_stops(
    source: Store, target: Store
) -> None:
    """It holds what the source held at its beginning, and the next one the rest."""
    reading = open_engine(source.url, read_only=True)
    written = []

    def write_more(done: int, total: int) -> None:
        assert total == TRACES
        for _ in range(2 * copying._PORTION_TRACES):
            written.append(done)
            source.write(span(1, trace_id=trace_id(1000 + len(written))))

    assert copy_store(reading, target.engine, write_more) == (TRACES, 0)
    assert len(written) > TRACES
    assert copied(source, target) == (len(written), TRACES)
    reading.dispose()
    assert everything(target) == everything(source)


def test_damage_in_the_copy_is_found_and_mended(source: Store, target: Store) -> None:
    copied(source, target)
    tables = schema.metadata.tables
    with target.engine.begin() as connection:
        keys = connection.execute(select(schema.traces.c.trace_key)).scalars().all()
        for key, table, what in (
            (keys[2], "traces", {"name": "damaged"}),
            (keys[9], "spans", {"end_ns": 1}),
        ):
            rows = tables[table].c.trace_key == key
            connection.execute(update(tables[table]).where(rows).values(what))
        connection.execute(delete(schema.spans).where(schema.spans.c.trace_key == 20))
    assert copied(source, target) == (3, TRACES - 3)
    assert everything(target) == everything(source)


@pytest.mark.parametrize("traces", [1, TRACES + 5])
def test_a_store_of_its_own_is_not_written_over(
    source: Store, target: Store, traces: int
) -> None:
    for number in range(traces):
        target.write(span(1, trace_id=bytes([number + 64]) * 16))
    before = everything(target)
    with pytest.raises(InvalidArgumentError, match="traces of another store"):
        copied(source, target)
    assert everything(target) == before


def test_what_follows_from_nothing_is_told(source: Store, target: Store) -> None:
    """An index row too many is in no trace, so that only the counts know of it."""
    copied(source, target)
    with target.engine.begin() as connection:
        values = {"kind": 1, "key": "k", "value": "v", "timestamp_ms": 1}
        insert = schema.attribute_index.insert()
        connection.execute(insert.values(trace_key=9, **values))
    with pytest.raises(StoreError, match="rows in attribute_index, its source has"):
        copied(source, target)


def test_the_command_copies_and_says_so(source: Store, target: Store) -> None:
    for told in (f"copied {TRACES} traces, 0 were", f"copied 0 traces, {TRACES} were"):
        done = run("db", "copy", source.url, target.url)
        assert done.returncode == 0, done.stderr
        assert told in re.sub(r"\s+", " ", done.stdout)
        assert PASSWORD not in done.stdout + done.stderr


@pytest.fixture(autouse=True)
def _no_connections_left(source: Store) -> Iterator[None]:
    yield
    source.close()
