"""The experiments of a batch are asked for by name, however many the store has."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import event, insert, select

from spanframe_store.contract.errors import StoreUnavailableError
from spanframe_store.contract.spans import Fact, Source
from spanframe_store.otlp import decode_request
from spanframe_store.sql import experiments as module
from spanframe_store.sql.engines import database_of
from spanframe_store.sql.mutations import create_experiment
from spanframe_store.sql.schema import experiments, traces
from spanframe_store.sql.writer import SpanWriter
from tests.plugins.otlp import request, span
from tests.plugins.store import Store

MANY = 20_000
LONG = "ü" * 5000


@contextmanager
def rows_read(store: Store) -> Iterator[list[int]]:
    """Count the rows that each statement on experiments gives."""
    counts: list[int] = []

    def note(_: Any, cursor: Any, statement: str, values: Any, *__: object) -> None:
        if "FROM experiments" in statement and "max(" not in statement:
            counts.append(len(cursor.fetchall()))
            cursor.execute(statement, values)  # for the caller

    event.listen(store.engine, "after_cursor_execute", note)
    yield counts
    event.remove(store.engine, "after_cursor_execute", note)


def stating(number: int, experiment: str) -> Any:
    return span(
        1,
        trace_id=number.to_bytes(16, "big"),
        attributes={"spanframe.experiment": experiment},
    )


def of_traces(store: Store) -> list[str]:
    query = (
        select(experiments.c.name)
        .join(traces, traces.c.experiment_id == experiments.c.experiment_id)
        .order_by(traces.c.trace_id)
    )
    with store.engine.connect() as connection:
        return list(connection.execute(query).scalars())


def test_a_batch_reads_its_own_experiments_once(store: Store) -> None:
    with store.engine.begin() as connection:
        rows = [
            {"experiment_id": n, "name": f"e{n}", "creation_time_ms": 0}
            for n in range(1, MANY)
        ]
        connection.execute(insert(experiments), rows)
    with rows_read(store) as counts:
        store.write(stating(1, "e7"), stating(2, "new"), stating(3, LONG))
        assert sum(counts) == 1
        counts.clear()
        store.write(stating(4, "e7"), stating(5, "new"), stating(6, LONG))
        assert counts == []
        store.writer = SpanWriter(store.engine)
        store.write(stating(7, "e7"), stating(8, "new"), stating(9, LONG))
        assert sum(counts) == 3
    assert of_traces(store) == ["e7", "new", LONG] * 3


def test_the_memory_is_bounded_and_exact(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_MAX_REMEMBERED", 5)
    names = [f"e{n % 13}" for n in range(1, 60)]
    for number, name in enumerate(names, 1):
        store.write(stating(number, name))
        assert len(store.writer._experiments._remembered) <= 6
    assert of_traces(store) == names


def test_what_was_not_committed_is_not_remembered(store: Store) -> None:
    with store.locked(), pytest.raises(StoreUnavailableError):
        store.write(stating(1, "e"))
    create_experiment(store.engine, "e")
    store.write(stating(1, "e"), stating(2, "e"))
    assert of_traces(store) == ["e", "e"]


def test_a_number_counts_in_its_one_spelling(store: Store) -> None:
    number = create_experiment(store.engine, "numbered")
    spelt = [str(number), f"0{number}", f" {number}", f"+{number}", "²", "9" * 30]
    for count, text in enumerate(spelt, 1):
        sent = span(1, trace_id=count.to_bytes(16, "big"))
        stated = (Fact("experiment_id", Source.RESOURCE, text),)
        decoded = decode_request(request(sent).SerializeToString(), stated)
        store.writer.write([decoded.rows])
    assert of_traces(store) == ["numbered"] + ["Default"] * (len(spelt) - 1)


def test_a_server_finds_a_name_by_its_index(store: Store) -> None:
    query = select(experiments).where(
        database_of(store.engine).has_name(experiments.c.name, ["e1"])
    )
    explain = {"sqlite": "EXPLAIN QUERY PLAN ", "postgresql": "EXPLAIN "}
    name = store.engine.dialect.name
    text = str(query.compile(store.engine, compile_kwargs={"literal_binds": True}))
    with store.engine.begin() as connection:
        if name == "postgresql":
            connection.exec_driver_sql("SET enable_seqscan = off")
        plan = str(connection.exec_driver_sql(explain[name] + text).all())
    assert "ix_experiments_name" in plan


def test_a_span_states_its_experiment_before_the_root_arrives(store: Store) -> None:
    by_name = {"spanframe.experiment": "shop"}
    store.write(span(2, parent=1, attributes=by_name))
    assert of_traces(store) == ["shop"]
    store.write(span(1, attributes=by_name))
    assert of_traces(store) == ["shop"]


def test_a_span_states_its_experiment_by_id(store: Store) -> None:
    till = create_experiment(store.engine, "till")
    stated = {"spanframe.experiment_id": str(till)}
    fallback = {"spanframe.experiment": "shop"}
    store.write(
        span(1, trace_id=b"\1" * 16, attributes=stated),
        resource=fallback,
    )
    store.write(span(2, parent=1, trace_id=b"\2" * 16, attributes=stated))
    # Another number is no experiment: what else states one decides.
    unknown = {"spanframe.experiment_id": "4711"}
    store.write(span(1, trace_id=b"\3" * 16, attributes=unknown))
    store.write(span(1, trace_id=b"\4" * 16, attributes=unknown), resource=fallback)
    store.write(span(1, trace_id=b"\5" * 16), resource=stated)
    assert of_traces(store) == ["till", "till", "Default", "shop", "till"]
