"""Keeps the collector's memory where its budget is, at the least cost."""

import ctypes
import gc
from typing import Final

__all__ = ["raise_gc_thresholds", "return_freed_memory"]

# malloc.h
_M_MMAP_THRESHOLD: Final = -3
_M_ARENA_MAX: Final = -8

_THRESHOLD_BYTES: Final = 128 << 10
_ARENAS: Final = 2

_THRESHOLDS: Final = (50_000, 20, 50)
"""New objects until the young ones are looked at, and how seldom the older ones are."""


def raise_gc_thresholds() -> None:
    """Have Python's cyclic garbage collector run less often.

    A request becomes tens of thousands of small objects, none of which refers to
    itself; by default all of them are looked at again and again while they wait for
    their commit, which costs a quarter of the time that a span takes.
    """
    gc.collect()
    gc.freeze()  # what is loaded by now stays
    gc.set_threshold(*_THRESHOLDS)


def return_freed_memory() -> None:
    """Have requests' memory given back to the system as soon as it is free.

    By default glibc raises the size from which it does so with every large block it
    sees, and keeps an arena of free ones for each thread: after a burst of 1 MB
    requests a process stays twice as large. Does nothing with another C library.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):
        return
    mallopt(_M_MMAP_THRESHOLD, _THRESHOLD_BYTES)
    mallopt(_M_ARENA_MAX, _ARENAS)
