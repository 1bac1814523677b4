"""The spans that `SpanframeClient` started and has not ended, by their ids."""

import threading
from typing import Final

from spanframe.entities import LiveSpan

__all__ = ["MAX_OPEN_TRACES", "OpenSpans", "open_spans"]

MAX_OPEN_TRACES: Final = 10_000
"""Maximum traces with open spans; beyond it the oldest are forgotten, never ended."""


class OpenSpans:
    """Open spans by trace, the one that was started first being the root."""

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
        """Return a span, which stays open; None when it is not open."""
        with self._lock:
            return self._traces.get(trace_id, {}).get(span_id)

    def end(self, trace_id: str, span_id: str) -> LiveSpan | None:
        """Return a span and forget it; None when it is not open."""
        with self._lock:
            spans = self._traces.get(trace_id, {})
            span = spans.pop(span_id, None)
            if span is not None and not spans:
                del self._traces[trace_id]
            return span

    def end_trace(self, trace_id: str) -> LiveSpan | None:
        """Return the root of a trace and forget it; None when it is not open."""
        with self._lock:
            spans = self._traces.get(trace_id, {})
            root = next((s for s in spans.values() if s.root is s), None)
        return root and self.end(trace_id, root.span_id)


open_spans: Final = OpenSpans()
