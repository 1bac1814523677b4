"""Spans started by hand: for a block of code, and without a context."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from contextvars import Token
from types import TracebackType
from typing import Any, Final

from opentelemetry.context import Context, attach, get_current

from spanframe import keys
from spanframe._attributes import (
    Destination,
    initial_attributes,
    nanoseconds,
    new_trace_attributes,
    otel_links,
    rendered_attributes,
)
from spanframe._context import AMBIENT, enter_unsampled, leave
from spanframe._guard import fault
from spanframe._live import LiveSpan, NoOpSpan, with_span
from spanframe._parent import find_parent, recorder, start_live_span
from spanframe._recorded import SPAN_INTERMEDIATE_OUTPUTS
from spanframe._recorder import Recorder
from spanframe._trace_attributes import trace_attributes
from spanframe.entities import Link, MlflowExperimentLocation, SpanType

__all__ = ["log_trace", "start_span", "start_span_no_context"]

NS_PER_MS: Final = 1_000_000


class _SpanBlock(AbstractContextManager[LiveSpan]):
    """Context manager of `start_span`: the span is current inside and ends with it."""

    __slots__ = (
        "_attributes",
        "_begins",
        "_level_given",
        "_links",
        "_live",
        "_name",
        "_token",
    )

    def __init__(
        self,
        name: str,
        attributes: Mapping[str, Any],
        links: Sequence[Link] | None,
        begins: tuple[Destination, str | None],
        *,
        level_given: bool,
    ) -> None:
        self._name = name
        self._begins = begins
        self._attributes = attributes
        self._links = links
        self._level_given = level_given
        self._token: Token[Context] | None = None
        self._live: LiveSpan | None = None

    def __enter__(self) -> LiveSpan:
        try:
            current = recorder()
            if current is not None:
                return self._open(current)
        except Exception:  # noqa: BLE001 - the guard
            fault("starting a span")
        return NoOpSpan()

    def _open(self, current: Recorder) -> LiveSpan:
        context = get_current()
        capture = current.capture
        parent = find_parent(current, context)
        live = parent and start_live_span(
            current,
            parent,
            capture.text(self._name),
            rendered_attributes(capture, self._attributes),
            otel_links(capture, self._links),
            for_new_trace=new_trace_attributes(capture, *self._begins),
            level_given=self._level_given,
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
    """End a span after its block, with the exception that left the block, if any."""
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
    trace_destination: Destination = None,
    log_level: int | str | None = None,
    run_id: str | None = None,
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
        trace_destination: the experiment of a trace that begins here, by name or as
            ``MlflowExperimentLocation(experiment_id)``.
        run_id: the run of a trace that begins here.
        log_level: the level, 10 to 50 or its name.
        links: links to spans of other traces.
        description: a description of the block.

    Returns:
        A context manager whose value is the `LiveSpan`.

    Raises:
        InvalidArgumentError: when ``log_level`` is not a level.
    """
    initial = initial_attributes(span_type, attributes, log_level, description)
    begins = (trace_destination, run_id)
    return _SpanBlock(name, initial, links, begins, level_given=log_level is not None)


def start_span_no_context(
    name: str,
    span_type: str | None = SpanType.UNKNOWN,
    parent_span: LiveSpan | None = None,
    inputs: Any = None,
    attributes: Mapping[str, Any] | None = None,
    tags: Mapping[str, str] | None = None,
    metadata: Mapping[str, str] | None = None,
    experiment_id: str | None = None,
    start_time_ns: int | None = None,
    log_level: int | str | None = None,
    links: Sequence[Link] | None = None,
    description: str | None = None,
    *,
    experiment: str | None = None,
) -> LiveSpan:
    """Start a span that is never current; the caller ends it with ``span.end()``.

    Args:
        name: the span's name.
        span_type: one of `SpanType` or any other text.
        parent_span: the parent; without it the span begins a trace.
        inputs: the inputs to record, None for none.
        attributes: attributes to begin with.
        tags: tags of the trace.
        metadata: metadata of the trace.
        experiment_id: the id of the experiment of a trace that begins with the span.
        start_time_ns: the start in epoch nanoseconds; now when None.
        experiment: the experiment by its name instead.
        log_level: the level, 10 to 50 or its name.
        links: links to spans of other traces.
        description: a description of the span.

    Raises:
        InvalidArgumentError: naming the argument that cannot be used.
    """
    current = recorder()
    if current is None or isinstance(parent_span, NoOpSpan):
        return NoOpSpan()
    capture = current.capture
    initial = initial_attributes(span_type, attributes, log_level, description)
    if inputs is not None:
        initial[keys.SPAN_INPUTS] = inputs
    rendered = rendered_attributes(capture, initial)
    current_context = get_current()
    context = Context(
        {AMBIENT: current_context[AMBIENT]} if AMBIENT in current_context else {}
    )
    begins = trace_attributes(capture, tags=tags, metadata=metadata)
    if parent_span is None:
        location = experiment_id and MlflowExperimentLocation(experiment_id)
        begins |= new_trace_attributes(capture, location or experiment)
    else:
        context = with_span(context, parent_span)
        if not parent_span.root.is_recording:
            rendered |= begins
        elif begins:
            parent_span.root.write(begins)
    parent = find_parent(current, context)
    live = parent and start_live_span(
        current,
        parent,
        capture.text(name),
        rendered,
        otel_links(capture, links),
        nanoseconds(start_time_ns, "the start of a span"),
        for_new_trace=begins,
        level_given=log_level is not None,
    )
    return live or NoOpSpan(capture)


def log_trace(
    name: str = "Task",
    request: Any = None,
    response: Any = None,
    intermediate_outputs: Mapping[str, Any] | None = None,
    attributes: Mapping[str, Any] | None = None,
    tags: Mapping[str, str] | None = None,
    start_time_ms: int | None = None,
    execution_time_ms: int | None = None,
) -> str:
    """Record a trace of one span that has happened already; MLflow 2's way.

    Args:
        name: the name of the trace and of its span.
        request: the inputs.
        response: the outputs.
        intermediate_outputs: outputs of the steps between, by name.
        attributes: attributes of the span.
        tags: tags of the trace.
        start_time_ms: the start, in milliseconds since the epoch; now when None.
        execution_time_ms: the duration in milliseconds; without both it ends now.

    Returns:
        The request id of the trace, ``tr-`` and 32 hex digits.

    Raises:
        InvalidArgumentError: naming the argument that cannot be used.
    """
    more = {}
    if intermediate_outputs:
        more[SPAN_INTERMEDIATE_OUTPUTS] = intermediate_outputs
    start_ns = end_ns = None
    if start_time_ms is not None:
        start_ns = start_time_ms * NS_PER_MS
        if execution_time_ms is not None:
            end_ns = start_ns + execution_time_ms * NS_PER_MS
    span = start_span_no_context(
        name,
        inputs=request,
        attributes={**(attributes or {}), **more},
        tags=tags,
        start_time_ns=start_ns,
    )
    span.end(outputs=response, end_time_ns=end_ns)
    return span.trace_id
