"""What happened to ended spans: sent, waiting, or lost and why."""

import dataclasses
import threading
from typing import Final

from spanframe._guard import warn

__all__ = ["Losses", "Stats"]

_WORDS: Final = {
    "queue_full": "as the queue was full",
    "rejected": "rejected by the collector",
    "failed": "failed",
    "closed": "not sent before the end",
}


@dataclasses.dataclass(frozen=True)
class Stats:
    """Counts since the start of the process.

    Attributes:
        exported: the collector has them.
        waiting: queued or being sent.
        queue_full: dropped because the queue was full.
        rejected: refused by the collector one by one (OTLP ``partial_success``).
        failed: given up after the last retry, or refused for good.
        closed: ended after `shutdown`, or not sent within its bound.
    """

    exported: int
    waiting: int
    queue_full: int
    rejected: int
    failed: int
    closed: int

    @property
    def lost(self) -> int:
        """All spans that never reached the collector."""
        return self.queue_full + self.rejected + self.failed + self.closed


class Losses:
    """Counts what is sent and what is lost; says so once a minute at most."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self.counts = {"queue_full": 0, "rejected": 0, "failed": 0, "closed": 0}
        self.exported = 0

    def after_fork(self) -> None:
        """Count anew in a forked child: what the parent counted is the parent's."""
        self._lock = threading.RLock()
        self.counts = dict.fromkeys(self.counts, 0)
        self.exported = 0

    def add(self, reason: str, spans: int, detail: str = "") -> None:
        """Count lost spans.

        Args:
            reason: a field of `Stats`.
            spans: how many.
            detail: what the collector said.
        """
        with self._lock:
            self.counts[reason] += spans
        warn(
            "spanframe lost spans: %s%s",
            ", ".join(
                f"{count} {_WORDS[name]}"
                for name, count in self.counts.items()
                if count
            ),
            f" ({detail})" if detail else "",
        )

    def sent(self, spans: int) -> None:
        """Count spans the collector has."""
        with self._lock:
            self.exported += spans

    def stats(self, waiting: int) -> Stats:
        """Return the counts so far."""
        with self._lock:
            return Stats(exported=self.exported, waiting=waiting, **self.counts)
