"""Whether the store takes spans now; logged when it stops, and when it is back."""

import logging
import time
from typing import Final

__all__ = ["StoreHealth"]

_log: Final = logging.getLogger(__name__)


class StoreHealth:
    """Whether the last commit or probe succeeded; set by the writing thread alone."""

    def __init__(self) -> None:
        self._down_since: float | None = None

    @property
    def seconds_down(self) -> float:
        """Seconds since the store began to refuse; 0 while it takes spans."""
        since = self._down_since
        return 0.0 if since is None else time.monotonic() - since

    @property
    def is_down(self) -> bool:
        """Whether the store refused the last commit or probe."""
        return self._down_since is not None

    def mark_unavailable(self, reason: str) -> None:
        """Note that the store has just refused."""
        if self._down_since is None:
            self._down_since = time.monotonic()
            _log.warning(
                "The store does not take spans: %s. Senders are told to send again "
                "later; the store is tried twice a second until it takes spans.",
                reason,
            )

    def mark_available(self) -> None:
        """Note that the store has just taken spans, or would."""
        if self._down_since is not None:
            _log.warning("The store takes spans again after %.1f s.", self.seconds_down)
            self._down_since = None
