"""The end of a collector: always in time, whatever hangs."""

import asyncio
import contextlib
import math
import os
import signal
import threading
import time
from collections.abc import Iterator
from typing import Final, NoReturn

from spanframe_serving.logs import end_log

__all__ = ["Stop", "exit_now", "stop_signals"]

_MAX_STOP_SECONDS: Final = 5.0
"""Maximum seconds from the end of draining to the end of the process."""


class Stop:
    """A request to stop, and the time by which the process has to be gone."""

    def __init__(self, drain_seconds: float) -> None:
        self.requested = asyncio.Event()
        # A thread of its own, for the case that the event loop waits for a disk too.
        # Only what is committed was answered with OK, so that an exit loses nothing.
        seconds = drain_seconds + _MAX_STOP_SECONDS
        self._last_resort = threading.Timer(seconds, os._exit, [0])
        self._last_resort.daemon = True
        self._seconds = seconds
        self._ends_at = math.inf

    def request(self) -> None:
        """Begin to stop."""
        self._ends_at = time.monotonic() + self._seconds
        self._last_resort.start()
        self.requested.set()

    def left(self, reserve: float) -> float:
        """Return the seconds that are left, without some for what comes later."""
        left = self._ends_at - time.monotonic() - reserve
        return min(_MAX_STOP_SECONDS, max(0.0, left))

    def cancel(self) -> None:
        """Let the process end by itself."""
        self._last_resort.cancel()


def exit_now() -> NoReturn:
    """End the process, although a thread of it waits for the store."""
    end_log()
    os._exit(0)


@contextlib.contextmanager
def stop_signals(drain_seconds: float) -> Iterator[Stop]:
    """Yield what SIGTERM and SIGINT request; a second signal ends the process."""
    loop = asyncio.get_running_loop()
    stop = Stop(drain_seconds)
    signals = (signal.SIGTERM, signal.SIGINT)

    def handle() -> None:
        for each in signals:
            loop.remove_signal_handler(each)
            signal.signal(each, signal.SIG_DFL)
        stop.request()

    for each in signals:
        loop.add_signal_handler(each, handle)
    try:
        yield stop
    finally:
        for each in signals:
            loop.remove_signal_handler(each)
        stop.cancel()
