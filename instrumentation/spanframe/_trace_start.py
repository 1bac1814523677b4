"""Spans of other libraries: what begins a trace, or continues one, on our provider."""

from collections.abc import Callable, Mapping, MutableMapping
from typing import Any, Final

from opentelemetry.context import Context, get_current
from opentelemetry.sdk.trace import Span, SpanProcessor
from opentelemetry.trace import Span as AnySpan
from opentelemetry.trace import get_current_span

from spanframe._guard import fault
from spanframe._trace_attributes import experiment_of

__all__ = ["SCOPE", "TraceStart"]

SCOPE: Final = "spanframe"
"""Name of the instrumentation scope of our own spans."""


class TraceStart(SpanProcessor):
    """Gives spans of instrumentors what our own begin with.

    Without it a trace that an instrumentor begins has no experiment, and a span of one
    that arrives before its root goes to another experiment until then.

    Args:
        begins: returns the attributes of a trace that begins in a context.
        roots: the spans that began a trace here, by trace id.
    """

    def __init__(
        self,
        begins: Callable[[Context], Mapping[str, str]],
        roots: MutableMapping[int, AnySpan],
    ) -> None:
        self._begins = begins
        self._roots = roots

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        """Add the attributes that the span does not have."""
        scope = span.instrumentation_scope
        if scope is not None and scope.name == SCOPE:
            return
        try:
            context = get_current() if parent_context is None else parent_context
            own = span.attributes or {}
            attributes = {
                key: value
                for key, value in self._attributes(span, context).items()
                if key not in own
            }
            if attributes:
                span.set_attributes(attributes)
        except Exception:  # noqa: BLE001 - the guard: OpenTelemetry has none here
            fault("starting a span of another library")

    def _attributes(self, span: Span, context: Context) -> Mapping[str, Any]:
        parent = get_current_span(context)
        if isinstance(parent, Span) and parent.resource is span.resource:
            return experiment_of(parent.attributes or {})
        self._roots[span.get_span_context().trace_id] = span
        return self._begins(context)
