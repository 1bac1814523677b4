"""The guard: a fault of ours is logged, never handed to the app we watch.

Every place where our code runs inside the app's calls ends in ``except Exception:
fault(...)``. Under test faults are raised instead, so that they cannot hide:
`spanframe.testing` sets `raising`.
"""

import logging
import time

__all__ = ["fault", "forget_warnings", "logger", "raise_faults", "warn"]

logger = logging.getLogger("spanframe")

_QUIET_S = 60.0
_state = {"raising": False}
_last: dict[str, float] = {}


def raise_faults(*, wanted: bool) -> bool:
    """Raise our faults instead of logging them; return what was set before."""
    before, _state["raising"] = _state["raising"], wanted
    return before


def fault(where: str) -> None:
    """Report the exception being handled as our own fault; call it in ``except``.

    Args:
        where: what we were doing, for example "recording inputs".
    """
    if _state["raising"]:
        raise  # noqa: PLE0704 - called inside the handler of the exception
    if _is_new(where):
        text = "spanframe failed at %s; the app goes on without it."
        logger.error(text, where, exc_info=True)  # noqa: LOG014 - in a handler


def warn(message: str, *args: object) -> None:
    """Log a warning, the same one at most once a minute."""
    if _is_new(message):
        logger.warning(message, *args)


def forget_warnings() -> None:
    """Log again what was logged within the last minute."""
    _last.clear()


def _is_new(key: str) -> bool:
    now = time.monotonic()
    if now - _last.get(key, -_QUIET_S) < _QUIET_S:
        return False
    _last[key] = now
    return True
