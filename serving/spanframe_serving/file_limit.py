"""The number of files that the process may open, and what it leaves for connections."""

import contextlib
import resource
from typing import Final

__all__ = ["max_connections_within", "raise_file_limit"]

_OTHER_FILES: Final = 128
"""Open files that are kept for the store, the log and a second process."""

_ENOUGH_FILES: Final = 1 << 20
"""Open files that are asked for where the system sets no limit."""


def raise_file_limit() -> int:
    """Raise the limit of open files as far as the system allows, and return it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _ENOUGH_FILES if hard == resource.RLIM_INFINITY else hard
    # macOS has a second, lower limit; then the first one stays.
    with contextlib.suppress(OSError, ValueError):
        if soft != resource.RLIM_INFINITY and soft < wanted:
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
            soft = wanted
    return _ENOUGH_FILES if soft == resource.RLIM_INFINITY else soft


def max_connections_within(files: int, wanted: int, files_per_connection: int) -> int:
    """Return how many connections a limit of open files allows, at most ``wanted``.

    Args:
        files: the limit of open files.
        wanted: maximum connections of one listener.
        files_per_connection: open files that a connection takes on all listeners
            together, as each of them may have so many.
    """
    return max(1, min(wanted, (files - _OTHER_FILES) // files_per_connection))
