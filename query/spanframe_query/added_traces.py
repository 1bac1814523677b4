"""Traces from elsewhere, recorded once more inside of a trace of this process."""

from collections.abc import Mapping
from typing import Any, Final

import spanframe
from spanframe import keys
from spanframe._process import process_metadata
from spanframe.entities import LiveSpan
from spanframe.errors import InvalidArgumentError
from spanframe_query.entities import Span, Trace, TraceState, trace_otlp
from spanframe_store.otlp.content import REQUEST_ID_ATTRIBUTE

__all__ = ["add_trace"]

_OWN: Final = frozenset({*process_metadata(), keys.TAG_PREFIX + keys.TAG_TRACE_NAME})
"""Tags and metadata that this process states on each of its traces."""

_ENDED: Final = frozenset({TraceState.OK, TraceState.ERROR})


def add_trace(trace: Trace | Mapping[str, Any], target: LiveSpan | None = None) -> None:
    """Record the spans of a trace from elsewhere below a span of this process.

    A service that was called may return the trace of its answer. Its spans get ids of
    their own; tags and metadata that the trace here does not have are taken over.

    Args:
        trace: the trace, or its dictionary (`Trace.to_dict`); it has ended.
        target: the span above it; by default the current one, and without one a root
            that is called ``Remote Trace <name>``.

    Raises:
        InvalidArgumentError: when it is not a trace, or has not ended.

    Example:
        >>> import spanframe
        >>> [newest] = spanframe.search_traces(max_results=1, return_type="list")
        >>> with spanframe.start_span("call"):
        ...     spanframe.add_trace(newest.to_dict())
    """
    if not spanframe.tracing.is_enabled():
        return
    added = _read(trace)
    above = target or spanframe.get_current_active_span()
    if above is not None:
        _add(added, above)
        return
    first = added.data.spans[0]
    root = spanframe.start_span_no_context(
        f"Remote Trace <{first.name}>",
        inputs=first.inputs,
        attributes=_attributes(first),
        start_time_ns=first.start_time_ns,
    )
    _add(added, root)
    root.end(first.outputs, None, added.info.state.value, first.end_time_ns)


def _read(given: Trace | Mapping[str, Any]) -> Trace:
    trace = Trace.from_dict(given) if isinstance(given, Mapping) else given
    if not isinstance(trace, Trace):
        raise InvalidArgumentError(
            f"trace is {type(trace).__name__}; give a Trace or its dictionary"
        )
    if trace.info.state not in _ENDED:
        raise InvalidArgumentError(
            f"trace is {trace.info.state}; one that has ended can be added"
        )
    if not trace.data.spans:
        raise InvalidArgumentError("trace has no spans, so there is nothing to add")
    return trace


def _add(trace: Trace, above: LiveSpan) -> None:
    known = {span.span_id for span in trace.data.spans}
    children: dict[str | None, list[Span]] = {}
    for span in trace.data.spans:
        parent_id = span.parent_id if span.parent_id in known else None
        children.setdefault(parent_id, []).append(span)
    waiting = [(span, above) for span in children.get(None, ())]
    while waiting:
        span, parent = waiting.pop()
        live = _record(span, parent)
        waiting += [(child, live) for child in children.pop(span.span_id, ())]
    _take_over(trace, above.root)


def _take_over(trace: Trace, root: LiveSpan) -> None:
    """Write facts of the added trace that the trace here does not state."""
    stated = {*(getattr(root.otel_span, "attributes", None) or {}), *_OWN}
    facts = trace_otlp.trace_facts(trace.info)
    root.write({key: text for key, text in facts.items() if key not in stated})


def _record(span: Span, parent: LiveSpan) -> LiveSpan:
    live = spanframe.start_span_no_context(
        span.name,
        span.span_type,
        parent,
        attributes=_attributes(span),
        start_time_ns=span.start_time_ns,
        links=span.links,
    )
    for event in span.events:
        live.add_event(event)
    live.end(status=span.status, end_time_ns=span.end_time_ns or span.start_time_ns)
    return live


def _attributes(span: Span) -> dict[str, Any]:
    return {k: v for k, v in span.attributes.items() if k != REQUEST_ID_ATTRIBUTE}
