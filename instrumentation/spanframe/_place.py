"""Where a new span belongs: under what is current, recorded or not."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from opentelemetry.context import Context
from opentelemetry.trace import INVALID_SPAN, get_current_span
from opentelemetry.trace import Link as OTelLink
from opentelemetry.trace import Span as OTelSpan

from spanframe._context import LIVE, SPAN, UNSAMPLED, ambient_of
from spanframe._live import LiveSpan
from spanframe._recorder import Recorder
from spanframe._runtime import runtime

__all__ = ["NOTHING", "Place", "begin", "is_ours", "place", "recorder"]

# The context to start a span in, the outermost span of its trace in this process (None:
# the trace begins here), and the attributes it begins with because of where it is.
Place = tuple[Context, LiveSpan | None, Mapping[str, str]]

NOTHING: Final[Mapping[str, str]] = {}


def recorder() -> Recorder | None:
    """Return what spans are recorded with; None while recording is off."""
    if not runtime.enabled:
        return None
    current = runtime.recorder or runtime.start()
    # Starting reads the settings, which may switch recording off.
    return current if runtime.is_enabled() else None


def place(
    recorder: Recorder, context: Context, ratio: float | None = None
) -> Place | None:
    """Find the place of a new span under what is current in ``context``.

    Args:
        recorder: what to record with.
        context: where the parent is looked for.
        ratio: the share of new traces to record, instead of the setting.

    Returns:
        None when the span is not to be recorded.
    """
    ambient = ambient_of(context)
    if ambient is not None and not ambient.enabled:
        return None
    # Nothing is current where most traces begin: looked at first.
    parent = get_current_span(context) if SPAN in context else INVALID_SPAN
    parent_context = parent.get_span_context()
    if parent is not INVALID_SPAN and parent_context.is_valid:
        unsampled = recorder.follows_parent and not parent_context.trace_flags & 1
        if unsampled or parent is UNSAMPLED:
            return None
        root = _local_root(recorder, context, parent)
        if root is not None:
            return context, root, NOTHING
    elif not recorder.draw(recorder.ratio if ratio is None else ratio):
        return None
    if ambient is None:
        return context, None, runtime.root_attributes
    return context, None, {**runtime.root_attributes, **ambient.attributes}


def begin(
    recorder: Recorder,
    where: Place,
    name: str,
    attributes: Mapping[str, Any],
    links: Sequence[OTelLink] | None = None,
    start_time_ns: int | None = None,
    of_trace: Mapping[str, str] = NOTHING,
) -> LiveSpan | None:
    """Start a span in its place; it is not made current.

    Args:
        recorder: what to record with.
        where: its place.
        name: its name.
        attributes: its rendered attributes.
        links: its rendered links.
        start_time_ns: its start in epoch nanoseconds; now when None.
        of_trace: rendered facts of the trace, for a span that begins one.

    Returns:
        None when OpenTelemetry's sampler leaves it out.
    """
    context, root, inherited = where
    if start_time_ns is None and runtime.clock is not None:
        start_time_ns = runtime.clock()
    span = recorder.tracer.start_span(
        name,
        context,
        attributes=(
            {**inherited, **of_trace, **attributes} if root is None else attributes
        ),
        links=links,
        start_time=start_time_ns,
    )
    if not span.is_recording():
        return None
    return LiveSpan(span, recorder.capture, root)


def _local_root(
    recorder: Recorder, context: Context, parent: OTelSpan
) -> LiveSpan | None:
    """Return the outermost span of the parent's trace that this process records.

    None when there is none: the parent is in another process, or belongs to another
    library's provider, whose spans do not reach our collector.
    """
    live = context.get(LIVE)
    if isinstance(live, LiveSpan):
        own = live.otel_span.get_span_context()
        if own.trace_id == parent.get_span_context().trace_id:
            return live.root
    if is_ours(recorder, parent):
        return LiveSpan(parent, recorder.capture)
    return None


def is_ours(recorder: Recorder, span: OTelSpan) -> bool:
    """Say whether ``span``, made by any library, goes out through our provider."""
    resource = getattr(span, "resource", None)
    return resource is not None and resource is getattr(
        recorder.provider, "resource", None
    )
