"""Spans on a timeline of their own, as messages and as rows of the store."""

from collections.abc import Iterable, Mapping
from typing import Any

from opentelemetry.proto.common.v1.common_pb2 import InstrumentationScope
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from spanframe_store.contract.results import SpanBlock
from spanframe_store.otlp.stored_spans import StoredSpan, spans_of
from spanframe_store.sql.blocks import Codec
from tests.plugins.otlp import pairs

START_MS = 1_763_856_000_000
"""2025-11-23T00:00:00Z: the start of span times that are given as offsets."""

_CODES = {
    "UNSET": Status.STATUS_CODE_UNSET,
    "OK": Status.STATUS_CODE_OK,
    "ERROR": Status.STATUS_CODE_ERROR,
}


def trace_bytes(trace: int) -> bytes:
    """Return the 16 bytes of a trace id."""
    return trace.to_bytes(16, "big")


def request_id(trace: int) -> str:
    """Return the request id of a trace."""
    return f"tr-{trace:032x}"


def otlp_span(
    trace: int = 1,
    span: int = 1,
    parent: int = 0,
    *,
    name: str = "work",
    start_ms: int = 0,
    duration_ms: int | None = 10,
    status: str = "UNSET",
    message: str = "",
    attributes: Mapping[str, Any] | None = None,
    events: Iterable[Span.Event] = (),
    links: Iterable[Span.Link] = (),
    flags: int = 0,
) -> Span:
    """Return a span; ``start_ms`` counts from `START_MS`, no duration: not ended."""
    start_ns = (START_MS + start_ms) * 1_000_000
    return Span(
        trace_id=trace_bytes(trace),
        span_id=span.to_bytes(8, "big"),
        parent_span_id=parent.to_bytes(8, "big") if parent else b"",
        name=name,
        start_time_unix_nano=start_ns,
        end_time_unix_nano=0
        if duration_ms is None
        else start_ns + duration_ms * 1_000_000,
        status=Status(code=_CODES[status], message=message),
        attributes=pairs(attributes or {}),
        events=events,
        links=links,
        flags=flags,
    )


def stored_block(*spans: Span, scope: str = "", origin: bytes = b"") -> SpanBlock:
    """Return spans of one scope as the reader hands them over."""
    codec = Codec()
    [body] = codec.pack([[span.SerializeToString() for span in spans]])
    scope_message = InstrumentationScope(name=scope).SerializeToString()
    return SpanBlock(origin, scope_message, codec, body)


def stored_span(span: Span, scope: str = "") -> StoredSpan:
    """Return a span as it comes out of its block."""
    [found] = spans_of(stored_block(span, scope=scope))
    return found
