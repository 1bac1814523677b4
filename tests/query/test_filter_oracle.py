"""Rows found by SQL are the rows that a plain-Python evaluator finds."""

import tempfile
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from spanframe_query.filter import parse_filter
from spanframe_query.select import Search, count_traces, select_traces
from tests.query.records import TraceRecord, open_store
from tests.query.reference import in_order, matches
from tests.query.strategies import clauses, spelled, stores

DEFAULT = [("timestamp_ms", "", True), ("request_id", "", False)]


@given(data=st.data(), records=stores())
def test_sql_finds_what_the_oracle_finds(
    data: st.DataObject, records: list[TraceRecord]
) -> None:
    meant = data.draw(st.lists(clauses(records), min_size=1, max_size=3))
    text = data.draw(spelled(meant))
    search = Search(filter=parse_filter(text))
    expected = in_order([r for r in records if matches(r, meant)], DEFAULT)

    with tempfile.TemporaryDirectory() as folder:
        engine = open_store(Path(folder) / "store.db", records)
        with engine.connect() as connection:
            rows = connection.execute(select_traces(search, "sqlite")).all()
            count = connection.execute(count_traces(search, "sqlite")).scalar_one()
        engine.dispose()

    assert [row.trace_key for row in rows] == [record.number for record in expected]
    assert count == len(expected)
