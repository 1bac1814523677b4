"""Filters and orders evaluated in Python find what the oracle finds.

The store in memory does nothing else, so that it stands for every engine that checks
what it finds.
"""

from collections.abc import Iterable

from hypothesis import given
from hypothesis import strategies as st

from spanframe_query.filter import parse_filter
from spanframe_query.order import parse_order
from spanframe_store.contract.filter import Filter
from spanframe_store.contract.search import Search
from spanframe_store.contract.spans import Interned, Rank, Signature, SpanRow
from spanframe_store.otlp.computed import shown_entries
from spanframe_store.otlp.trace_state import METADATA, TAG, TraceState
from tests.plugins.memory_store import FoldedTrace, MemoryStore
from tests.plugins.records import SpanRecord, TraceRecord
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
}
NOTHING = Interned(b"", "", b"")


class RecordedStore(MemoryStore):
    """A store in memory that holds these traces and no others."""

    def __init__(self, records: Iterable[TraceRecord]) -> None:
        super().__init__("memory://records")
        self._records = list(records)

    def traces(self) -> Iterable[FoldedTrace]:
        for record in self._records:
            state = _state(record)
            shown = shown_entries(record.trace_id, state)
            rows = [_row(record, n, span) for n, span in enumerate(record.spans, 1)]
            yield FoldedTrace(record.trace_id, state, *shown, rows)

    def numbers(self, search: Search) -> list[int]:
        found = self.find(search, include_spans=False).traces.trace_id
        return [int.from_bytes(each, "big") for each in found]


def _state(record: TraceRecord) -> TraceState:
    values = {
        "experiment_id": record.experiment_id,
        "timestamp_ms": record.timestamp_ms,
        "execution_time_ms": record.execution_time_ms,
        "status": record.status,
        "name": record.name,
        "client_request_id": record.client_request_id,
        "trace_inputs": record.trace_inputs,
        "trace_outputs": None,
        **{TAG + key: value for key, value in record.tags.items()},
        **{METADATA + key: value for key, value in record.metadata.items()},
    }
    size = sum(len(span.body()) for span in record.spans)
    return TraceState(values, {}, len(record.spans), size)


def _row(record: TraceRecord, number: int, span: SpanRecord) -> SpanRow:
    return SpanRow(
        trace_id=record.trace_id,
        span_id=number,
        digest=0,
        parent_span_id=None,
        rank=Rank.ROOT,
        signature=Signature(b"", span.name, span.type, span.status),
        start_ns=0,
        end_ns=0,
        usage=None,
        resource=NOTHING,
        scope=NOTHING,
        json_layer=False,
        body=span.body(),
        shared_facts=(),
        own_facts=(),
    )


@given(data=st.data(), records=stores())
def test_python_finds_what_the_oracle_finds(
    data: st.DataObject, records: list[TraceRecord]
) -> None:
    meant = data.draw(st.lists(clauses(records), min_size=1, max_size=3))
    order_by = data.draw(st.sampled_from(list(ORDERS)))
    terms = [*ORDERS[order_by], *NEWEST_FIRST]
    expected = in_order([r for r in records if matches(r, meant)], terms)
    filter_ = parse_filter(data.draw(spelled(meant)))
    search = Search(filter=filter_, order=parse_order(order_by))

    store = RecordedStore(records)

    assert store.numbers(search) == [record.number for record in expected]
    assert store.count(search) == len(expected)


@given(data=st.data(), records=stores())
def test_python_finds_what_a_tree_means(
    data: st.DataObject, records: list[TraceRecord]
) -> None:
    meant, node = data.draw(trees(records))
    expected = in_order([r for r in records if fulfils(r, meant)], NEWEST_FIRST)

    found = RecordedStore(records).numbers(Search(filter=Filter(node)))

    assert found == [record.number for record in expected]
