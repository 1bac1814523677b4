"""Whether the store takes spans now; logged when it stops, and when it is back.

The store owes a commit from the moment the writing thread begins to use it until one
succeeds. It is not ready once it has owed one for 5 s, whether it refuses or does not
answer at all.
"""

import enum
import logging
import time
from typing import Final

__all__ = ["StoreHealth"]

_log: Final = logging.getLogger(__name__)

MAX_OWED_SECONDS: Final = 5.0
"""Maximum seconds without an answer or a commit while the store is ready: one that is
locked for a moment does not take the collector out of service."""

_DOUBT_SECONDS: Final = 3.0
"""Seconds since the last refusal in which the store is not trusted yet: a probe fits a
disk that is nearly full, where a batch does not."""

_HANGS: Final = (
    f"it has not answered for {MAX_OWED_SECONDS:.0f} s (a disk that hangs, or a server "
    "that is stopped?)"
)


class StoreHealth:
    """What the writing thread has learned of the store; any thread may read it."""

    def __init__(self) -> None:
        self._began_at: float | None = None
        self._owes_since: float | None = None
        self._refused_at: float | None = None
        self._refuses = False
        self._is_unusable = False
        self._reason = ""
        self._told = _State.WELL
        self._told_since = 0.0

    # --- told by the writing thread ---------------------------------------------------

    def begin(self) -> None:
        """Note that a commit, a probe or another action begins."""
        self._began_at = time.monotonic()
        if self._owes_since is None:
            self._owes_since = self._began_at

    def committed(self) -> None:
        """Note that a batch was committed."""
        self._began_at = self._owes_since = None
        self._refuses = False

    def probed(self) -> None:
        """Note that a probe succeeded: batches may be tried."""
        self._refuses = False
        self.rested()

    def rested(self) -> None:
        """Note the end of an action that says nothing about commits."""
        self._began_at = None
        if not self._refuses and not self.is_in_doubt:
            self._owes_since = None

    def refused(self, reason: str, *, for_good: bool = False) -> None:
        """Note that the store refuses; for good: until the collector is restarted."""
        self._began_at = None
        self._reason = reason
        self._refused_at = time.monotonic()
        self._is_unusable = self._is_unusable or for_good
        self._refuses = True

    # --- read -------------------------------------------------------------------------

    @property
    def is_unusable(self) -> bool:
        """Whether the store takes no spans until the collector is restarted."""
        return self._is_unusable

    @property
    def is_down(self) -> bool:
        """Whether a request need not be decoded: it would not be stored."""
        return self._refuses or self._hangs

    @property
    def is_ready(self) -> bool:
        """Whether health checks should say that spans can be stored."""
        return not self._is_unusable and not _is_long_ago(self._owes_since)

    @property
    def is_in_doubt(self) -> bool:
        """Whether the store refused, or did not answer, a moment ago."""
        refused_at = self._refused_at
        return refused_at is not None and time.monotonic() - refused_at < _DOUBT_SECONDS

    @property
    def _hangs(self) -> bool:
        return _is_long_ago(self._began_at)

    def tell(self) -> None:
        """Log a change since the last call; in one thread, again and again."""
        if self._hangs:
            self._reason = _HANGS
            self._refused_at = time.monotonic()
        state = _State.of(self)
        if state is self._told:
            return
        now = time.monotonic()
        if self._told is _State.WELL:
            self._told_since = self._owes_since or now
        self._told = state
        if state is _State.WELL:
            seconds = now - self._told_since
            _log.warning("The store takes spans again after %.1f s.", seconds)
            return
        _log.warning(
            "The store does not take spans: %s. Senders are told to send again later; "
            "%s.",
            self._reason,
            state.value,
        )


class _State(enum.Enum):
    """What the log says of the store; the values say what becomes of it."""

    WELL = "spans are stored"
    DOWN = "the store is tried twice a second until it takes spans"
    UNUSABLE = "nothing more is written until the collector is restarted"

    @classmethod
    def of(cls, health: StoreHealth) -> "_State":
        if health.is_unusable:
            return cls.UNUSABLE
        return cls.DOWN if health.is_down or health.is_in_doubt else cls.WELL


def _is_long_ago(since: float | None) -> bool:
    return since is not None and time.monotonic() - since >= MAX_OWED_SECONDS
