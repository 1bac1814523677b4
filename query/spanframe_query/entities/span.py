"""A recorded span, decoded on first use."""

from collections.abc import Mapping
from functools import cached_property
from typing import Any, Final, NoReturn, Self

from opentelemetry.proto.trace.v1.trace_pb2 import Span as OtlpSpan

from spanframe import keys
from spanframe._mlflow_names import Explained
from spanframe.entities import Link, SpanEvent, SpanLogLevel, SpanStatus
from spanframe_query.entities import otlp, span_dict
from spanframe_store.otlp.content import (
    REQUEST_ID_ATTRIBUTE,
    SpanContent,
    decode_body,
    loads,
)
from spanframe_store.otlp.stored_spans import StoredSpan

__all__ = ["Span"]

_LOG_LEVEL: Final = "mlflow.spanLogLevel"
_DESCRIPTION: Final = "mlflow.spanDescription"
_LEVELS: Final = frozenset(SpanLogLevel)
_COST: Final = "mlflow.llm.cost"


class Span(Explained):
    """A span of a trace; immutable.

    Args:
        source: a span of a block, decoded on first use, or the content of a span.
    """

    def __init__(self, source: StoredSpan | SpanContent) -> None:
        self._source = source

    @cached_property
    def _content(self) -> SpanContent:
        source = self._source
        return source if isinstance(source, SpanContent) else decode_body(source)

    @cached_property
    def _values(self) -> dict[str, Any]:
        return {key: loads(text) for key, text in self._content.attributes.items()}

    @property
    def name(self) -> str:
        """The name of the span."""
        return self._source.name

    @property
    def start_time_ns(self) -> int:
        """The start, in nanoseconds since the epoch."""
        return self._source.start_ns

    @property
    def end_time_ns(self) -> int | None:
        """The end, in nanoseconds since the epoch; None while it has not ended."""
        return self._source.end_ns or None

    @property
    def trace_id(self) -> str:
        """The id of the trace, ``tr-`` and 32 hex digits."""
        return str(self.get_attribute(REQUEST_ID_ATTRIBUTE))

    @property
    def request_id(self) -> str:
        """The id of the trace, under its name in MLflow 2.x."""
        return self.trace_id

    @property
    def span_id(self) -> str:
        """The id of the span, 16 hex digits."""
        return self._source.span_id.hex()

    @property
    def parent_id(self) -> str | None:
        """The id of the parent span; None for a root."""
        parent = self._source.parent_span_id
        return parent.hex() if parent else None

    @property
    def status(self) -> SpanStatus:
        """The status of the span."""
        return self._content.status

    @property
    def inputs(self) -> Any:
        """The inputs, decoded from JSON; None when the span has none."""
        return self.get_attribute(keys.SPAN_INPUTS)

    @property
    def outputs(self) -> Any:
        """The outputs, decoded from JSON; None when the span has none."""
        return self.get_attribute(keys.SPAN_OUTPUTS)

    @property
    def span_type(self) -> str:
        """The type: ``LLM``, ``TOOL``, …, ``UNKNOWN``, or a text of the app."""
        return str(self.get_attribute(keys.SPAN_TYPE))

    @property
    def attributes(self) -> dict[str, Any]:
        """All attributes, decoded."""
        return dict(self._values)

    @property
    def events(self) -> list[SpanEvent]:
        """The events, in the order in which they were recorded."""
        return list(self._content.events)

    @property
    def links(self) -> list[Link]:
        """The links to spans of other traces."""
        return list(self._content.links)

    @property
    def log_level(self) -> int | None:
        """The severity, a `SpanLogLevel`; None when not classified."""
        level = self.get_attribute(_LOG_LEVEL)
        if level in _LEVELS:
            return SpanLogLevel(level)
        return level if isinstance(level, int) else None

    @property
    def description(self) -> str | None:
        """The description that the app gave; None without one."""
        text = self.get_attribute(_DESCRIPTION)
        return None if text is None else str(text)

    @property
    def model_name(self) -> str | None:
        """The name of the called model; None when it is unknown."""
        name = self.get_attribute(keys.LLM_MODEL)
        return None if name is None else str(name)

    @property
    def llm_cost(self) -> dict[str, float] | None:
        """``input_cost``, ``output_cost``, ``total_cost`` in USD; None: unknown."""
        cost = self.get_attribute(_COST)
        return cost if isinstance(cost, dict) else None

    def get_attribute(self, key: str) -> Any:
        """Return the decoded value of an attribute; None when the span lacks it."""
        text = self._content.attributes.get(key)
        return None if text is None else loads(text)

    def attribute_json(self, key: str) -> str | None:
        """Return the JSON text of an attribute; None when it is absent."""
        return self._content.attributes.get(key)

    def to_otel_proto(self) -> OtlpSpan:
        """Return the span as OTLP's message, one of a store as it arrived."""
        return otlp.span_message(self._source)

    @classmethod
    def from_otel_proto(cls, otel_proto_span: OtlpSpan) -> Self:
        """Read a span from OTLP's message.

        Raises:
            InvalidArgumentError: when an id has another length than OTLP's.
        """
        return cls(otlp.stored_span(otel_proto_span))

    def to_dict(self) -> dict[str, Any]:
        """Return the span as a dictionary of MLflow 3.17: attributes are JSON texts."""
        return span_dict.to_dict(self._content)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Read a span from a dictionary of MLflow 3.x (ids base64 or hex) or 2.x.

        Raises:
            InvalidArgumentError: when the dictionary has none of these shapes.
        """
        return cls(span_dict.from_dict(data))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Span) and self._content == other._content

    def __hash__(self) -> int:
        return hash((self._content.trace_id, self._content.span_id))

    def __repr__(self) -> str:
        return (
            f"Span(name={self.name!r}, trace_id={self.trace_id!r}, "
            f"span_id={self.span_id!r}, parent_id={self.parent_id!r})"
        )

    def __getitem__(self, key: object) -> NoReturn:
        raise TypeError(
            "A span is not a dictionary: write span.name, span.inputs or "
            f"span.get_attribute({key!r}). span.to_dict() returns a dictionary."
        )

    # `__getitem__` alone would make `in` and iteration appear to work.
    __iter__ = None

    def _repr_html_(self) -> str:
        from spanframe_query.entities import html  # noqa: PLC0415 - it draws spans

        return html.span_html(self)
