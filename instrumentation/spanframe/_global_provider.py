"""Recording through the app's global provider: what becomes of the spans is its matter.

Spanframe cannot see whether they are exported; it counts them, and says once when the
provider looks as if they were not.
"""

from typing import Any

from opentelemetry import trace as otel_trace
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SimpleSpanProcessor

from spanframe._guard import warn
from spanframe._stats import Losses

__all__ = ["note_handed_over", "note_unrecorded"]

_EXPORT_ALL = (BatchSpanProcessor.on_end, SimpleSpanProcessor.on_end)


def note_unrecorded(losses: Losses) -> None:
    """Count a span that was not started, unless a sampler decided against it."""
    provider = otel_trace.get_tracer_provider()
    if isinstance(
        provider, otel_trace.ProxyTracerProvider | otel_trace.NoOpTracerProvider
    ):
        losses.add("unrecorded", 1, "no global provider is set up")


def note_handed_over(losses: Losses) -> None:
    """Count a span that ended on the global provider; with the first, look at that."""
    losses.hand_over()
    if losses.handed_over == 1:
        _warn_of_processors(otel_trace.get_tracer_provider())


def _warn_of_processors(provider: Any) -> None:
    """Warn when no processor of the provider is known to export every span."""
    group = getattr(provider, "_active_span_processor", None)
    processors = getattr(group, "_span_processors", None)
    if processors is None or any(_exports_all(p) for p in processors):
        return
    names = ", ".join(sorted({type(p).__name__ for p in processors}))
    warn(
        "Spans are handed to the global provider, %s. Add a BatchSpanProcessor with an "
        "exporter to it, or set SPANFRAME_USE_GLOBAL_PROVIDER to false.",
        f"whose processors may drop them: {names}"
        if names
        else "which has no processor: they are lost",
    )


def _exports_all(processor: object) -> bool:
    return getattr(type(processor), "on_end", None) in _EXPORT_ALL
