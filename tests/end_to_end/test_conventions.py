"""Spans of every convention, stored, then found by name and type."""

from opentelemetry.proto.trace.v1.trace_pb2 import Span

from spanframe.client import SpanframeClient
from tests.plugins.convention_examples import EXAMPLES
from tests.plugins.otlp import pairs, span
from tests.plugins.store import Store


def test_every_convention_is_found_by_name_and_type(store: Store) -> None:
    for number, example in enumerate(EXAMPLES, 1):
        events = [Span.Event(name=n, attributes=pairs(a)) for n, a in example.events]
        message = span(
            trace_id=number.to_bytes(16, "big"),
            attributes=example.attributes,
            events=events,
            name=f"example {number}",
        )
        store.write(message)
    client = SpanframeClient(store.url)
    for number, example in enumerate(EXAMPLES, 1):
        wanted = f"trace.name = 'example {number}' AND span.type = '{example.type}'"
        [trace] = client.search_traces(["0"], wanted)
        [found] = trace.data.spans
        assert found.span_type == example.type
        assert found.inputs == example.inputs
        assert found.outputs == example.outputs
        assert trace.info.user == example.user
        assert trace.info.session_id == example.session
