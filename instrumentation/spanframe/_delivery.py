"""Ended spans → the exporter: one bounded queue, one thread, every loss counted.

The app's threads only append to the queue, which is bounded in spans and in characters:
a collector that is away must not fill the app's memory. The thread starts with the
first span, and again in a forked child, whose copy of the parent's queue is emptied:
the parent sends those spans itself.
"""

import os
import sys
import threading
import weakref
from collections import deque
from collections.abc import Callable
from time import monotonic
from typing import Any, Final, NamedTuple

from opentelemetry.context import _SUPPRESS_INSTRUMENTATION_KEY, Context, attach
from opentelemetry.sdk.trace import ReadableSpan, Span, SpanProcessor
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

from spanframe._guard import fault
from spanframe._stats import Losses

__all__ = ["Bounds", "Change", "Delivery"]

Change = Callable[[ReadableSpan], ReadableSpan]

MAX_UNHEARD_S: Final = 2.0
"""Maximum time that a flush, and the end of the program, wait for an endpoint where no
collector listens, in seconds."""

_MIN_END_S: Final = 0.5
"""Minimum time for the thread to count what it could not send, in seconds."""

_LOOK_S: Final = 0.25
"""Seconds between two attempts meanwhile."""


class Bounds(NamedTuple):
    """Bounds of the queue, its batches and its delays.

    Attributes:
        queue_size: maximum spans in the queue.
        queue_characters: maximum characters of the spans in the queue.
        batch_size: maximum spans that the exporter gets at once.
        delay_s: maximum time that a span waits for others, in seconds.
        exit_s: maximum time of `Delivery.shutdown`, in seconds.
    """

    queue_size: int
    queue_characters: int
    batch_size: int
    delay_s: float
    exit_s: float


