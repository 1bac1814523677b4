"""One byte budget for all requests in flight, charged before anything is decoded."""

from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["Admission", "BudgetSpentError", "Reservation"]


class BudgetSpentError(Exception):
    """The budget does not hold this request now; the sender should try again."""


class Admission:
    """Counts the bytes of the requests in flight; for one event loop."""

    def __init__(self, budget: int) -> None:
        self.left = budget
        """The bytes that requests may still reserve."""

    @contextmanager
    def reserve(self) -> Iterator["Reservation"]:
        """Give one request a reservation, empty at first; free it after the block."""
        reservation = Reservation(self)
        try:
            yield reservation
        finally:
            self.left += reservation.size


class Reservation:
    """The bytes of the budget that one request holds."""

    def __init__(self, admission: Admission) -> None:
        self._admission = admission
        self.size = 0

    def grow_to(self, size: int) -> None:
        """Hold ``size`` bytes; a reservation that is larger already stays as it is.

        Raises:
            BudgetSpentError: when the budget does not have them.
        """
        more = max(0, size - self.size)
        if more > self._admission.left:
            raise BudgetSpentError
        self._admission.left -= more
        self.size += more
