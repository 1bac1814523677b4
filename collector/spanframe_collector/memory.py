"""Keeps the collector's memory where its budget is, on Linux with glibc."""

import ctypes
from typing import Final

__all__ = ["return_large_blocks"]

# malloc.h
_M_MMAP_THRESHOLD: Final = -3
_M_ARENA_MAX: Final = -8

_THRESHOLD_BYTES: Final = 128 << 10
_ARENAS: Final = 2


def return_large_blocks() -> None:
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
