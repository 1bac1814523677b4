"""Spans that a client starts and ends by their ids, as MLflow's does."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import spanframe
from spanframe import keys
from spanframe._live import NO_OP_TRACE_ID
from spanframe.entities import Link, LiveSpan, NoOpSpan, SpanStatus, SpanType
from spanframe.errors import InvalidArgumentError, NotFoundError, SpanframeError
from spanframe_query.entities import Trace
from spanframe_query.mlflow_arguments import takes_request_id
from spanframe_query.open_spans import open_spans

__all__ = ["SpansById"]


class SpansById:
    """The part of a client that records."""

    if TYPE_CHECKING:

        def get_trace(self, trace_id: str) -> Trace:
            """Return a stored trace, as the client does."""
            raise NotImplementedError

    def start_trace(
        self,
        name: str,
        span_type: str = SpanType.UNKNOWN,
        inputs: Any = None,
        attributes: Mapping[str, Any] | None = None,
        tags: Mapping[str, str] | None = None,
        experiment_id: str | int | None = None,
        start_time_ns: int | None = None,
        run_id: str | None = None,
        links: Sequence[Link] | None = None,
    ) -> LiveSpan:
        """Start a trace by hand, and its root; `end_trace` ends both.

        Args:
            name: the name of the trace and of its root.
            span_type: one of `SpanType` or any other text.
            inputs: the inputs to record.
            attributes: attributes to begin with.
            tags: tags of the trace.
            experiment_id: the experiment; None for the active one.
            start_time_ns: the start in epoch nanoseconds; now when None.
            run_id: the run of the trace.
            links: links of the root to spans of other traces.

        Raises:
            SpanframeError: with the code BAD_REQUEST inside of another trace.
        """
        active = spanframe.get_current_active_span()
        if active is not None:
            raise SpanframeError(
                f"Trace {active.trace_id} is recorded here: a span in it is "
                "start_span(), another trace starts outside of it.",
                error_code="BAD_REQUEST",
            )
        span = spanframe.start_span_no_context(
            name,
            span_type,
            inputs=inputs,
            attributes=attributes,
            tags=tags,
            metadata={keys.META_SOURCE_RUN: run_id} if run_id else None,
            experiment_id=None if experiment_id is None else str(experiment_id),
            start_time_ns=start_time_ns,
            links=links,
        )
        open_spans.add(span)
        return span

    @takes_request_id
    def end_trace(
        self,
        trace_id: str,
        outputs: Any = None,
        attributes: Mapping[str, Any] | None = None,
        status: SpanStatus | str = "OK",
        end_time_ns: int | None = None,
    ) -> None:
        """End the root of a trace of `start_trace`.

        Args:
            trace_id: ``tr-`` and 32 hex digits.
            outputs: the outputs to record.
            attributes: attributes to set before the end.
            status: the status of the root.
            end_time_ns: the end in epoch nanoseconds; now when None.

        Raises:
            InvalidArgumentError: when the trace has ended already.
            NotFoundError: when neither this process nor the store has the trace.
        """
        if trace_id == NO_OP_TRACE_ID:
            return
        root = open_spans.root(trace_id) or _active_root(trace_id)
        if root is None:
            self.get_trace(trace_id)  # raises for one that nobody has
        if root is None or not root.is_recording:
            raise InvalidArgumentError(f"Trace {trace_id} has ended already.")
        root.end(outputs, attributes, status, end_time_ns)
        open_spans.forget_ended(trace_id)

    @takes_request_id
    def start_span(
        self,
        name: str,
        trace_id: str,
        parent_id: str,
        span_type: str = SpanType.UNKNOWN,
        inputs: Any = None,
        attributes: Mapping[str, Any] | None = None,
        start_time_ns: int | None = None,
        links: Sequence[Link] | None = None,
    ) -> LiveSpan:
        """Start a span by hand; `end_span` ends it.

        Args:
            name: the name of the span.
            trace_id: the trace, of `start_trace` or the current one.
            parent_id: the parent: a span of this client's, or one of the current trace.
            span_type: one of `SpanType` or any other text.
            inputs: the inputs to record.
            attributes: attributes to begin with.
            start_time_ns: the start in epoch nanoseconds; now when None.
            links: links to spans of other traces.

        Raises:
            InvalidArgumentError: without a parent.
            NotFoundError: when this process does not record the trace of the parent.
        """
        if trace_id == NO_OP_TRACE_ID:
            return NoOpSpan()
        if not parent_id:
            raise InvalidArgumentError(
                "parent_id is missing: start_trace() starts a trace and its root."
            )
        parent = open_spans.find(trace_id, parent_id) or _in_active_trace(
            trace_id, parent_id
        )
        if parent is None:
            raise NotFoundError(
                f"No trace {trace_id!r:.80} with a span {parent_id!r:.80} is recorded "
                "in this process."
            )
        span = spanframe.start_span_no_context(
            name,
            span_type,
            parent,
            inputs,
            attributes,
            start_time_ns=start_time_ns,
            links=links,
        )
        open_spans.add(span)
        return span

    @takes_request_id
    def end_span(
        self,
        trace_id: str,
        span_id: str,
        outputs: Any = None,
        attributes: Mapping[str, Any] | None = None,
        status: SpanStatus | str = "OK",
        end_time_ns: int | None = None,
    ) -> None:
        """End a span of `start_span`; one that is not open is left as it is.

        Args:
            trace_id: ``tr-`` and 32 hex digits.
            span_id: 16 hex digits.
            outputs: the outputs to record.
            attributes: attributes to set before the end.
            status: the status of the span.
            end_time_ns: the end in epoch nanoseconds; now when None.
        """
        span = open_spans.find(trace_id, span_id)
        if span is not None:
            span.end(outputs, attributes, status, end_time_ns)
            open_spans.forget_ended(trace_id)


def _active_root(trace_id: str) -> LiveSpan | None:
    active = spanframe.get_current_active_span()
    return active.root if active is not None and active.trace_id == trace_id else None


def _in_active_trace(trace_id: str, span_id: str) -> LiveSpan | None:
    """Return a span of the current trace, known by its id alone, as a parent."""
    root = _active_root(trace_id)
    return None if root is None else root.relative(span_id)
