"""A text stream for logs whose writers never wait for its reader.

A pipe that nobody reads takes 64 KiB; then every thread that logs would wait in
``write``, and with it the event loop.
"""

import atexit
import io
import os
import queue
import select
import threading
from typing import Final

__all__ = ["BackgroundStream"]

_MAX_QUEUED_TEXTS: Final = 1000
"""Maximum texts that wait to be written; beyond it new ones are dropped and counted."""

_MAX_LAST_SECONDS: Final = 1.0
"""Maximum seconds that the end of the process waits for the last texts."""


class BackgroundStream(io.TextIOBase):
    """Writes to a file descriptor from a thread of its own."""

    encoding = "utf-8"

    def __init__(self, descriptor: int) -> None:
        """Start the thread; at the end of the process it writes what is queued.

        Args:
            descriptor: file descriptor, which stays open.
        """
        self._descriptor = descriptor
        self._texts: queue.Queue[str | None] = queue.Queue(_MAX_QUEUED_TEXTS)
        self._dropped = 0
        # A daemon: it may never return from writing to a pipe.
        self._thread = threading.Thread(
            target=self._run, name="spanframe-log", daemon=True
        )
        self._thread.start()
        atexit.register(self.close)

    def write(self, text: str, /) -> int:
        """Queue a text to be written; drop it when too many wait."""
        try:
            self._texts.put_nowait(text)
        except queue.Full:
            self._dropped += 1
        return len(text)

    def isatty(self) -> bool:
        """Return whether it is a terminal."""
        return os.isatty(self._descriptor)

    def close(self) -> None:
        """Write what is queued, within a second, and end the thread."""
        if self.closed:
            return
        super().close()
        try:
            self._texts.put(None, timeout=_MAX_LAST_SECONDS)
        except queue.Full:
            return
        self._thread.join(_MAX_LAST_SECONDS)

    def _run(self) -> None:
        while (text := self._texts.get()) is not None:
            self._write(text)
            if self._dropped and self._texts.empty():
                dropped, self._dropped = self._dropped, 0
                self._write(
                    f"{dropped} lines of the log were dropped: nobody read it\n"
                )

    def _write(self, text: str) -> None:
        left = memoryview(text.encode(errors="backslashreplace"))
        while left:
            try:
                left = left[os.write(self._descriptor, left) :]
            except BlockingIOError:
                select.select([], [self._descriptor], [])
            except OSError:  # its reader is gone: there is nobody to tell
                return
