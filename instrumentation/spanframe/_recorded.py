"""`RecordedSpan`: the values of a span, for reading."""

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import INVALID_SPAN_CONTEXT, SpanContext
from opentelemetry.trace import Span as OTelSpan
from opentelemetry.trace.status import Status

from spanframe import _lazy, keys
from spanframe._mlflow_names import Explained
from spanframe.entities import Link, SpanEvent, SpanLogLevel, SpanStatus, SpanStatusCode

if TYPE_CHECKING:
    from spanframe_query.entities import Span

__all__ = [
    "JSON_KEYS",
    "SPAN_CHAT_TOOLS",
    "SPAN_DESCRIPTION",
    "SPAN_INTERMEDIATE_OUTPUTS",
    "SPAN_LOG_LEVEL",
    "RecordedSpan",
]

SPAN_DESCRIPTION: Final = "mlflow.spanDescription"
SPAN_LOG_LEVEL: Final = "mlflow.spanLogLevel"
_CONTAINERS: Final = ("{", "[")
"""The first characters of JSON that an object or a mixed list is written as."""

SPAN_CHAT_TOOLS: Final = "mlflow.chat.tools"
SPAN_INTERMEDIATE_OUTPUTS: Final = "mlflow.trace.intermediate_outputs"
_LEVELS: Final = frozenset(SpanLogLevel)
JSON_KEYS: Final = frozenset(
    {
        keys.SPAN_INPUTS,
        keys.SPAN_OUTPUTS,
        keys.SPAN_TYPE,
        keys.SPAN_FUNCTION_NAME,
        keys.CHAT_USAGE,
        keys.LLM_COST,
        SPAN_CHAT_TOOLS,
        SPAN_DESCRIPTION,
        SPAN_INTERMEDIATE_OUTPUTS,
        SPAN_LOG_LEVEL,
    }
)


class RecordedSpan(Explained):
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

    @property
    def links(self) -> list[Link]:
        """The links to spans of other traces."""
        links = self.otel_span.links if isinstance(self.otel_span, ReadableSpan) else ()
        return [
            Link(
                keys.request_id(link.context.trace_id),
                f"{link.context.span_id:016x}",
                dict(link.attributes or {}),
            )
            for link in links
        ]

    @property
    def description(self) -> str | None:
        """The description, None when none is set."""
        text = self.get_attribute(SPAN_DESCRIPTION)
        return None if text is None else str(text)

    @property
    def log_level(self) -> int | None:
        """The level, a `SpanLogLevel`; None when none is set."""
        level = self.get_attribute(SPAN_LOG_LEVEL)
        return SpanLogLevel(level) if level in _LEVELS else level

    @property
    def model_name(self) -> str | None:
        """The name of the called model, None when none is set."""
        name = self.get_attribute(keys.LLM_MODEL)
        return None if name is None else str(name)

    @property
    def llm_cost(self) -> dict[str, float] | None:
        """``input_cost``, ``output_cost``, ``total_cost`` in USD; None: none is set."""
        cost = self.get_attribute(keys.LLM_COST)
        return cost if isinstance(cost, dict) else None

    def to_immutable_span(self) -> "Span":
        """Return the span as it is now, as a search returns it.

        Raises:
            MissingExtraError: when the extra ``query`` is not installed.
        """
        source: Any = _lazy.query("recorded_span", "spanframe_query.entities.otlp")
        made: Any = _lazy.query("Span", "spanframe_query.entities")
        span: Span = made(source(self.otel_span))
        return span

    def to_dict(self) -> dict[str, Any]:
        """Return the span as a dictionary of MLflow 3.17: attributes are JSON texts."""
        return self.to_immutable_span().to_dict()

    def to_otel_proto(self) -> Any:
        """Return the span as an OTLP Span, the message of Protobuf."""
        return self.to_immutable_span().to_otel_proto()

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
