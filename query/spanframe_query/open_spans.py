"""The spans that `SpanframeClient` starts and ends by their ids."""

import threading
from typing import Final

from spanframe.entities import LiveSpan

__all__ = ["MAX_OPEN_TRACES", "OpenSpans", "open_spans"]

MAX_OPEN_TRACES: Final = 10_000
"""Maximum traces with open spans; beyond it the oldest are forgotten, never ended."""


class OpenSpans:
    """Spans by trace, until all spans of their trace have ended.

    A span that has ended can be the parent of others as long as its trace goes on.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._traces: dict[str, dict[str, LiveSpan]] = {}

    def add(self, span: LiveSpan) -> None:
        """Remember a span; one that is not recorded needs no memory."""
        if not span.is_recording:
            return
        with self._lock:
            self._traces.setdefault(span.trace_id, {})[span.span_id] = span
            if len(self._traces) > MAX_OPEN_TRACES:
                del self._traces[next(iter(self._traces))]

    def find(self, trace_id: str, span_id: str) -> LiveSpan | None:
        """Return a span; None when it is not known."""
        with self._lock:
            return self._traces.get(trace_id, {}).get(span_id)

    def root(self, trace_id: str) -> LiveSpan | None:
        """Return the root of a trace; None when it is not known."""
        with self._lock:
            spans = self._traces.get(trace_id, {}).values()
            return next((span for span in spans if span.root is span), None)

    def forget_ended(self, trace_id: str) -> None:
        """Forget a trace whose spans have all ended."""
        with self._lock:
            spans = self._traces.get(trace_id, {})
            if spans and not any(span.is_recording for span in spans.values()):
                del self._traces[trace_id]


open_spans: Final = OpenSpans()
