"""Rows found by SQL are the rows that a plain-Python evaluator finds."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine

from spanframe_query.filter import parse_filter
from spanframe_query.order import parse_order
from spanframe_store.contract.filter import Filter
from spanframe_store.contract.search import Search
from spanframe_store.sql.plans import WALK_TRACES, candidates
from tests.plugins.examples import COSTLY
from tests.plugins.records import TraceRecord, count_of, open_store, refill, rows_of
from tests.plugins.reference import fulfils, in_order, matches
from tests.plugins.strategies import clauses, spelled, stores, trees

NEWEST_FIRST = [("timestamp_ms", "", True), ("request_id", "", False)]
ORDERS = {
    (): [],
    ("timestamp ASC",): [("timestamp_ms", "", False)],
    ("latency DESC",): [("execution_time_ms", "", True)],
    ("end_time", "status DESC"): [("end_time_ms", "", False), ("status", "", True)],
    ("name",): [("name", "", False)],
    ("tags.env DESC",): [("tags", "env", True)],
    ("run_id",): [("run_id", "", False)],
}


@pytest.fixture(scope="module")
def engine(place: Path | str) -> Iterator[Engine]:
    engine = open_store(place)
    yield engine
    engine.dispose()


@given(data=st.data(), records=stores())
@COSTLY
def test_sql_finds_what_the_oracle_finds_by_every_plan(
    engine: Engine, data: st.DataObject, records: list[TraceRecord]
) -> None:
    meant = data.draw(st.lists(clauses(records), min_size=1, max_size=3))
    filter_ = parse_filter(data.draw(spelled(meant)))
    order_by = data.draw(st.sampled_from(list(ORDERS)))
    search = Search(filter=filter_, order=parse_order(order_by))
    terms = [*ORDERS[order_by], *NEWEST_FIRST]
    expected = in_order([r for r in records if matches(r, meant)], terms)
    plans = [None, WALK_TRACES, *(each.plan for each in candidates(filter_))]

    refill(engine, records)
    with engine.connect() as connection:
        found = [
            [row.trace_key for row in rows_of(connection, search, plan)]
            for plan in plans
        ]
        counts = {count_of(connection, search, plan) for plan in plans}

    assert found == [[record.number for record in expected]] * len(found)
    assert counts == {len(expected)}


@given(data=st.data(), records=stores())
@COSTLY
def test_sql_finds_what_a_tree_means_by_every_plan(
    engine: Engine, data: st.DataObject, records: list[TraceRecord]
) -> None:
    meant, node = data.draw(trees(records))
    filter_ = Filter(node)
    expected = [r for r in records if fulfils(r, meant)]
    plans = [None, WALK_TRACES, *(each.plan for each in candidates(filter_))]

    refill(engine, records)
    with engine.connect() as connection:
        found = [
            [row.trace_key for row in rows_of(connection, Search(filter=filter_), plan)]
            for plan in plans
        ]
        counts = {count_of(connection, Search(filter=filter_), plan) for plan in plans}

    in_order_ = [record.number for record in in_order(expected, NEWEST_FIRST)]
    assert found == [in_order_] * len(found)
    assert counts == {len(expected)}


@given(data=st.data(), records=stores())
@COSTLY
def test_a_filter_is_written_so_that_it_reads_back(
    data: st.DataObject, records: list[TraceRecord]
) -> None:
    meant = data.draw(st.lists(clauses(records), max_size=3))
    filter_ = parse_filter(data.draw(spelled(meant)))

    assert parse_filter(str(filter_)) == filter_
    assert str(parse_filter(str(filter_))) == str(filter_)


@given(data=st.data(), records=stores())
@COSTLY
def test_two_spellings_of_a_filter_are_equal(
    data: st.DataObject, records: list[TraceRecord]
) -> None:
    meant = data.draw(st.lists(clauses(records), min_size=1, max_size=3))
    one, other = data.draw(spelled(meant)), data.draw(spelled(meant))

    assert parse_filter(one) == parse_filter(other)
