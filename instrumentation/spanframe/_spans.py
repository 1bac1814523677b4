"""Starting spans: where a trace begins, what it inherits, what is current."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from contextvars import Token
from types import TracebackType
from typing import Any, Final, NamedTuple

from opentelemetry.context import Context, attach, get_current
from opentelemetry.trace import Link as OTelLink
from opentelemetry.trace import Span as OTelSpan
from opentelemetry.trace import get_current_span

from spanframe import keys
from spanframe._capture import Capture
from spanframe._context import (
    AMBIENT,
    LIVE,
    UNSAMPLED,
    ambient_of,
    enter_unsampled,
    leave,
    with_span,
)
from spanframe._guard import fault
from spanframe._live import (
    LiveSpan,
    NoOpSpan,
    level_number,
    otel_links,
    rendered_attributes,
)
from spanframe._recorded import SPAN_DESCRIPTION, SPAN_LOG_LEVEL
from spanframe._redaction import Redaction
from spanframe._runtime import Recorder, runtime
from spanframe._trace_facts import trace_attributes
from spanframe.entities import Link, SpanType

__all__ = [
    "Place",
    "begin",
    "close",
    "is_ours",
    "place",
    "recorder",
    "span_facts",
    "start_span",
    "start_span_no_context",
]

_NO_CAPTURE: Final = Capture(64, Redaction(()))
_NOTHING: Final[Mapping[str, str]] = {}


def recorder() -> Recorder | None:
    """Return what spans are recorded with; None while recording is off."""
    if not runtime.enabled:
        return None
    current = runtime.recorder or runtime.start()
    # Starting reads the settings, which may switch recording off.
    return current if runtime.is_enabled() else None


class Place(NamedTuple):
    """Where a new span belongs.

    Attributes:
        context: the OpenTelemetry context to start it in.
        root: the outermost span of the trace in this process; None: it begins here.
        inherited: what the span begins with because of where it is.
    """

    context: Context
    root: LiveSpan | None
    inherited: Mapping[str, str]


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
    parent = get_current_span(context)
    parent_context = parent.get_span_context()
    if parent_context.is_valid:
        unsampled = recorder.follows_parent and not parent_context.trace_flags & 1
        if unsampled or parent is UNSAMPLED:
            return None
        root = _local_root(recorder, context, parent)
        if root is not None:
            return Place(context, root, _NOTHING)
    elif not recorder.draw(recorder.ratio if ratio is None else ratio):
        return None
    if ambient is None:
        return Place(context, None, runtime.root_attributes)
    return Place(context, None, {**runtime.root_attributes, **ambient.attributes})


def begin(
    recorder: Recorder,
    where: Place,
    name: str,
    attributes: Mapping[str, Any],
    links: Sequence[OTelLink] | None = None,
    start_time_ns: int | None = None,
) -> LiveSpan | None:
    """Start a span in its place; it is not made current.

    Returns:
        None when OpenTelemetry's sampler leaves it out.
    """
    if where.inherited:
        attributes = {**where.inherited, **attributes}
    if start_time_ns is None and runtime.clock is not None:
        start_time_ns = runtime.clock()
    span = recorder.tracer.start_span(
        name,
        where.context,
        attributes=attributes,
        links=links,
        start_time=start_time_ns,
    )
    if not span.is_recording():
        return None
    return LiveSpan(span, recorder.capture, where.root)


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


class _Scope(AbstractContextManager[LiveSpan]):
    """The block of `start_span`: the span is current inside and ends with it."""

    __slots__ = ("_attributes", "_links", "_live", "_name", "_token")

    def __init__(
        self, name: str, attributes: Mapping[str, Any], links: Sequence[Link] | None
    ) -> None:
        self._name = name
        self._attributes = attributes
        self._links = links
        self._token: Token[Context] | None = None
        self._live: LiveSpan | None = None

    def __enter__(self) -> LiveSpan:
        try:
            current = recorder()
            if current is not None:
                return self._open(current)
        except Exception:  # noqa: BLE001 - the guard
            fault("starting a span")
        return NoOpSpan(_NO_CAPTURE)

    def _open(self, current: Recorder) -> LiveSpan:
        context = get_current()
        capture = current.capture
        where = place(current, context)
        live = where and begin(
            current,
            where,
            capture.text(self._name),
            rendered_attributes(capture, self._attributes),
            otel_links(capture, self._links),
        )
        if live is None:
            self._token = enter_unsampled(context)
            return NoOpSpan(capture)
        self._token = attach(with_span(context, live))
        self._live = live
        return live

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        stack: TracebackType | None,
    ) -> None:
        if self._token is not None:
            leave(self._token)
        if self._live is not None:
            close(self._live, error)


def close(live: LiveSpan, error: BaseException | None = None) -> None:
    """End a span after its block, with the exception that left it, if any."""
    try:
        if error is not None and live.is_recording:
            live.record_exception(error)
        live.end()
    except Exception:  # noqa: BLE001 - the guard
        fault("ending a span")


def start_span(
    name: str = "span",
    span_type: str | None = SpanType.UNKNOWN,
    attributes: Mapping[str, Any] | None = None,
    *,
    log_level: int | str | None = None,
    links: Sequence[Link] | None = None,
    description: str | None = None,
) -> AbstractContextManager[LiveSpan]:
    """Record a block of code: ``with spanframe.start_span("retrieve") as span:``.

    The first span of a context begins a trace; later ones are its children. An
    exception that leaves the block is recorded and raised on.

    Args:
        name: the span's name.
        span_type: one of `SpanType` or any other text.
        attributes: attributes to begin with.
        log_level: the level, 10 to 50 or its name.
        links: links to spans of other traces.
        description: in words, what the block does.

    Returns:
        A context manager that gives the `LiveSpan`.

    Raises:
        InvalidArgumentError: when ``log_level`` is no level.
    """
    facts = span_facts(span_type, attributes, log_level, description)
    return _Scope(name, facts, links)


def start_span_no_context(
    name: str,
    span_type: str | None = SpanType.UNKNOWN,
    parent_span: LiveSpan | None = None,
    inputs: Any = None,
    attributes: Mapping[str, Any] | None = None,
    tags: Mapping[str, str] | None = None,
    metadata: Mapping[str, str] | None = None,
    experiment: str | None = None,
    start_time_ns: int | None = None,
    *,
    log_level: int | str | None = None,
    links: Sequence[Link] | None = None,
    description: str | None = None,
) -> LiveSpan:
    """Start a span that is never current; the caller ends it with ``span.end()``.

    Args:
        name: the span's name.
        span_type: one of `SpanType` or any other text.
        parent_span: the parent; without one the span begins a trace.
        inputs: the inputs to record, None for none.
        attributes: attributes to begin with.
        tags: tags of the trace, for a span that begins one.
        metadata: metadata of the trace, for a span that begins one.
        experiment: the experiment of the trace, for a span that begins one.
        start_time_ns: the start in epoch nanoseconds; now when None.
        log_level: the level, 10 to 50 or its name.
        links: links to spans of other traces.
        description: in words, what the span does.

    Raises:
        InvalidArgumentError: naming the argument that cannot be used.
    """
    current = recorder()
    if current is None or isinstance(parent_span, NoOpSpan):
        return NoOpSpan(_NO_CAPTURE)
    capture = current.capture
    facts = span_facts(span_type, attributes, log_level, description)
    if inputs is not None:
        facts[keys.SPAN_INPUTS] = inputs
    rendered = rendered_attributes(capture, facts)
    here = get_current()
    context = Context({AMBIENT: here[AMBIENT]} if AMBIENT in here else {})
    if parent_span is None:
        rendered |= trace_attributes(capture, tags=tags, metadata=metadata)
        if experiment is not None:
            rendered[keys.EXPERIMENT] = capture.text(experiment)
    else:
        context = with_span(context, parent_span)
    where = place(current, context)
    live = where and begin(
        current,
        where,
        capture.text(name),
        rendered,
        otel_links(capture, links),
        start_time_ns,
    )
    return live or NoOpSpan(capture)


def span_facts(
    span_type: str | None,
    attributes: Mapping[str, Any] | None,
    log_level: int | str | None,
    description: str | None,
) -> dict[str, Any]:
    """Gather what a span begins with, not rendered yet.

    Raises:
        InvalidArgumentError: when ``log_level`` is no level.
    """
    facts = dict(attributes or {})
    facts[keys.SPAN_TYPE] = span_type or SpanType.UNKNOWN
    if log_level is not None:
        facts[SPAN_LOG_LEVEL] = level_number(log_level)
    if description is not None:
        facts[SPAN_DESCRIPTION] = description
    return facts