class Delivery(SpanProcessor):
    """Passes ended spans to an exporter in batches, from one thread.

    Args:
        exporter: exports the spans; only the delivery thread calls it.
        losses: counts the lost spans.
        bounds: bounds of the queue, its batches and its delays.
        change: returns an ended span as the app's functions change it; None: there are
            none.
    """

    def __init__(
        self,
        exporter: SpanExporter,
        losses: Losses,
        bounds: Bounds,
        change: Change | None = None,
    ) -> None:
        self._exporter = exporter
        self._losses = losses
        self.change = change
        self.bound(bounds)
        self._start_lock = threading.RLock()
        # In a forked child, the spans that started there; elsewhere None.
        self._own: set[int] | None = None
        self._reset()
        if hasattr(os, "register_at_fork"):
            forked = weakref.WeakMethod(self._after_fork)
            os.register_at_fork(
                after_in_child=lambda: (child := forked()) is not None and child()
            )

    def bound(self, bounds: Bounds) -> None:
        """Apply other bounds from now on; spans in the queue stay in it."""
        self._queue_size = bounds.queue_size
        self._queue_characters = bounds.queue_characters
        self._batch_size = min(bounds.batch_size, bounds.queue_size)
        self._delay_s = bounds.delay_s
        self._exit_s = bounds.exit_s

    def _reset(self) -> None:
        self._queue: deque[tuple[ReadableSpan, int]] = deque()
        self._queued_characters = 0
        # Reentrant: a garbage collection inside may end the span of a stream.
        self._lock = threading.RLock()
        self._progress = threading.Condition(self._lock)
        self._wake = threading.Event()
        self._accepted = 0
        self._done = 0
        self._flush_target = 0  # number of accepted spans that a flush waits for
        self._closing = False
        self._thread: threading.Thread | None = None

    # --- the app's threads ----------------------------------------------------------

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:  # noqa: ARG002 - OTel's
        """Remember, in a forked child, which spans are its own."""
        if self._own is not None and span.context is not None:
            self._own.add(span.context.span_id)

    def on_end(self, span: ReadableSpan) -> None:
        """Queue a span that ended; drop and count it when the queue is full."""
        context = span.context
        if context is None or not context.trace_flags & 1:
            return
        if self._own is not None and not self._is_own(context.span_id):
            return
        try:
            self._add(span if self.change is None else self.change(span))
        except Exception:  # noqa: BLE001 - the guard: OpenTelemetry has none here
            fault("queueing a span")

    def _add(self, span: ReadableSpan) -> None:
        characters = _characters(span)
        with self._lock:
            waiting = len(self._queue) + 1
            # A span that is larger than the bound is accepted when it is alone.
            full = waiting > self._queue_size or (
                self._queued_characters + characters > self._queue_characters
                and waiting > 1
            )
            if not full and not self._closing:
                self._queue.append((span, characters))
                self._queued_characters += characters
                self._accepted += 1
        if full or self._closing:
            self._losses.add("closed" if self._closing else "queue_full", 1)
            return
        if self._thread is None:
            self._start()
        if waiting >= self._batch_size and not self._wake.is_set():
            self._wake.set()

    def _is_own(self, span_id: int) -> bool:
        """Return whether a span started in this child; the parent sends the others."""
        own = self._own or set()
        if span_id not in own:
            return False
        own.discard(span_id)
        return True

    def waiting(self) -> int:
        """Return how many spans are queued or being sent."""
        return self._accepted - self._done

    def force_flush(
        self, timeout_millis: int = 30000, *, gives_up: bool = False
    ) -> bool:
        """Wait until every span that ended before the call is delivered or dropped.

        Args:
            timeout_millis: maximum time to wait.
            gives_up: whether `MAX_UNHEARD_S` is enough where no collector listens.

        Returns:
            False when some are still in the queue, where they stay.
        """
        begun = monotonic()
        end = begun + timeout_millis / 1000
        with self._progress:
            target = self._flush_target = self._accepted
            self._wake.set()
            while self._done < target:
                left = end - monotonic()
                if left <= 0 or (gives_up and self.is_unheard(begun)):
                    return False
                if not self._progress.wait(min(left, _LOOK_S)):
                    self._hurry()
        return True

    def shutdown(self) -> None:
        """Send the queued spans, for ``exit_s`` at most; count the rest as lost."""
        if self._closing:
            return
        begun = monotonic()
        deadline = begun + self._exit_s
        self._closing = True
        self._wake.set()
        thread = self._thread
        while thread is not None and thread.is_alive():
            left = deadline - monotonic()
            if left <= 0 or self.is_unheard(begun):
                break
            thread.join(min(left, _LOOK_S))
            self._hurry()
        # The thread may be in a pause between retries: this ends the pause.
        self._exporter.shutdown()
        if self._thread is not None:
            self._thread.join(max(_MIN_END_S, deadline - monotonic()))
        left = len(self._queue)
        self._queue.clear()
        self._losses.end(left)

    def is_unheard(self, begun: float) -> bool:
        """Return whether no collector listens there, long after a wait began."""
        last: float | None = getattr(self._exporter, "unheard_at", None)
        return last is not None and last - begun >= MAX_UNHEARD_S

    def _hurry(self) -> None:
        """Have the exporter try again while somebody waits for it."""
        hurry = getattr(self._exporter, "hurry", None)
        if hurry is not None:
            hurry()

    def replace_exporter(self, exporter: SpanExporter) -> None:
        """Use another exporter from the next batch on."""
        before, self._exporter = self._exporter, exporter
        before.shutdown()

    # --- the delivery thread --------------------------------------------------------

    def _start(self) -> None:
        with self._start_lock:
            thread = threading.Thread(
                target=self._run, name="spanframe-delivery", daemon=True
            )
            if self._thread is not None:
                return
            self._thread = thread
            try:
                thread.start()
            except RuntimeError:
                # The interpreter is ending; `shutdown` counts the spans that are left.
                self._thread = None
                return
            self._register_with_multiprocessing()

    def _register_with_multiprocessing(self) -> None:
        """Have multiprocessing call `shutdown`: its children exit without atexit."""
        util = sys.modules.get("multiprocessing.util")
        if util is not None:
            shutdown = weakref.WeakMethod(self.shutdown)
            util.Finalize(
                None,
                lambda: (owner := shutdown()) is not None and owner(),
                exitpriority=0,
            )

    def _run(self) -> None:
        # Instrumentors of gRPC must not trace the exports of this thread.
        attach(Context({_SUPPRESS_INSTRUMENTATION_KEY: True}))
        while not self._closing:
            full = self._wake.wait(self._delay_s)
            self._wake.clear()
            try:
                self._drain(0 if full else self._accepted)
            except Exception:  # noqa: BLE001 - the guard: later spans still go out
                fault("delivering spans")
        self._drain(self._accepted)

    def _drain(self, goal: int) -> None:
        """Send full batches, and smaller ones until ``goal`` spans are done in all.

        Sending ever smaller batches while the app goes on recording would cost the app
        more than the spans themselves.
        """
        while self._queue and (
            len(self._queue) >= self._batch_size
            or self._done < max(goal, self._flush_target)
        ):
            batch = self._next_batch()
            if not self._export(batch):
                self._lose(len(batch))
            with self._progress:
                self._done += len(batch)
                self._progress.notify_all()

    def _lose(self, spans: int) -> None:
        if self._closing:  # the end tells the total
            self._losses.count("closed", spans)
        else:
            self._losses.add("failed", spans)

    def _export(self, batch: list[ReadableSpan]) -> bool:
        """Export a batch, once more when the exporter was replaced meanwhile."""
        while True:
            exporter = self._exporter
            result = SpanExportResult.FAILURE
            try:
                result = exporter.export(batch)
            except Exception:  # noqa: BLE001 - the guard
                fault("exporting spans")
            if result is SpanExportResult.SUCCESS or exporter is self._exporter:
                return result is SpanExportResult.SUCCESS

    def _next_batch(self) -> list[ReadableSpan]:
        """Remove the oldest spans from the queue, one batch at most."""
        # Only this thread removes spans: the app's threads need not wait for it.
        count = min(self._batch_size, len(self._queue))
        removed = [self._queue.popleft() for _ in range(count)]
        characters = sum(size for _, size in removed)
        with self._lock:
            self._queued_characters -= characters
        return [span for span, _ in removed]

    def _after_fork(self) -> None:
        self._start_lock = threading.RLock()
        self._own = set()
        self._reset()
        after_fork = getattr(self._exporter, "after_fork", None)
        if after_fork is not None:
            after_fork()


def _characters(span: ReadableSpan) -> int:
    """Return how many characters the attributes of a span have."""
    attributes: Any = span.attributes  # a mapping that can be copied
    total = 0
    for value in attributes.copy().values() if attributes else ():
        kind = type(value)
        if kind is str:
            total += len(value)
        elif kind is tuple:
            total += sum(len(v) for v in value if type(v) is str)
    return total
