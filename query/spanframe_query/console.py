"""Where commands print: a terminal, or a pipe whose reader may go."""

import select
import sys
import time
from typing import Any, Final

from rich.console import Console

__all__ = ["is_read_after", "output_console"]

_PIPE_CHARS: Final = 1 << 16
"""Width of what is not a terminal, where a line is as wide as it is."""


def output_console(**options: Any) -> Console:
    """Return a console on stdout; where that is not a terminal, no line is broken.

    Args:
        options: arguments of ``rich.console.Console``.
    """
    console = Console(highlight=False, **options)
    if not console.is_terminal:
        console.width = _PIPE_CHARS
    return console


def is_read_after(seconds: float) -> bool:
    """Wait; return False, at once, when nobody reads what is written to stdout."""
    try:
        descriptor = sys.stdout.fileno()
        poll = select.poll()
    except (AttributeError, OSError):  # stdout of a test; Windows
        time.sleep(seconds)
        return True
    poll.register(descriptor, 0)  # errors and hang-ups are always told
    return not poll.poll(seconds * 1000)
