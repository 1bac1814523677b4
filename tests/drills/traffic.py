"""What is sent to a collector during a drill."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from benchmarks.acknowledged import (
    SPANS_IN_A_REQUEST,
    Book,
    Request,
    Sender,
    lost_and_doubled,
)

__all__ = ["OWN_CONNECTION", "Traffic", "until"]

OWN_CONNECTION: Final = (
    ("grpc.use_local_subchannel_pool", 1),
    ("grpc.initial_reconnect_backoff_ms", 50),
    ("grpc.max_reconnect_backoff_ms", 200),
)
"""Options of a sender that shares no connection and connects again at once."""

_PAUSE_SECONDS: Final = 0.1
"""Seconds between two requests while they are refused."""

_MAX_WAIT_SECONDS: Final = 60.0
"""Maximum seconds until what is waited for is the case."""


def until(
    reached: Callable[[], object], what: str, seconds: float = _MAX_WAIT_SECONDS
) -> None:
    """Wait until ``reached()`` is true."""
    begun = time.monotonic()
    while not reached():
        if time.monotonic() - begun > seconds:
            raise TimeoutError(f"not within {seconds:.0f} s: {what}")
        time.sleep(0.01)


class Traffic:
    """A sender that keeps book: sixteen requests of 250 spans are in flight."""

    def __init__(self, target: str, requests_a_second: float = 0) -> None:
        """Send nothing yet; 0 requests a second: as fast as they are answered."""
        self.book = Book()
        self._target = target
        self._pause = 1 / requests_a_second if requests_a_second else 0.0

    @contextmanager
    def running(self) -> Iterator[None]:
        """Send while the block runs, and then wait for every answer."""
        stop = threading.Event()
        sender = Sender(self._target, self.book, OWN_CONNECTION)

        def work() -> None:
            while not stop.wait(self._pause if self._is_taken else _PAUSE_SECONDS):
                sender.send(Request.new())

        thread = threading.Thread(target=work)
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join()
            sender.close()

    @property
    def _is_taken(self) -> bool:
        answers = self.book.answers
        return not answers or answers[-1].is_ok

    def wait_for(self, count: int) -> None:
        """Wait until that many more requests are answered OK."""
        seen = len(self.book.answers)
        oks = 0

        def enough() -> bool:
            nonlocal seen, oks
            new = self.book.answers[seen:]
            seen += len(new)
            oks += sum(answer.is_ok for answer in new)
            return oks >= count

        until(enough, f"{count} requests are answered OK")

    def retry(self) -> None:
        """Send what was not answered OK again, as senders do, until all of it is."""
        deadline = time.monotonic() + _MAX_WAIT_SECONDS
        while left := self.book.unanswered:
            if time.monotonic() > deadline:
                raise TimeoutError(f"{len(left)} requests are refused for good")
            sender = Sender(self._target, self.book, OWN_CONNECTION)
            for request in left:
                sender.send(request)
            sender.close()

    def lost_and_doubled(self, store: str) -> tuple[int, int]:
        """Send what was not answered again, then compare the book with the store."""
        self.retry()
        return lost_and_doubled(store, self.book)

    @property
    def spans(self) -> str:
        """How much was answered OK, in words."""
        spans = len(self.book.acknowledged) * SPANS_IN_A_REQUEST
        return f"{spans:,} spans answered OK"
