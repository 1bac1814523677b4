"""`spanframe.testing`: the spans of an app, in memory, for its tests.

Ids and the clock can be deterministic, so that a whole trace is one expected value.
"""

import itertools
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Final, overload

from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.id_generator import IdGenerator

from spanframe._guard import raise_faults
from spanframe._recorded import RecordedSpan
from spanframe._runtime import flush, runtime

__all__ = ["CapturedSpans", "RecordedSpan", "capture_spans", "faults_logged"]

_START_NS: Final = 1_700_000_000_000_000_000
_STEP_NS: Final = 1_000_000


class CapturedSpans(Sequence[RecordedSpan]):
    """The spans that ended so far, in the order they ended."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._spans: list[RecordedSpan] = []

    def __len__(self) -> int:
        return len(self._all())

    @overload
    def __getitem__(self, index: int) -> RecordedSpan: ...

    @overload
    def __getitem__(self, index: slice) -> Sequence[RecordedSpan]: ...

    def __getitem__(self, index: int | slice) -> RecordedSpan | Sequence[RecordedSpan]:
        return self._all()[index]

    def __repr__(self) -> str:
        return f"CapturedSpans({self.names})"

    @property
    def names(self) -> list[str]:
        """The names of the spans, in the order they ended."""
        return [span.name for span in self._all()]

    def named(self, name: str) -> RecordedSpan:
        """Return the one span of that name.

        Raises:
            LookupError: when there is none, or more than one.
        """
        found = [span for span in self._all() if span.name == name]
        if len(found) != 1:
            raise LookupError(f"{len(found)} spans are called {name!r}: {self!r}")
        return found[0]

    def tree(self) -> str:
        """Draw the traces as indented names, children in the order they started."""
        spans = sorted(self._all(), key=lambda span: span.start_time_ns)
        known = {span.span_id for span in spans}
        lines: list[str] = []

        def draw(parent: str | None, depth: int) -> None:
            for span in spans:
                above = span.parent_id if span.parent_id in known else None
                if above == parent:
                    lines.append("  " * depth + span.name)
                    draw(span.span_id, depth + 1)

        draw(None, 0)
        return "\n".join(lines)

    def clear(self) -> None:
        """Forget the spans that ended so far."""
        flush()
        with self._lock:
            self._spans.clear()

    def add(self, spans: Sequence[ReadableSpan]) -> None:
        """Add spans that ended."""
        with self._lock:
            self._spans.extend(RecordedSpan(span) for span in spans)

    def _all(self) -> list[RecordedSpan]:
        flush()
        with self._lock:
            return list(self._spans)


@contextmanager
def capture_spans(*, deterministic: bool = False) -> Iterator[CapturedSpans]:
    """Keep the spans of the block in memory; they are not sent.

    The settings stay in force, redaction among them, but every trace is recorded.
    Internal errors of spanframe are raised inside the block instead of logged.

    Args:
        deterministic: ids count from 1, and each reading of the clock is a millisecond
            after the one before, from 1 700 000 000 seconds on.
    """
    captured = CapturedSpans()
    with runtime.isolated(_Memory(captured)), _faults(raised=True):
        if deterministic:
            runtime.id_generator = _CountingIds()
            runtime.clock = itertools.count(_START_NS, _STEP_NS).__next__
        yield captured


@contextmanager
def faults_logged() -> Iterator[None]:
    """Log internal errors of spanframe inside the block, as in production."""
    with _faults(raised=False):
        yield


@contextmanager
def _faults(*, raised: bool) -> Iterator[None]:
    before = raise_faults(wanted=raised)
    try:
        yield
    finally:
        raise_faults(wanted=before)


class _Memory(SpanExporter):
    """Exporter that keeps the spans."""

    def __init__(self, captured: CapturedSpans) -> None:
        self._captured = captured

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        self._captured.add(spans)
        return SpanExportResult.SUCCESS

    def shutdown(self) -> None:
        """Do nothing: there is no connection."""


class _CountingIds(IdGenerator):
    """Trace ids and span ids that count from 1."""

    def __init__(self) -> None:
        self._traces = itertools.count(1)
        self._spans = itertools.count(1)

    def generate_trace_id(self) -> int:
        return next(self._traces)

    def generate_span_id(self) -> int:
        return next(self._spans)
