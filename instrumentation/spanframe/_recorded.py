"""`RecordedSpan`: the values of a span, for reading."""

import json
from collections.abc import Mapping
from typing import Any, Final

from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import INVALID_SPAN_CONTEXT, SpanContext
from opentelemetry.trace import Span as OTelSpan
from opentelemetry.trace.status import Status

from spanframe import keys
from spanframe.entities import SpanEvent, SpanStatus, SpanStatusCode

__all__ = ["JSON_KEYS", "SPAN_DESCRIPTION", "SPAN_LOG_LEVEL", "RecordedSpan"]

SPAN_DESCRIPTION: Final = "mlflow.spanDescription"
SPAN_LOG_LEVEL: Final = "mlflow.spanLogLevel"
_CONTAINERS: Final = ("{", "[")
"""The first characters of JSON that an object or a mixed list is written as."""

JSON_KEYS: Final = frozenset(
    {
        keys.SPAN_INPUTS,
        keys.SPAN_OUTPUTS,
        keys.SPAN_TYPE,
        keys.SPAN_FUNCTION_NAME,
        SPAN_DESCRIPTION,
        SPAN_LOG_LEVEL,
    }
)


class RecordedSpan:
    """A span, for reading.

    Attributes:
        otel_span: the OpenTelemetry span underneath.
    """

    __slots__ = ("__weakref__", "otel_span")

    otel_span: OTelSpan | ReadableSpan

    def __init__(self, otel_span: OTelSpan | ReadableSpan) -> None:
        self.otel_span = otel_span

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.name!r}, trace_id={self.trace_id!r})"

    @property
    def context(self) -> SpanContext:
        """The ids, as OpenTelemetry's span context."""
        return self.otel_span.get_span_context() or INVALID_SPAN_CONTEXT

    @property
    def trace_id(self) -> str:
        """The request id of the trace, ``tr-`` and 32 hex digits."""
        return keys.request_id(self.context.trace_id)

    @property
    def request_id(self) -> str:
        """The request id of the trace; MLflow 2's name for `trace_id`."""
        return self.trace_id

    @property
    def span_id(self) -> str:
        """The id of the span, 16 hex digits."""
        return f"{self.context.span_id:016x}"

    @property
    def parent_id(self) -> str | None:
        """The id of the parent span, None for a root."""
        parent = getattr(self.otel_span, "parent", None)
        return f"{parent.span_id:016x}" if parent is not None else None

    @property
    def name(self) -> str:
        """The name of the span."""
        return getattr(self.otel_span, "name", "")

    @property
    def start_time_ns(self) -> int:
        """Start of the span, in epoch nanoseconds."""
        return getattr(self.otel_span, "start_time", None) or 0

    @property
    def end_time_ns(self) -> int | None:
        """End of the span, in epoch nanoseconds; None while it is open."""
        return getattr(self.otel_span, "end_time", None)

    @property
    def status(self) -> SpanStatus:
        """The status so far."""
        status = getattr(self.otel_span, "status", Status())
        return SpanStatus(
            SpanStatusCode(status.status_code.name), status.description or ""
        )

    @property
    def inputs(self) -> Any:
        """The recorded inputs, None when there are none."""
        return self.get_attribute(keys.SPAN_INPUTS)

    @property
    def outputs(self) -> Any:
        """The recorded outputs, None when there are none."""
        return self.get_attribute(keys.SPAN_OUTPUTS)

    @property
    def span_type(self) -> str:
        """The type of the span, ``UNKNOWN`` when none is set."""
        return str(self.get_attribute(keys.SPAN_TYPE) or "UNKNOWN")

    @property
    def attributes(self) -> dict[str, Any]:
        """The attributes so far; JSON that spanframe wrote is decoded."""
        return {key: self.get_attribute(key) for key in self._attributes()}

    @property
    def events(self) -> list[SpanEvent]:
        """The events so far."""
        events = (
            self.otel_span.events if isinstance(self.otel_span, ReadableSpan) else ()
        )
        return [
            SpanEvent(e.name, e.timestamp, dict(e.attributes or {})) for e in events
        ]

    def get_attribute(self, key: str) -> Any:
        """Return one attribute, None when it is not set."""
        value = self._attributes().get(key)
        if isinstance(value, str) and (key in JSON_KEYS or value[:1] in _CONTAINERS):
            try:
                return json.loads(value)
            except (ValueError, RecursionError):
                return value
        return list(value) if isinstance(value, tuple) else value

    def _attributes(self) -> Mapping[str, Any]:
        return (
            (self.otel_span.attributes or {})
            if isinstance(self.otel_span, ReadableSpan)
            else {}
        )
