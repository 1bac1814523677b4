"""What is current: the OpenTelemetry context, with two entries of our own.

Spans become current through OpenTelemetry's context, so that spans of other tracing
libraries nest under ours and ours under theirs. Our entries ride in the same context:
the `LiveSpan` of the current span, and what `spanframe.tracing.context` holds.
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

# OpenTelemetry's own entry for the current span.
SPAN: Final = next(iter(set_span_in_context(INVALID_SPAN, Context())))
LIVE: Final = create_key("spanframe-live-span")
AMBIENT: Final = create_key("spanframe-ambient")

# Stands for every span that is not recorded: valid, so that children see a parent, and
# not sampled, so that they and other processes follow. Samplers that look at the id
# alone leave out the largest one.
UNSAMPLED: Final = NonRecordingSpan(
    SpanContext(
        (1 << 128) - 1, 1, is_remote=False, trace_flags=TraceFlags(TraceFlags.DEFAULT)
    )
)
_ONLY_UNSAMPLED: Final = set_span_in_context(UNSAMPLED, Context())


@dataclasses.dataclass(frozen=True)
class Ambient:
    """What traces started inside a ``tracing.context`` begin with."""

    attributes: Mapping[str, str]
    enabled: bool = True


def ambient_of(context: Context) -> Ambient | None:
    """Return what `spanframe.tracing.context` holds in ``context``."""
    return cast("Ambient | None", context.get(AMBIENT))


def with_entry(context: Context, key: str, value: object) -> Context:
    """Return ``context`` with one more entry."""
    entries = dict(context)
    entries[key] = value
    return Context(entries)


def unsampled(context: Context) -> Context | None:
    """Return ``context`` with nothing inside recorded; None when nothing is already."""
    if not context:
        return _ONLY_UNSAMPLED
    if get_current_span(context).get_span_context().is_valid:
        return None
    return set_span_in_context(UNSAMPLED, context)


def enter_unsampled(context: Context) -> Token[Context] | None:
    """Keep everything inside the current call unrecorded; None when it already is."""
    inside = unsampled(context)
    return None if inside is None else attach(inside)


def leave(token: Token[Context]) -> None:
    """Make current again what was current before ``token`` was given out.

    A block entered in one context and left in another (a generator finished by the
    garbage collector) has nothing to restore where it ends: that is no error.
    """
    try:
        token.var.reset(token)
    except (ValueError, RuntimeError):
        return
