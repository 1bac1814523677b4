"""The OpenTelemetry context, with two entries of our own.

Spans become current through OpenTelemetry's context, so that spans of other tracing
libraries nest under ours and ours under theirs. The same context has two more entries:
the `LiveSpan` of the current span, and the values of `spanframe.tracing.context`.
"""

import dataclasses
from collections.abc import Mapping
from contextvars import Token
from typing import Final, cast

from opentelemetry.context import Context, attach, create_key
from opentelemetry.trace import (
    INVALID_SPAN,
    NonRecordingSpan,
    SpanContext,
    TraceFlags,
    get_current_span,
)
from opentelemetry.trace.propagation import set_span_in_context

__all__ = [
    "AMBIENT",
    "LIVE",
    "SPAN",
    "UNSAMPLED",
    "Ambient",
    "ambient_of",
    "enter_unsampled",
    "leave",
    "unsampled",
    "with_entry",
]

# OpenTelemetry's entry for the current span.
SPAN: Final = next(iter(set_span_in_context(INVALID_SPAN, Context())))
LIVE: Final = create_key("spanframe-live-span")
AMBIENT: Final = create_key("spanframe-ambient")

# The current span where no span is recorded: valid, so that children see a parent, and
# not sampled, so that they and other processes are not recorded either. Samplers that
# look at the id alone do not record the largest one.
UNSAMPLED: Final = NonRecordingSpan(
    SpanContext(
        (1 << 128) - 1, 1, is_remote=False, trace_flags=TraceFlags(TraceFlags.DEFAULT)
    )
)
_ONLY_UNSAMPLED: Final = set_span_in_context(UNSAMPLED, Context())


@dataclasses.dataclass(frozen=True)
class Ambient:
    """Values of a ``tracing.context`` for the traces that begin inside it."""

    attributes: Mapping[str, str]
    enabled: bool = True


def ambient_of(context: Context) -> Ambient | None:
    """Return the values of `spanframe.tracing.context` in ``context``."""
    return cast("Ambient | None", context.get(AMBIENT))


def with_entry(context: Context, key: str, value: object) -> Context:
    """Return ``context`` with one more entry."""
    entries = dict(context)
    entries[key] = value
    return Context(entries)


def unsampled(context: Context) -> Context | None:
    """Return ``context`` with recording off; None when it is off already."""
    if not context:
        return _ONLY_UNSAMPLED
    if get_current_span(context).get_span_context().is_valid:
        return None
    return set_span_in_context(UNSAMPLED, context)


def enter_unsampled(context: Context) -> Token[Context] | None:
    """Switch recording off inside the current call; None when it is off already."""
    inside = unsampled(context)
    return None if inside is None else attach(inside)


def leave(token: Token[Context]) -> None:
    """Restore the context that was current when ``token`` was made.

    A block that is entered in one context and left in another (a generator that the
    garbage collector closes) has no context to restore: that is not an error.
    """
    try:
        token.var.reset(token)
    except (ValueError, RuntimeError):
        return
