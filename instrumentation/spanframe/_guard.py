"""The guard: an internal error of spanframe is logged, never raised into the app.

Every place where our code runs inside the app's calls ends in ``except Exception:
fault(...)``. Tests have internal errors raised instead, so that they cannot hide:
`raise_faults`.
"""

import logging
import time

__all__ = [
    "fault",
    "forget_warnings",
    "logger",
    "raise_faults",
    "warn",
    "warn_of_variable",
]

logger = logging.getLogger("spanframe")

MIN_REPEAT_S = 60.0
"""Minimum time between two log lines of the same message, in seconds."""

_state = {"raising": False}
_last: dict[str, float] = {}
_variables: set[tuple[str, str]] = set()


def raise_faults(*, wanted: bool) -> bool:
    """Raise internal errors instead of logging them; return what was set before."""
    before, _state["raising"] = _state["raising"], wanted
    return before


def fault(where: str) -> None:
    """Log the exception being handled as an internal error; call it in ``except``.

    Args:
        where: the work that failed, for example "recording inputs".
    """
    if _state["raising"]:
        raise  # noqa: PLE0704 - called inside the handler of the exception
    if _is_new(where):
        text = (
            "Internal error of spanframe while %s; the trace is incomplete, the app "
            "is not affected. Report it with this traceback."
        )
        logger.error(text, where, exc_info=True)  # noqa: LOG014 - in a handler


def warn(message: str, *args: object) -> None:
    """Log a warning, the same one at most once a minute."""
    if _is_new(message):
        logger.warning(message, *args)


def warn_of_variable(name: str, value: str, shown: str, why: str, instead: str) -> None:
    """Log once that a variable, which other programs share, cannot be used as it is.

    Args:
        name: name of the variable.
        value: its value; another value is another warning.
        shown: the value as it may be printed.
        why: the reason, for example "write a number from 0 to 1".
        instead: the effect, for example "1.0 is used instead".
    """
    if (name, value) not in _variables:
        _variables.add((name, value))
        logger.warning("%s is %s: %s; %s.", name, shown, why, instead)


def forget_warnings() -> None:
    """Log again messages that were logged already."""
    _last.clear()
    _variables.clear()


def _is_new(key: str) -> bool:
    now = time.monotonic()
    if now - _last.get(key, -MIN_REPEAT_S) < MIN_REPEAT_S:
        return False
    _last[key] = now
    return True
