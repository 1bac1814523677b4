"""Settings of Python's and of glibc's memory management that suit a collector."""

import ctypes
import gc
from typing import Final

__all__ = ["raise_gc_thresholds", "return_freed_memory"]

# malloc.h
_M_MMAP_THRESHOLD: Final = -3
_M_ARENA_MAX: Final = -8

_MIN_MMAP_BYTES: Final = 128 << 10
"""Minimum size of an allocation that goes back to the system when freed, in bytes."""

_MAX_ARENAS: Final = 2
"""Maximum arenas of glibc's allocator."""

_GC_THRESHOLDS: Final = (50_000, 20, 50)
"""New objects per collection of the youngest generation, and collections of one
generation per collection of the next."""


def raise_gc_thresholds() -> None:
    """Have Python's cyclic garbage collector run less often.

    A request becomes tens of thousands of small objects, none of which is part of a
    cycle. With the default thresholds all of them are scanned again and again while
    they wait for their commit, which takes a quarter of the time of a span.
    """
    gc.collect()
    gc.freeze()  # objects of loaded modules are never scanned again
    gc.set_threshold(*_GC_THRESHOLDS)


def return_freed_memory() -> None:
    """Have the memory of requests returned to the system as soon as it is freed.

    By default glibc raises the size from which it does so with every larger allocation,
    and keeps an arena of free memory for each thread: after a burst of requests of 1 MB
    the process stays twice as large. Another C library is left as it is.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):
        return
    mallopt(_M_MMAP_THRESHOLD, _MIN_MMAP_BYTES)
    mallopt(_M_ARENA_MAX, _MAX_ARENAS)
