"""Which requests may arrive over gRPC at the same time.

gRPC tells the size of a message when all of it is there. What is not asked for stays
with its sender, but for a first part of bounded size. So each request takes a place
before it asks, and there are as many as fit the budget if all are as large as allowed;
one may always arrive. Who is still not whole after a moment loses its place: a sender
that trickles holds little, and must not hold up the others.

Of those that wait, the first to come is the first to go: its message may be here by
then. Every fourth time it is the last, which gets through even while a hundred that
trickle stand before it.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from spanframe_collector.admission import Admission, BudgetSpentError

__all__ = ["MessageSlots"]

_MOST_WAITING: Final = 1000
_LONGEST_WAIT_SECONDS: Final = 3.0
_LONGEST_HOLD_SECONDS: Final = 0.25
_LAST_FIRST_EVERY: Final = 4


class MessageSlots:
    """Gives places to requests; for one event loop."""

    def __init__(self, admission: Admission, largest: int) -> None:
        self._admission = admission
        self._largest = largest
        self._arriving = 0
        self._turns = 0
        self._waiting: dict[asyncio.Future[None], None] = {}  # in order of arrival

    @asynccontextmanager
    async def place(self) -> AsyncIterator[None]:
        """Wait for a place; free it after the block, or while the block takes long.

        Raises:
            BudgetSpentError: when too many wait, or this one has waited too long.
        """
        if self._has_place and not self._waiting:
            self._arriving += 1
        else:
            await self._wait()
        place = _Place(self)
        hold = asyncio.get_running_loop().call_later(_LONGEST_HOLD_SECONDS, place.free)
        try:
            yield
        finally:
            hold.cancel()
            place.free()

    @property
    def _has_place(self) -> bool:
        room = (self._arriving + 1) * self._largest
        return not self._arriving or room <= self._admission.left

    async def _wait(self) -> None:
        if len(self._waiting) >= _MOST_WAITING:
            raise BudgetSpentError
        given = asyncio.get_running_loop().create_future()
        self._waiting[given] = None
        try:
            async with asyncio.timeout(_LONGEST_WAIT_SECONDS):
                await given
        except (TimeoutError, asyncio.CancelledError) as error:
            if given.cancelled():
                self._waiting.pop(given, None)
            else:  # the place came at that very moment
                self.free_one()
            if isinstance(error, TimeoutError):
                raise BudgetSpentError from None
            raise

    def free_one(self) -> None:
        """Take a place back, and give those there are to those that wait."""
        self._arriving -= 1
        while self._waiting and self._has_place:
            self._turns += 1
            if self._turns % _LAST_FIRST_EVERY:
                given = next(iter(self._waiting))
                del self._waiting[given]
            else:
                given, _ = self._waiting.popitem()
            if not given.done():
                self._arriving += 1
                given.set_result(None)


class _Place:
    """Freed once, by whoever is first."""

    def __init__(self, arrivals: MessageSlots) -> None:
        self._arrivals: MessageSlots | None = arrivals

    def free(self) -> None:
        arrivals, self._arrivals = self._arrivals, None
        if arrivals is not None:
            arrivals.free_one()
