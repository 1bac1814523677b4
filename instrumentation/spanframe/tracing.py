"""`spanframe.tracing`: switch recording, continue traces in other processes."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING, Any, Final

from opentelemetry.context import attach, get_current
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import TracerProvider, get_current_span
from opentelemetry.trace.propagation import set_span_in_context
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from spanframe import _lazy
from spanframe._attributes import destination_attributes
from spanframe._capture import NO_CAPTURE
from spanframe._context import AMBIENT, Ambient, leave, with_entry
from spanframe._delivery import Change
from spanframe._guard import warn
from spanframe._live import LiveSpan, with_span
from spanframe._parent import recorder
from spanframe._recorded import SPAN_CHAT_TOOLS
from spanframe._runtime import own_destination, runtime
from spanframe._span_functions import SpanFunction, changed, checked
from spanframe._trace_attributes import trace_attributes
from spanframe.entities import MlflowExperimentLocation
from spanframe.errors import InvalidArgumentError

__all__ = [
    "configure",
    "context",
    "disable",
    "disable_notebook_display",
    "enable",
    "enable_notebook_display",
    "get_bridged_tracer_provider",
    "get_tracer_provider",
    "get_tracing_context_headers_for_http_request",
    "is_enabled",
    "reset",
    "set_destination",
    "set_span_chat_tools",
    "set_tracing_context_from_http_request_headers",
    "use_span",
]

__path__: list[
    str
] = []  # so that Python asks `_modules` for `spanframe.tracing.fluent`

_PROPAGATOR: Final = TraceContextTextMapPropagator()


def disable() -> None:
    """Switch recording off; decorated functions run as if undecorated."""
    runtime.enabled = False


def enable() -> None:
    """Switch recording on again."""
    runtime.enabled = True


def is_enabled() -> bool:
    """Return whether recording is on."""
    return runtime.enabled


def reset() -> None:
    """Send the queued spans and start again as a new process does.

    The experiment and the model that were chosen stay, as in MLflow, and so do the
    functions of `configure`.
    """
    runtime.reset(keeping_choices=True)


def set_destination(
    destination: MlflowExperimentLocation | str, *, context_local: bool = False
) -> None:
    """Send later traces to an experiment, whichever `set_experiment` chooses.

    `reset` ends it, and ``trace_destination=`` of a span goes before it.

    Args:
        destination: the experiment, as ``MlflowExperimentLocation(experiment_id)`` or
            by name.
        context_local: whether only traces of this thread or task go there.

    Raises:
        InvalidArgumentError: for another destination.
    """
    if not destination:
        raise InvalidArgumentError("a destination is empty; name an experiment")
    attributes = destination_attributes(NO_CAPTURE, destination)
    if context_local:
        own_destination.set(attributes)
    else:
        runtime.destination = attributes


def get_tracer_provider() -> TracerProvider:
    """Return the OpenTelemetry provider that spanframe records with.

    Instrumentors of other libraries take it: their spans become children of ours and go
    to the same collector.
    """
    current = runtime.recorder or runtime.start(spans=0)
    if current is None:
        from opentelemetry.trace import NoOpTracerProvider  # noqa: PLC0415 - rare

        return NoOpTracerProvider()
    return current.provider


get_bridged_tracer_provider = get_tracer_provider
"""MLflow's name: there it is another provider than that of its own spans."""


def configure(
    span_processors: Sequence[SpanFunction] | None = None,
) -> AbstractContextManager[None]:
    """Let functions change each span before it ends, to mask or to shorten it.

    They see the spans of other libraries that record with our provider as well. The
    attributes of a span whose function raises are not sent.

    Args:
        span_processors: functions of a `LiveSpan`, called in order; an empty list for
            none, None for those of before.

    Returns:
        A context manager that goes back to those of before; in a ``with`` statement
        the functions are called inside of its block only.

    Raises:
        InvalidArgumentError: when one is not a function of one argument.

    Example:
        >>> import spanframe
        >>> def mask(span):
        ...     span.set_inputs("masked")
        >>> with spanframe.tracing.configure(span_processors=[mask]):
        ...     pass
    """
    before = runtime.change
    if span_processors is not None:
        runtime.set_change(_change(checked(span_processors)))
    return _restored(before)


