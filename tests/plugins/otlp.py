"""Builds OTLP messages: what a test does not say is small, valid and the same."""

from collections.abc import Mapping
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
)
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span

START = 1_700_000_000_000_000_000
MS = 1_000_000
TRACE = bytes(range(1, 17))
REMOTE_PARENT = 0x300


def any_value(value: Any) -> AnyValue:
    """Wrap a plain Python value; None becomes the empty value."""
    wrapped = AnyValue()
    match value:
        case bool():
            wrapped.bool_value = value
        case int():
            wrapped.int_value = value
        case float():
            wrapped.double_value = value
        case bytes():
            wrapped.bytes_value = value
        case str():
            wrapped.string_value = value
        case list():
            wrapped.array_value.SetInParent()
            wrapped.array_value.values.extend(_values(value))
        case dict():
            wrapped.kvlist_value.SetInParent()
            wrapped.kvlist_value.values.extend(pairs(value))
        case None:
            pass
        case _:
            raise TypeError(f"{type(value)} is no OTLP value")
    return wrapped


def _values(items: list[Any]) -> list[AnyValue]:
    """Wrap each item; one that fills a list of a million is wrapped once."""
    if items and all(item is items[0] for item in items):
        return [any_value(items[0])] * len(items)
    return [any_value(item) for item in items]


def pairs(attributes: Mapping[str, Any]) -> list[KeyValue]:
    """Wrap attributes."""
    return [KeyValue(key=k, value=any_value(v)) for k, v in attributes.items()]


def span(
    number: int = 1,
    *,
    parent: int | None = None,
    trace_id: bytes = TRACE,
    start_ms: float = 0,
    ms: float | None = 10,
    attributes: Mapping[str, Any] | None = None,
    **fields: Any,
) -> Span:
    """Make a span; ``number`` is its id, ``ms`` its duration (None: not ended)."""
    start = START + int(start_ms * MS)
    message = Span(
        trace_id=trace_id,
        span_id=number.to_bytes(8, "big"),
        name=f"span {number}",
        start_time_unix_nano=start,
        end_time_unix_nano=0 if ms is None else start + int(ms * MS),
        attributes=pairs(attributes or {}),
    )
    if parent is not None:
        message.parent_span_id = parent.to_bytes(8, "big")
    message.MergeFrom(Span(**fields))
    return message


def request(
    *spans: Span,
    resource: Mapping[str, Any] | None = None,
    scope: str = "tests",
) -> ExportTraceServiceRequest:
    """Put spans into a request of one resource and one scope."""
    message = ExportTraceServiceRequest()
    resource_spans = message.resource_spans.add()
    resource_spans.resource.attributes.extend(pairs(resource or {}))
    scope_spans = resource_spans.scope_spans.add()
    scope_spans.scope.name = scope
    scope_spans.spans.extend(spans)
    return message


def field(number: int, content: bytes) -> bytes:
    """Write one length-delimited field."""
    length, left = bytearray(), len(content)
    while left >= 0x80:
        length.append(left & 0x7F | 0x80)
        left >>= 7
    return bytes([number << 3 | 2, *length, left]) + content
