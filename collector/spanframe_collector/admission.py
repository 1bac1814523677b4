"""One byte budget for everything in flight, charged before anything is decoded."""

from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["Admission", "BudgetSpentError", "Room"]


class BudgetSpentError(Exception):
    """There is no room for this request now; the sender should try again."""


class Admission:
    """Counts the bytes of the requests being worked on; for one event loop."""

    def __init__(self, budget: int) -> None:
        self.left = budget
        """The bytes that requests may still take."""

    @contextmanager
    def room(self) -> Iterator["Room"]:
        """Give room for one request, empty at first; free it after the block."""
        room = Room(self)
        try:
            yield room
        finally:
            self.left += room.size


class Room:
    """The bytes held for one request."""

    def __init__(self, admission: Admission) -> None:
        self._admission = admission
        self.size = 0

    def grow_to(self, size: int) -> None:
        """Hold ``size`` bytes, or go on holding more.

        Raises:
            BudgetSpentError: when there is no room for them.
        """
        more = max(0, size - self.size)
        if more > self._admission.left:
            raise BudgetSpentError
        self._admission.left -= more
        self.size += more