def _change(functions: tuple[SpanFunction, ...]) -> Change | None:
    def change(span: ReadableSpan) -> ReadableSpan:
        current = runtime.recorder
        return changed(span, functions, current.capture if current else NO_CAPTURE)

    return change if functions else None


@contextmanager
def _restored(before: Change | None) -> Iterator[None]:
    try:
        yield
    finally:
        runtime.set_change(before)


def enable_notebook_display() -> None:
    """Let notebooks draw a trace that a cell returns, as they do by default."""
    runtime.shows_traces = True


def disable_notebook_display() -> None:
    """Let notebooks show a trace that a cell returns as one line of text."""
    runtime.shows_traces = False


def set_span_chat_tools(span: LiveSpan, tools: Sequence[Any]) -> None:
    """Record the tools that a model was offered.

    Args:
        span: the span of the call of the model.
        tools: their definitions: dictionaries as in OpenAI's API, or pydantic models.

    Raises:
        InvalidArgumentError: when they are not a list of such definitions.
    """
    if not isinstance(tools, list | tuple):
        raise InvalidArgumentError(
            f"tools is {type(tools).__name__}; give a list of definitions"
        )
    plain = [
        tool.model_dump(exclude_unset=True) if hasattr(tool, "model_dump") else tool
        for tool in tools
    ]
    for tool in plain:
        if not isinstance(tool, Mapping) or "type" not in tool:
            raise InvalidArgumentError(
                f"{tool!r:.200} is not the definition of a tool; give a dictionary "
                "with its type, for example {'type': 'function', 'function': {…}}"
            )
    span.set_attribute(SPAN_CHAT_TOOLS, plain)


@contextmanager
def context(
    metadata: Mapping[str, str] | None = None,
    tags: Mapping[str, str] | None = None,
    enabled: bool | None = None,
    session_id: str | None = None,
    user: str | None = None,
) -> Iterator[None]:
    """Set tags, metadata, session and user of traces that begin inside the block.

    Values of an inner block replace those of an outer one.

    Args:
        metadata: metadata by key.
        tags: tags by key.
        enabled: False switches recording off inside; None leaves it as it is.
        session_id: the conversation that the traces belong to.
        user: the end user of the traces.

    Raises:
        InvalidArgumentError: naming the argument that cannot be used.
    """
    current = recorder()
    attributes = trace_attributes(
        NO_CAPTURE if current is None else current.capture,
        tags=tags,
        metadata=metadata,
        session_id=session_id,
        user=user,
    )
    outer_context = get_current()
    outer = outer_context.get(AMBIENT)
    if isinstance(outer, Ambient):
        attributes = {**outer.attributes, **attributes}
        enabled = outer.enabled if enabled is None else enabled
    inner = Ambient(attributes, enabled is not False)
    token = attach(with_entry(outer_context, AMBIENT, inner))
    try:
        yield
    finally:
        leave(token)


@contextmanager
def use_span(span: LiveSpan) -> Iterator[LiveSpan]:
    """Make a span of `start_span_no_context` current inside the block.

    The block does not end the span.
    """
    token = attach(with_span(get_current(), span))
    try:
        yield span
    finally:
        leave(token)


def get_tracing_context_headers_for_http_request() -> dict[str, str]:
    """Return the headers (W3C ``traceparent``) that continue this trace elsewhere.

    Returns:
        An empty mapping, with a warning, where no trace is recorded.
    """
    headers: dict[str, str] = {}
    _PROPAGATOR.inject(headers)
    if not headers:
        warn(
            "The tracing headers are empty: no trace is recorded here. Call this "
            "function inside a traced function or a block of start_span()."
        )
    return headers


@contextmanager
def set_tracing_context_from_http_request_headers(
    headers: Mapping[str, str],
) -> Iterator[None]:
    """Continue the trace of a request inside the block.

    Headers without a ``traceparent`` leave the context as it is, so that a handler may
    wrap every request.

    Args:
        headers: the request's headers, in any case; a ``traceparent`` that cannot be
            read begins a new trace.
    """
    carrier = {str(name).lower(): value for name, value in headers.items()}
    if "traceparent" not in carrier:
        yield
        return
    remote = get_current_span(_PROPAGATOR.extract(carrier))
    token = attach(set_span_in_context(remote, get_current()))
    try:
        yield
    finally:
        leave(token)


if not TYPE_CHECKING:  # a type checker would take any name for one of ours
    __getattr__, __dir__ = _lazy.attributes(__name__, __all__, {})
