"""Counts of ended spans: delivered, waiting, or lost and why."""

import dataclasses
import threading
from typing import Final

from spanframe._guard import logger, warn

__all__ = ["Losses", "Stats"]

_REASONS: Final = {
    "queue_full": "dropped from the full queue",
    "rejected": "rejected by the collector",
    "failed": "not delivered",
    "closed": "not sent before the end of the program",
    "unrecorded": "not recorded",
}
_REMEDIES: Final = {
    "queue_full": "If this happens often, raise OTEL_BSP_MAX_QUEUE_SIZE and "
    "SPANFRAME_QUEUE_CHARACTERS, or sample.",
    "rejected": "The log of the collector names the reason.",
    "failed": "They are not retried; if the collector refused them, check its log.",
    "closed": "Check that the collector is running (`spanframe collector`), or raise "
    "SPANFRAME_EXIT_TIMEOUT.",
    "unrecorded": "Call opentelemetry.trace.set_tracer_provider() with a provider of "
    "the SDK before the first span, or set SPANFRAME_USE_GLOBAL_PROVIDER to false.",
}


@dataclasses.dataclass(frozen=True)
class Stats:
    """Counts since the start of the process.

    Attributes:
        exported: accepted by the collector.
        waiting: queued or being sent.
        queue_full: dropped because the queue was full.
        rejected: rejected by the collector one by one (OTLP ``partial_success``).
        failed: dropped after the last retry, or refused with an error that no retry
            mends.
        closed: ended after `shutdown`, or not sent within ``exit_timeout``.
        unrecorded: not started, since settings cannot be used, or since
            ``use_global_provider`` is set and the app has no global provider (spans
            inside them are not counted).
        handed_over: ended on the app's global provider, whose processors export or drop
            them; not among the other counts.
    """

    exported: int
    waiting: int
    queue_full: int
    rejected: int
    failed: int
    closed: int
    unrecorded: int = 0
    handed_over: int = 0

    @property
    def lost(self) -> int:
        """Number of spans that the collector did not accept."""
        undelivered = self.queue_full + self.rejected + self.failed
        return undelivered + self.closed + self.unrecorded


class Losses:
    """Counts delivered and lost spans; logs losses at most once a minute."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self.counts = dict.fromkeys(_REASONS, 0)
        self.exported = 0
        self.handed_over = 0
        self._told = ""
        self.remedy = ""
        """The remedy for the spans that are queued, in a sentence; empty: unknown."""

    def after_fork(self) -> None:
        """Start from zero in a forked child: the parent's counts are the parent's."""
        self._lock = threading.RLock()
        self.counts = dict.fromkeys(_REASONS, 0)
        self.exported = 0
        self.handed_over = 0

    def add(self, reason: str, spans: int, detail: str = "", remedy: str = "") -> None:
        """Count lost spans.

        Args:
            reason: a field of `Stats`.
            spans: number of spans.
            detail: the message of the collector.
            remedy: what the reader can do, where that is known.
        """
        self.count(reason, spans, remedy or _REMEDIES[reason])
        warn(
            "Spans are lost; since the start: %s%s. %s",
            self._counted(),
            f" (last: {detail})" if detail else "",
            self._told,
        )

    def count(self, reason: str, spans: int, remedy: str = "") -> None:
        """Count lost spans, and say nothing until the end.

        Args:
            reason: a field of `Stats`.
            spans: number of spans.
            remedy: what the reader can do, for the end; empty: as before.
        """
        with self._lock:
            self.counts[reason] += spans
        self._told = remedy or self._told

    def end(self, left: int) -> None:
        """Count the spans that are left at the end, and tell the total of the lost."""
        self.count("closed", left)
        lost = sum(self.counts.values())
        if lost:
            logger.warning(
                "At the end, %d of %d spans are lost: %s. %s",
                lost,
                lost + self.exported,
                self._counted(),
                (self.remedy or _REMEDIES["closed"])
                if self.counts["closed"]
                else self._told,
            )

    def _counted(self) -> str:
        counts = self.counts.items()
        return ", ".join(f"{count} {_REASONS[name]}" for name, count in counts if count)

    def sent(self, spans: int) -> None:
        """Count spans that the collector accepted."""
        with self._lock:
            self.exported += spans
            self.remedy = ""

    def hand_over(self) -> None:
        """Count a span that ended on the app's global provider."""
        with self._lock:
            self.handed_over += 1

    def stats(self, waiting: int) -> Stats:
        """Return the counts so far, with the number of waiting spans."""
        with self._lock:
            return Stats(
                exported=self.exported,
                waiting=waiting,
                handed_over=self.handed_over,
                **self.counts,
            )
