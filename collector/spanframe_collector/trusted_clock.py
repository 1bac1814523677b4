"""The time by which retention deletes: the system's clock, unless it has jumped.

A clock that is a year ahead for a minute would let retention by age delete the whole
store. A clock has jumped when it went further ahead than the time that has passed, or,
at the first look, when it is far ahead of the last write to the store. It is trusted
again when it is back, or has gone steadily for an hour: then the jump was a correction.
"""

import time
from collections.abc import Callable
from typing import Final

__all__ = ["TrustedClock", "passed_seconds"]

MAX_STEP_SECONDS: Final = 60.0
"""Maximum seconds by which a clock that is being set right may go ahead at once."""

MAX_IDLE_SECONDS: Final = 86_400.0
"""Maximum seconds from the last write to the store to the first look; a store that was
idle for longer waits until the clock has proved to be steady."""

STEADY_SECONDS: Final = 3600.0
"""Seconds for which a clock that has jumped must go steadily to be trusted again."""


def passed_seconds() -> float:
    """Return a count of seconds that no setting of the clock changes.

    On Linux it goes on while the machine is suspended, as the clock does.
    """
    if hasattr(time, "CLOCK_BOOTTIME"):
        return time.clock_gettime(time.CLOCK_BOOTTIME)
    return time.monotonic()


class TrustedClock:
    """Tells the time, or how far the clock has jumped ahead.

    Args:
        last_written_ms: when the store was last written, in epoch milliseconds; None:
            unknown.
        now: returns the seconds since the epoch.
        passed: returns a count of seconds that goes on evenly.
    """

    def __init__(
        self,
        last_written_ms: float | None = None,
        now: Callable[[], float] = time.time,
        passed: Callable[[], float] = passed_seconds,
    ) -> None:
        self._last_written_ms = last_written_ms
        self._now = now
        self._passed = passed
        self._trusted: float | None = None
        """The difference of both counts while the clock was last trusted."""
        self._doubted: float | None = None
        """The difference since the clock has jumped; None: it has not."""
        self._since = 0.0

    def look(self) -> tuple[float, float]:
        """Look at the clock.

        Returns:
            The seconds since the epoch, and the seconds by which the clock has jumped
            ahead of what is trusted; 0: it can be trusted.
        """
        now, passed = self._now(), self._passed()
        difference = now - passed
        ahead = self._idle(now) if self._trusted is None else difference - self._trusted
        if ahead > MAX_STEP_SECONDS:
            doubted = self._doubted
            if doubted is None or abs(difference - doubted) > MAX_STEP_SECONDS:
                self._since = passed
            self._doubted = difference
            if passed - self._since < STEADY_SECONDS:
                return now, ahead
        self._trusted, self._doubted = difference, None
        return now, 0.0

    def _idle(self, now: float) -> float:
        """Return for how long the store was not written; 0: not remarkably long."""
        if self._last_written_ms is None:
            return 0.0
        idle = now - self._last_written_ms / 1000
        return idle if idle > MAX_IDLE_SECONDS else 0.0
