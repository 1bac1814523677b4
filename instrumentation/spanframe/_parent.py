"""The parent of a new span, and whether the span is recorded."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from opentelemetry.context import Context
from opentelemetry.trace import INVALID_SPAN, get_current_span
from opentelemetry.trace import Link as OTelLink
from opentelemetry.trace import Span as OTelSpan

from spanframe._context import LIVE, SPAN, UNSAMPLED, ambient_of
from spanframe._global_provider import note_unrecorded
from spanframe._live import LiveSpan
from spanframe._recorder import Recorder
from spanframe._runtime import runtime
from spanframe._trace_attributes import replacing_experiment

__all__ = [
    "NO_ATTRIBUTES",
    "Parent",
    "find_parent",
    "is_ours",
    "recorder",
    "start_live_span",
]

# The context to start a span in, the outermost span of its trace in this process (None:
# the trace begins with the span), and the attributes of a trace that begins.
Parent = tuple[Context, LiveSpan | None, Mapping[str, str]]

NO_ATTRIBUTES: Final[Mapping[str, str]] = {}


def recorder() -> Recorder | None:
    """Return the recorder of new spans; None while recording is off."""
    if not runtime.enabled:
        return None
    current = runtime.recorder or runtime.start()
    # `start` reads the settings, which may switch recording off.
    return current if runtime.is_enabled() else None


def find_parent(
    recorder: Recorder, context: Context, ratio: float | None = None
) -> Parent | None:
    """Find the parent of a new span in ``context``.

    Args:
        recorder: the recorder of the span.
        context: the context whose current span is the parent.
        ratio: the share of new traces to record, instead of the setting.

    Returns:
        None when the span is not to be recorded.
    """
    ambient = ambient_of(context)
    if ambient is not None and not ambient.enabled:
        return None
    # Most traces begin where no span is current: this case comes first.
    parent = get_current_span(context) if SPAN in context else INVALID_SPAN
    parent_context = parent.get_span_context()
    if parent is not INVALID_SPAN and parent_context.is_valid:
        unsampled = recorder.follows_parent and not parent_context.trace_flags & 1
        if unsampled or parent is UNSAMPLED:
            return None
        root = _local_root(recorder, context, parent)
        if root is not None:
            return context, root, NO_ATTRIBUTES
    elif not recorder.is_sampled(recorder.ratio if ratio is None else ratio):
        return None
    return context, None, runtime.begins(context)


def start_live_span(
    recorder: Recorder,
    parent: Parent,
    name: str,
    attributes: Mapping[str, Any],
    links: Sequence[OTelLink] | None = None,
    start_time_ns: int | None = None,
    for_new_trace: Mapping[str, str] = NO_ATTRIBUTES,
    level_given: bool = False,
) -> LiveSpan | None:
    """Start a span; it is not made current.

    Args:
        recorder: the recorder of the span.
        parent: its parent.
        name: its name.
        attributes: its rendered attributes.
        links: its rendered links.
        start_time_ns: its start in epoch nanoseconds; now when None.
        for_new_trace: rendered attributes of the trace, for a span that begins one.
        level_given: whether the app chose the level among the attributes.

    Returns:
        None when OpenTelemetry's sampler decides against it.
    """
    context, root, inherited = parent
    if start_time_ns is None and runtime.clock is not None:
        start_time_ns = runtime.clock()
    if root is not None:
        # A span may arrive long before the root of its trace.
        begins: Mapping[str, str] = root.experiment
    elif for_new_trace:
        begins = replacing_experiment(inherited, for_new_trace)
    else:
        begins = inherited
    span = recorder.tracer.start_span(
        name,
        context,
        attributes={**begins, **attributes} if begins else attributes,
        links=links,
        start_time=start_time_ns,
    )
    if not span.is_recording():
        if runtime.uses_global_provider:
            note_unrecorded(runtime.losses)
        return None
    if root is None:
        runtime.roots[span.get_span_context().trace_id] = span
    live = LiveSpan(span, recorder.capture, root)
    live.level_given = level_given
    return live


def _local_root(
    recorder: Recorder, context: Context, parent: OTelSpan
) -> LiveSpan | None:
    """Return the outermost span of the parent's trace that this process records.

    It is None when the parent is in another process, or belongs to another library's
    provider, whose spans do not reach our collector.
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
    """Return whether ``span``, made by any library, belongs to our provider."""
    resource = getattr(span, "resource", None)
    return resource is not None and resource is getattr(
        recorder.provider, "resource", None
    )
