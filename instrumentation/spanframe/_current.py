"""Functions that read and update the current span and its trace."""

from collections.abc import Mapping
from typing import Any

from opentelemetry.context import get_current
from opentelemetry.trace import get_current_span

from spanframe import keys
from spanframe._context import LIVE
from spanframe._guard import warn
from spanframe._live import LiveSpan
from spanframe._parent import is_ours, recorder
from spanframe._runtime import last_trace_id, runtime
from spanframe._trace_attributes import trace_attributes

__all__ = [
    "get_active_trace_id",
    "get_current_active_span",
    "get_last_active_trace_id",
    "update_current_span",
    "update_current_trace",
]


def get_current_active_span() -> LiveSpan | None:
    """Return the current span, None where no span is recorded.

    It may be a span that another library started on our provider.
    """
    context = get_current()
    span = get_current_span(context)
    live = context.get(LIVE)
    if isinstance(live, LiveSpan) and live.otel_span is span:
        return live
    current = recorder()
    if current is None or not span.is_recording() or not is_ours(current, span):
        return None
    root = None
    if isinstance(live, LiveSpan):
        trace_id = live.otel_span.get_span_context().trace_id
        if trace_id == span.get_span_context().trace_id:
            root = live.root
    return LiveSpan(span, current.capture, root)


def get_active_trace_id() -> str | None:
    """Return the request id of the current trace, None where no trace is recorded."""
    live = get_current_active_span()
    return None if live is None else live.trace_id


def get_last_active_trace_id(thread_local: bool = False) -> str | None:
    """Return the request id of the trace that ended last.

    Args:
        thread_local: look at this thread or task only, not at the whole process.
    """
    ended = last_trace_id.get() if thread_local else runtime.last_trace_id
    return None if ended is None else keys.request_id(ended)


def update_current_trace(
    tags: Mapping[str, str] | None = None,
    metadata: Mapping[str, str] | None = None,
    client_request_id: str | None = None,
    request_preview: str | None = None,
    response_preview: str | None = None,
    state: str | None = None,
    model_id: str | None = None,
    session_id: str | None = None,
    user: str | None = None,
) -> None:
    """Update the current trace; later values replace earlier ones.

    Args:
        tags: tags by key; ``mlflow.traceName`` renames the trace. Tags can be changed
            after the trace has ended.
        metadata: metadata by key; it cannot be changed after the trace has ended.
        client_request_id: the app's own id of the request.
        request_preview: a short text that replaces the inputs in tables.
        response_preview: a short text that replaces the outputs in tables.
        state: ``OK`` or ``ERROR``, instead of the root span's status.
        model_id: the model (or app version) that answered.
        session_id: the conversation the trace belongs to.
        user: the end user the trace was made for.

    Raises:
        InvalidArgumentError: naming the argument that cannot be used; where no trace is
            recorded, nothing is.
    """
    current = recorder()
    if current is None:
        return
    live = get_current_active_span()
    if live is None:
        if not get_current_span().get_span_context().is_valid:
            warn(
                "update_current_trace() has no effect: no trace is recorded here. Call "
                "it inside a traced function or a block of start_span()."
            )
        return
    attributes = trace_attributes(
        current.capture,
        tags=tags,
        metadata=metadata,
        client_request_id=client_request_id,
        request_preview=request_preview,
        response_preview=response_preview,
        state=state,
        model_id=model_id,
        session_id=session_id,
        user=user,
    )
    # A root that has ended cannot be updated; any span of the trace can be.
    (live.root if live.root.is_recording else live).write(attributes)


def open_trace(trace_id: int) -> LiveSpan | None:
    """Return the span of a trace that its tags are written to; None: none is open here.

    It is the span that began the trace in this process, or else the current one.
    """
    current = recorder()
    if current is None:
        return None
    root = runtime.roots.get(trace_id)
    if root is not None and root.is_recording():
        return LiveSpan(root, current.capture)
    live = get_current_active_span()
    if live is None or live.context.trace_id != trace_id:
        return None
    return live


def change_tag(live: LiveSpan, key: str, value: str | None) -> bool:
    """Set a tag of an open trace, None deletes it; return whether there was one.

    Args:
        live: what `open_trace` returned.
        key: the tag, not a reserved one.
        value: its value.
    """
    if value is None:
        return live.remove(keys.TAG_PREFIX + key)
    current = recorder()
    if current is not None:
        live.write(trace_attributes(current.capture, tags={key: value}))
    return True


def update_current_span(
    *,
    name: str | None = None,
    span_type: str | None = None,
    inputs: Any = None,
    outputs: Any = None,
    attributes: Mapping[str, Any] | None = None,
) -> None:
    """Update the current span; None leaves a value as it is.

    Args:
        name: the span's name.
        span_type: one of `SpanType` or any other text.
        inputs: the inputs to record.
        outputs: the outputs to record, instead of the result of the function.
        attributes: attributes to set.
    """
    live = get_current_active_span()
    if live is None:
        if not get_current_span().get_span_context().is_valid:
            warn(
                "update_current_span() has no effect: no span is recorded here. Call "
                "it inside a traced function or a block of start_span()."
            )
        return
    if name is not None:
        live.set_name(name)
    if span_type is not None:
        live.set_span_type(span_type)
    if inputs is not None:
        live.set_inputs(inputs)
    if outputs is not None:
        live.set_outputs(outputs)
    if attributes is not None:
        live.set_attributes(attributes)
