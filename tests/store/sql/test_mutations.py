"""Changes to stored traces."""

import json

import pytest
from sqlalchemy import Table, func, select

from spanframe.errors import InvalidArgumentError, NotFoundError, StoreError
from spanframe_store.sql.mutations import (
    create_experiment,
    delete_trace_tag,
    delete_traces,
    delete_traces_before,
    set_trace_tag,
)
from spanframe_store.sql.schema import attribute_index, spans, traces
from tests.plugins.otlp import MS, START, TRACE, span
from tests.plugins.store import Store


def tags(store: Store) -> dict[str, str]:
    with store.engine.connect() as connection:
        return dict(json.loads(connection.execute(select(traces.c.tags)).scalar_one()))


def indexed(store: Store) -> set[tuple[str, str]]:
    with store.engine.connect() as connection:
        query = select(attribute_index.c.key, attribute_index.c.value)
        return {(row.key, row.value) for row in connection.execute(query)}


def count(store: Store, table: Table) -> int:
    with store.engine.connect() as connection:
        query = select(func.count()).select_from(table)
        return int(connection.execute(query).scalar_one())


def test_a_tag_is_set_replaced_and_deleted(store: Store) -> None:
    store.write(span(1, attributes={"mlflow.traceTag.by_app": "a"}))
    set_trace_tag(store.engine, TRACE, "review", "open")
    set_trace_tag(store.engine, TRACE, "review", "done")
    set_trace_tag(store.engine, TRACE, "by_app", "b")
    assert tags(store) == {"by_app": "b", "review": "done"}
    assert indexed(store) == {("by_app", "b"), ("review", "done")}
    delete_trace_tag(store.engine, TRACE, "review")
    assert tags(store) == {"by_app": "b"}
    assert indexed(store) == {("by_app", "b")}


def test_the_name_tag_renames_the_trace(store: Store) -> None:
    store.write(span(1))
    set_trace_tag(store.engine, TRACE, "mlflow.traceName", "renamed")
    with store.engine.connect() as connection:
        assert connection.execute(select(traces.c.name)).scalar() == "renamed"
    assert tags(store) == {}


def test_what_does_not_exist_is_not_found(store: Store) -> None:
    store.write(span(1))
    with pytest.raises(NotFoundError, match=f"no trace tr-{'00' * 16}"):
        set_trace_tag(store.engine, bytes(16), "a", "b")
    with pytest.raises(NotFoundError, match="no tag 'a'"):
        delete_trace_tag(store.engine, TRACE, "a")
    set_trace_tag(store.engine, TRACE, "a", "b")
    delete_trace_tag(store.engine, TRACE, "a")
    with pytest.raises(NotFoundError, match="no tag 'a'"):
        delete_trace_tag(store.engine, TRACE, "a")


def test_a_locked_store_is_a_store_error(store: Store) -> None:
    store.write(span(1))
    with (
        store.locked() as why,
        pytest.raises(StoreError, match=rf"cannot be written: {why}\."),
    ):
        set_trace_tag(store.engine, TRACE, "a", "b")


def test_deleted_traces_leave_nothing_behind(store: Store) -> None:
    tagged = {"mlflow.traceTag.t": "v"}
    ids = [bytes([n]) * 16 for n in range(1, 5)]
    for trace_id in ids:
        store.write(
            span(1, trace_id=trace_id, attributes=tagged),
            span(2, parent=1, trace_id=trace_id),
        )
    assert delete_traces(store.engine, [*ids[:2], b"?" * 16]) == 2
    counts = [count(store, t) for t in (traces, spans, attribute_index)]
    assert counts == [2, 4, 2]


def test_the_oldest_go_first_and_whole(store: Store) -> None:
    for n in range(1, 6):
        store.write(span(n, trace_id=bytes([n]) * 16, start_ms=n))
    first_ms = START // MS
    assert delete_traces_before(store.engine, first_ms) == 0
    assert delete_traces_before(store.engine, first_ms + 4, at_most=3) == 3
    assert delete_traces_before(store.engine, first_ms + 9, experiment_id=7) == 0
    assert delete_traces_before(store.engine, first_ms + 4) == 1
    assert count(store, traces) == count(store, spans) == 1


def test_an_experiment_has_one_name(store: Store) -> None:
    assert create_experiment(store.engine, "shop") == 1
    assert create_experiment(store.engine, "other") == 2
    with pytest.raises(InvalidArgumentError, match="'shop' exists already"):
        create_experiment(store.engine, "shop")
    with pytest.raises(InvalidArgumentError, match="name of an experiment is empty"):
        create_experiment(store.engine, " ")
