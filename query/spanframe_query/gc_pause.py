"""The garbage collector, held off while a large result is built.

A hundred thousand traces are half a million live objects, none of them garbage. The
collector would walk them again and again while they are made, a third of the time of
such a search.
"""

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock

__all__ = ["gc_paused"]

_lock = Lock()
_building = 0
_was_enabled = False


@contextmanager
def gc_paused() -> Iterator[None]:
    """Collect no garbage meanwhile; threads may overlap, the last one switches back."""
    global _building, _was_enabled  # noqa: PLW0603 - the collector is the process's
    with _lock:
        if not _building:
            _was_enabled = gc.isenabled()
            gc.disable()
        _building += 1
    try:
        yield
    finally:
        with _lock:
            _building -= 1
            if not _building and _was_enabled:
                gc.enable()
