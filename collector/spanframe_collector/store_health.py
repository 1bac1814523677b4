"""Whether the store takes spans now: said once when it stops, once when it is back."""

import logging
import time
from typing import Final

__all__ = ["StoreHealth"]

_log: Final = logging.getLogger(__name__)


class StoreHealth:
    """Kept by the writing thread, read by everyone."""

    def __init__(self) -> None:
        self._down_since: float | None = None

    @property
    def seconds_down(self) -> float:
        """How long the store has been refusing; 0: it serves."""
        since = self._down_since
        return 0.0 if since is None else time.monotonic() - since

    @property
    def is_down(self) -> bool:
        """Whether the last thing the store did was to refuse."""
        return self._down_since is not None

    def refused(self, message: str) -> None:
        """Note that the store has just refused."""
        if self._down_since is None:
            self._down_since = time.monotonic()
            _log.warning("The store refuses: %s. Senders are told to wait.", message)

    def served(self) -> None:
        """Note that the store has just served."""
        if self._down_since is not None:
            _log.warning("The store serves again after %.1f s.", self.seconds_down)
            self._down_since = None
