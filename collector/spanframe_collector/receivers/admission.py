"""One byte budget for everything in flight, charged before anything is decoded."""

from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["Admission", "BudgetSpentError"]


class BudgetSpentError(Exception):
    """There is no room for this request now; the sender should try again."""


class Admission:
    """Counts the bytes of the requests being worked on; for one event loop."""

    def __init__(self, budget: int) -> None:
        self._budget = budget
        self._in_flight = 0

    @contextmanager
    def room_for(self, size: int) -> Iterator[None]:
        """Hold room for ``size`` bytes.

        Raises:
            BudgetSpentError: when there is none.
        """
        if self._in_flight + size > self._budget:
            raise BudgetSpentError
        self._in_flight += size
        try:
            yield
        finally:
            self._in_flight -= size
