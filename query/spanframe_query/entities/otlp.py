"""Spans and traces ↔ OTLP's messages."""

from collections.abc import Mapping
from typing import Any, Final

from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.proto.common.v1.common_pb2 import (
    AnyValue,
    ArrayValue,
    KeyValue,
    KeyValueList,
)
from opentelemetry.proto.trace.v1.trace_pb2 import ScopeSpans, Status
from opentelemetry.proto.trace.v1.trace_pb2 import Span as OtlpSpan
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import Span as LiveOTelSpan

from spanframe import keys
from spanframe.entities import SpanStatusCode
from spanframe.errors import InvalidArgumentError
from spanframe_store.otlp.content import REQUEST_ID_ATTRIBUTE, SpanContent, loads
from spanframe_store.otlp.stored_spans import StoredSpan

__all__ = ["any_value", "key_values", "recorded_span", "span_message", "stored_span"]

_CODES: Final = {
    SpanStatusCode.OK: Status.STATUS_CODE_OK,
    SpanStatusCode.ERROR: Status.STATUS_CODE_ERROR,
    SpanStatusCode.UNSET: Status.STATUS_CODE_UNSET,
}
_JSON_PREFIX: Final = "mlflow."
_KINDS: Final = {bool: "bool_value", int: "int_value", float: "double_value"}
_INT_64: Final = range(-(1 << 63), 1 << 63)
_TRACE_ID_BYTES: Final = 16
_SPAN_ID_BYTES: Final = 8


def stored_span(message: OtlpSpan) -> StoredSpan:
    """Return an OTLP Span as a span of a store.

    Raises:
        InvalidArgumentError: when an id has another length than OTLP's.
    """
    ids = len(message.trace_id), len(message.span_id)
    if ids != (_TRACE_ID_BYTES, _SPAN_ID_BYTES):
        raise InvalidArgumentError(
            f"The ids of this span have {ids[0]} and {ids[1]} bytes; a trace id has "
            "16, a span id has 8."
        )
    block = ScopeSpans(spans=[message]).SerializeToString()
    return StoredSpan(message, b"", b"", block, 0)


def recorded_span(span: ReadableSpan | LiveOTelSpan) -> StoredSpan:
    """Return a span of OpenTelemetry's SDK, ended or not, as a span of a store."""
    if isinstance(span, ReadableSpan):
        [resource] = encode_spans([span]).resource_spans
        return stored_span(resource.scope_spans[0].spans[0])
    ids = span.get_span_context()
    return stored_span(
        OtlpSpan(
            trace_id=ids.trace_id.to_bytes(_TRACE_ID_BYTES, "big"),
            span_id=ids.span_id.to_bytes(_SPAN_ID_BYTES, "big"),
        )
    )


def span_message(source: StoredSpan | SpanContent) -> OtlpSpan:
    """Return a span as an OTLP Span; one of a store as it arrived."""
    if isinstance(source, StoredSpan):
        copied = OtlpSpan()
        copied.CopyFrom(source.message)
        return copied
    return OtlpSpan(
        trace_id=source.trace_id,
        span_id=source.span_id,
        parent_span_id=source.parent_span_id or b"",
        name=source.name,
        start_time_unix_nano=source.start_ns,
        end_time_unix_nano=source.end_ns,
        status=Status(
            code=_CODES[source.status.status_code], message=source.status.description
        ),
        attributes=[
            KeyValue(key=key, value=_attribute(key, text))
            for key, text in source.attributes.items()
            if key != REQUEST_ID_ATTRIBUTE
        ],
        events=[
            OtlpSpan.Event(
                name=event.name,
                time_unix_nano=event.timestamp,
                attributes=key_values(event.attributes),
            )
            for event in source.events
        ],
        links=[
            OtlpSpan.Link(
                trace_id=bytes.fromhex(link.trace_id.removeprefix("tr-")),
                span_id=bytes.fromhex(link.span_id),
                attributes=key_values(link.attributes or {}),
            )
            for link in source.links
        ],
    )


def key_values(values: Mapping[str, Any]) -> list[KeyValue]:
    """Return plain values by key as attributes of OTLP."""
    return [KeyValue(key=key, value=any_value(value)) for key, value in values.items()]


def any_value(value: Any) -> AnyValue:
    """Return a plain value as OTLP's; an integer over 64 bits as its text."""
    if isinstance(value, list | tuple):
        return AnyValue(array_value=ArrayValue(values=map(any_value, value)))
    if isinstance(value, Mapping):
        return AnyValue(kvlist_value=KeyValueList(values=key_values(value)))
    if value is None:
        return AnyValue()
    kind = _KINDS.get(type(value), "string_value")
    if kind == "int_value" and value not in _INT_64:
        kind = "string_value"
    made = AnyValue()
    setattr(made, kind, str(value) if kind == "string_value" else value)
    return made


def _attribute(key: str, text: str) -> AnyValue:
    """Return an attribute: those of MLflow's are JSON text on the wire."""
    if key.startswith(_JSON_PREFIX) and not key.startswith(keys.TAG_PREFIX):
        return AnyValue(string_value=text)
    return any_value(loads(text))
