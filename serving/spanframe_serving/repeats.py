"""Gathers the log lines that one place in the code writes again and again."""

import atexit
import copy
import logging
import threading
import time
from typing import Final

__all__ = ["Repeats"]

_WINDOW_SECONDS: Final = 60.0
"""Seconds in which the lines of one place are counted together."""

_MAX_LINES: Final = 10
"""Maximum lines of one place in that time; further ones become one line at its end."""

_Place = tuple[str, int]
"""A file and a line in it: the messages of one place may be as many as senders like."""


class _Window:
    """The lines of one place since it wrote the first of them."""

    def __init__(self) -> None:
        self.end = time.monotonic() + _WINDOW_SECONDS
        self.lines = 0
        self.last: logging.LogRecord | None = None
        """The last line that was held back."""

    @property
    def is_over(self) -> bool:
        """Whether its time has passed, and no timer will say what was held back."""
        return self.last is None and time.monotonic() >= self.end


class Repeats(logging.Filter):
    """Lets the first lines of each place through, and says how many more there were.

    Args:
        handler: handler that this filter is added to.
    """

    def __init__(self, handler: logging.Handler) -> None:
        super().__init__()
        self._handler = handler
        self._lock = threading.Lock()
        self._windows: dict[_Place, _Window] = {}
        atexit.register(self.finish)

    def filter(self, record: logging.LogRecord) -> bool:
        """Return whether the line is written now."""
        place = (record.pathname, record.lineno)
        with self._lock:
            window = self._windows.get(place)
            if window is None or window.is_over:
                window = self._windows[place] = _Window()
            window.lines += 1
            if window.lines <= _MAX_LINES:
                return True
            if window.last is None:
                wait = window.end - time.monotonic()
                timer = threading.Timer(wait, self._tell, [place])
                timer.daemon = True
                timer.start()
            window.last = record
        # What an exception refers to must not stay in memory.
        record.msg, record.args = record.getMessage(), None
        record.exc_info = record.exc_text = None
        return False

    def finish(self) -> None:
        """Say now what was held back."""
        for place in list(self._windows):
            self._tell(place)

    def _tell(self, place: _Place) -> None:
        with self._lock:
            window = self._windows.pop(place, None)
        if window is None or window.last is None:
            return
        more = copy.copy(window.last)
        more.msg = f"{more.msg} … {window.lines - _MAX_LINES} more in the last minute"
        # Not `handle`: this line goes past the filter.
        self._handler.acquire()
        try:
            self._handler.emit(more)
        finally:
            self._handler.release()
