"""Threads of a test that end with it."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["set_at_the_end"]


@contextmanager
def set_at_the_end(stop: threading.Event) -> Iterator[None]:
    """Set the event also when the block fails.

    What waits for the threads would go on until the time of the test is over, and hide
    why it failed.
    """
    try:
        yield
    finally:
        stop.set()
