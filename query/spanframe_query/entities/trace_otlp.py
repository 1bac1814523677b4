"""Whole traces ↔ OTLP's message: what a collector takes, and what it makes of it."""

from collections.abc import Sequence
from typing import Final

from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import (
    ResourceSpans,
    ScopeSpans,
    TracesData,
)

from spanframe import keys
from spanframe._capture import NO_CAPTURE, Capture
from spanframe._trace_attributes import trace_attributes
from spanframe.errors import InvalidArgumentError
from spanframe_query.entities.info import TraceInfo, location_of
from spanframe_query.entities.otlp import key_values
from spanframe_query.entities.span import Span
from spanframe_query.entities.states import TraceState
from spanframe_store.contract.results import SpanBlock
from spanframe_store.otlp.computed import shown_entries
from spanframe_store.otlp.request import decode_request
from spanframe_store.otlp.stored_spans import plain_blocks
from spanframe_store.otlp.trace_state import fold
from spanframe_store.otlp.usage import totals_of_spans, usage_report_of

__all__ = ["from_message", "to_message", "trace_facts"]

_STATES: Final = frozenset({TraceState.OK, TraceState.ERROR})
_DERIVED: Final = keys.RESERVED_METADATA | {
    keys.META_COST,
    keys.META_COST_SOURCE,
    keys.META_ERROR,
    keys.META_TOKEN_USAGE,
}


def to_message(info: TraceInfo, spans: Sequence[Span]) -> TracesData:
    """Return a trace as OTLP's message; what belongs to the trace is on its root."""
    messages = [span.to_otel_proto() for span in spans]
    if messages:
        stated = {pair.key for pair in messages[0].attributes}
        facts = {k: v for k, v in trace_facts(info).items() if k not in stated}
        messages[0].attributes.extend(key_values(facts))
    service = {k: v for k, v in info.tags.items() if k == keys.SERVICE_NAME}
    resource = Resource(attributes=key_values(service))
    scope = ScopeSpans(spans=messages)
    return TracesData(
        resource_spans=[ResourceSpans(resource=resource, scope_spans=[scope])]
    )


def from_message(message: TracesData) -> tuple[TraceInfo, Sequence[SpanBlock]]:
    """Return the info of the one trace of a message, and its spans.

    Raises:
        InvalidArgumentError: when it has the spans of no trace, or of several.
    """
    rows = decode_request(message.SerializeToString()).rows
    trace_ids = {row.trace_id for row in rows}
    if len(trace_ids) != 1:
        raise InvalidArgumentError(
            f"A message of one trace is wanted; this one has {len(trace_ids)} traces."
        )
    [trace_id] = trace_ids
    totals = totals_of_spans([usage_report_of(row) for row in rows])
    state = fold(rows, {})._replace(totals=totals)
    tags, metadata = shown_entries(trace_id, state)
    values = state.values
    info = TraceInfo(
        keys.request_id(trace_id),
        location_of(0),
        values["timestamp_ms"],
        TraceState(values["status"]),
        values.get("request_preview"),
        values.get("response_preview"),
        values.get("client_request_id"),
        values.get("execution_time_ms"),
        metadata,
        tags,
    )
    return info, plain_blocks(rows)


def trace_facts(info: TraceInfo, capture: Capture = NO_CAPTURE) -> dict[str, str]:
    """Return what an app stated of a trace as attributes of a span.

    What a store derives from the spans is left out: it does so again.

    Args:
        info: the info of the trace.
        capture: renders the values.
    """
    metadata = {
        key: value
        for key, value in info.trace_metadata.items()
        if key not in _DERIVED and not key.startswith(keys.META_SERVICE_PREFIX)
    }
    tags = {
        key: value
        for key, value in info.tags.items()
        if key not in keys.RESERVED_TAGS and key != keys.SERVICE_NAME
    }
    return trace_attributes(
        capture,
        tags=tags,
        metadata=metadata,
        client_request_id=info.client_request_id,
        state=info.state if info.state in _STATES else None,
    )
