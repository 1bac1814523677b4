"""What the collector counts of itself: closed sets of names, exact to the span.

received = stored + duplicate + rejected{reason} + refused{reason}
"""

from collections import Counter
from collections.abc import Iterable

from spanframe_collector.pipeline import Committed
from spanframe_collector.rows import Rejected

__all__ = ["Telemetry"]


class Telemetry:
    """The counts of one collector; used from its event loop only."""

    def __init__(self) -> None:
        self.requests = 0
        self.received = 0
        self.stored = 0
        self.duplicates = 0
        self.refused_requests: Counter[str] = Counter()
        """Requests refused before their spans could be counted, by reason."""
        self.rejected: Counter[str] = Counter()
        """Spans that can never be stored, by reason."""
        self.refused: Counter[str] = Counter()
        """Spans whose sender was told to try again, by reason."""

    def reject(self, rejected: Iterable[Rejected]) -> None:
        """Count spans that can never be stored."""
        for reason, spans in rejected:
            self.rejected[reason] += spans

    def commit(self, committed: Committed) -> None:
        """Count the spans of a commit."""
        self.stored += committed.stored
        self.duplicates += committed.duplicates
        if committed.refused:
            self.rejected["refused_by_store"] += committed.refused

    def summary(self) -> str:
        """Return the counts in one line."""
        parts = [
            f"{self.requests} requests",
            f"{self.received} spans received",
            f"{self.stored} stored",
            f"{self.duplicates} delivered before",
        ]
        turned_away = sorted(self.refused_requests.items())
        parts += [f"{n} requests refused ({why})" for why, n in turned_away]
        parts += [f"{n} rejected ({why})" for why, n in sorted(self.rejected.items())]
        parts += [f"{n} refused ({why})" for why, n in sorted(self.refused.items())]
        return ", ".join(parts)
