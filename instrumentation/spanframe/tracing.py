"""`spanframe.tracing`: switch recording, continue traces in other processes."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Final

from opentelemetry.context import attach, get_current
from opentelemetry.trace import TracerProvider, get_current_span
from opentelemetry.trace.propagation import set_span_in_context
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from spanframe._attributes import destination_attributes
from spanframe._capture import Capture
from spanframe._context import AMBIENT, Ambient, leave, with_entry
from spanframe._guard import warn
from spanframe._live import LiveSpan, with_span
from spanframe._parent import recorder
from spanframe._redaction import Redaction
from spanframe._runtime import own_destination, runtime
from spanframe._trace_attributes import trace_attributes
from spanframe.entities import MlflowExperimentLocation
from spanframe.errors import InvalidArgumentError

__all__ = [
    "context",
    "disable",
    "enable",
    "get_tracer_provider",
    "get_tracing_context_headers_for_http_request",
    "is_enabled",
    "reset",
    "set_destination",
    "set_tracing_context_from_http_request_headers",
    "use_span",
]

_PROPAGATOR: Final = TraceContextTextMapPropagator()
_PLAIN: Final = Capture(64, Redaction(()))


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

    The experiment and the model that were chosen stay, as in MLflow.
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
    attributes = destination_attributes(_PLAIN, destination)
    if context_local:
        own_destination.set(attributes)
    else:
        runtime.destination = attributes


def get_tracer_provider() -> TracerProvider:
    """Return the OpenTelemetry provider that spanframe records with.

    Instrumentors of other libraries take it: their spans become children of ours and go
    to the same collector.
    """
    current = runtime.recorder or runtime.start()
    if current is None:
        from opentelemetry.trace import NoOpTracerProvider  # noqa: PLC0415 - rare

        return NoOpTracerProvider()
    return current.provider


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
        _PLAIN if current is None else current.capture,
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
