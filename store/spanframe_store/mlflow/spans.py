"""A span as MLflow's tracking store keeps it, JSON text → OTLP.

MLflow writes each attribute as JSON text, whatever it received. The text stays as it
is; the name of the scope says so to readers, as that of MLflow's SDK does.
"""

import base64
import json
from collections.abc import Mapping
from typing import Any, Final

from opentelemetry.proto.common.v1.common_pb2 import (
    AnyValue,
    InstrumentationScope,
    KeyValue,
)
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from spanframe import keys
from spanframe_store.contract.foreign import ForeignSpan

__all__ = ["span_of"]

_SCOPE: Final = InstrumentationScope(name="mlflow.tracking_store").SerializeToString()
_CODES: Final = {
    "STATUS_CODE_OK": Status.STATUS_CODE_OK,
    "STATUS_CODE_ERROR": Status.STATUS_CODE_ERROR,
}
_SPAN_ID_HEX: Final = 16


def span_of(trace_id: bytes, content: str) -> ForeignSpan:
    """Return a span of a trace.

    The same text always gives the same bytes, so that it is stored once.

    Args:
        trace_id: the 16 bytes of the trace id.
        content: the column ``content`` of the table ``spans``.

    Raises:
        ValueError: it is not a span.
    """
    try:
        body = _span(trace_id, json.loads(content)).SerializeToString(
            deterministic=True
        )
    except (TypeError, KeyError, AttributeError, RecursionError) as error:
        raise ValueError("not a span") from error
    return ForeignSpan(body, (b"", ""), (_SCOPE, ""))


def _span(trace_id: bytes, said: Mapping[str, Any]) -> Span:
    status = said.get("status") or {}
    return Span(
        trace_id=trace_id,
        span_id=_id(said["span_id"]),
        parent_span_id=_id(said.get("parent_span_id")),
        name=said["name"],
        start_time_unix_nano=said["start_time_unix_nano"],
        end_time_unix_nano=said.get("end_time_unix_nano") or 0,
        status=Status(
            code=_CODES.get(status.get("code", ""), Status.STATUS_CODE_UNSET),
            message=status.get("message") or "",
        ),
        attributes=[
            KeyValue(key=key, value=AnyValue(string_value=_text(value)))
            for key, value in (said.get("attributes") or {}).items()
        ],
        events=[
            Span.Event(
                name=event["name"],
                time_unix_nano=event["time_unix_nano"],
                attributes=_pairs(event.get("attributes")),
            )
            for event in said.get("events") or ()
        ],
        links=[
            Span.Link(
                trace_id=_trace_id(link["trace_id"]),
                span_id=_id(link["span_id"]),
                attributes=_pairs(link.get("attributes")),
            )
            for link in said.get("links") or ()
        ],
    )


def _id(text: str | None) -> bytes:
    """Read the id of a span: base64, or the hex digits of earlier versions."""
    if not text:
        return b""
    if len(text) == _SPAN_ID_HEX:
        return bytes.fromhex(text)
    return base64.b64decode(text, validate=True)


def _trace_id(text: str) -> bytes:
    if text.startswith(keys.REQUEST_ID_PREFIX):
        return bytes.fromhex(text.removeprefix(keys.REQUEST_ID_PREFIX))
    return base64.b64decode(text, validate=True)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _pairs(values: Mapping[str, Any] | None) -> list[KeyValue]:
    return [
        KeyValue(key=key, value=_value(value)) for key, value in (values or {}).items()
    ]


def _value(value: Any) -> AnyValue:
    match value:
        case bool():
            return AnyValue(bool_value=value)
        case int():
            return AnyValue(int_value=value)
        case float():
            return AnyValue(double_value=value)
        case str():
            return AnyValue(string_value=value)
        case _:
            return AnyValue(string_value=json.dumps(value))
