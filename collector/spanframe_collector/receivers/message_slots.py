"""Limits how many messages arrive over gRPC at the same time.

gRPC tells the size of a message when all of it is there. A message that is not asked
for stays with its sender, but for a first part of bounded size. So each request
acquires a slot before it asks for its message, and there are as many slots as fit the
budget if all messages have the maximum size; there is always one. A request whose
message is not complete after a moment loses its slot: a slow sender holds few bytes,
and must not delay the others.

The request that has waited longest is served first: its message may have arrived by
then. Every fourth time it is the newest one, which is served even when a hundred slow
senders wait before it.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final

import grpc.aio

from spanframe_collector.admission import Admission, BudgetSpentError
from spanframe_collector.ingest import Refusal, RefusedError

__all__ = ["MessageSlots"]

_MAX_WAITING_REQUESTS: Final = 1000
"""Maximum requests that wait for a slot."""

_MAX_WAIT_SECONDS: Final = 3.0
"""Maximum seconds that a request waits for a slot."""

_MAX_HOLD_SECONDS: Final = 0.25
"""Maximum seconds that a request holds its slot."""

_NEWEST_FIRST_EVERY: Final = 4
"""Slots of which one goes to the newest request, the others to the oldest."""


class MessageSlots:
    """The slots of one receiver; for one event loop."""

    def __init__(self, admission: Admission, max_message_bytes: int) -> None:
        self._admission = admission
        self._max_message_bytes = max_message_bytes
        self._taken = 0
        self._turns = 0
        self._waiting: dict[asyncio.Future[None], None] = {}  # in order of arrival

    async def read(self, context: Any, seconds: float) -> bytes:
        """Read the message of a call once there is a slot for it.

        Args:
            context: of the call.
            seconds: maximum seconds for the message to arrive.

        Raises:
            RefusedError: when it does not arrive whole.
            BudgetSpentError: when too many wait, or this one has waited too long.
        """
        async with self.acquire():
            try:
                async with asyncio.timeout(seconds):
                    message = await context.read()
            except TimeoutError:
                raise RefusedError(Refusal.INCOMPLETE) from None
        if message is grpc.aio.EOF:  # no message, or the sender hung up
            raise RefusedError(Refusal.INCOMPLETE)
        return bytes(message)

    @asynccontextmanager
    async def acquire(self) -> AsyncIterator[None]:
        """Wait for a slot; free it after the block, or earlier if that takes long.

        Raises:
            BudgetSpentError: when too many wait, or this one has waited too long.
        """
        if self._has_slot and not self._waiting:
            self._taken += 1
        else:
            await self._wait()
        slot = _Slot(self)
        hold = asyncio.get_running_loop().call_later(_MAX_HOLD_SECONDS, slot.free)
        try:
            yield
        finally:
            hold.cancel()
            slot.free()

    @property
    def _has_slot(self) -> bool:
        needed = (self._taken + 1) * self._max_message_bytes
        return not self._taken or needed <= self._admission.left

    async def _wait(self) -> None:
        if len(self._waiting) >= _MAX_WAITING_REQUESTS:
            raise BudgetSpentError
        given = asyncio.get_running_loop().create_future()
        self._waiting[given] = None
        try:
            async with asyncio.timeout(_MAX_WAIT_SECONDS):
                await given
        except (TimeoutError, asyncio.CancelledError) as error:
            if given.cancelled():
                self._waiting.pop(given, None)
            else:  # the slot was given at that very moment
                self.free_one()
            if isinstance(error, TimeoutError):
                raise BudgetSpentError from None
            raise

    def free_one(self) -> None:
        """Free a slot, and give the free slots to requests that wait."""
        self._taken -= 1
        while self._waiting and self._has_slot:
            self._turns += 1
            if self._turns % _NEWEST_FIRST_EVERY:
                given = next(iter(self._waiting))
                del self._waiting[given]
            else:
                given, _ = self._waiting.popitem()
            if not given.done():
                self._taken += 1
                given.set_result(None)


class _Slot:
    """A slot that is freed once, by the timer or at the end of the block."""

    def __init__(self, slots: MessageSlots) -> None:
        self._slots: MessageSlots | None = slots

    def free(self) -> None:
        slots, self._slots = self._slots, None
        if slots is not None:
            slots.free_one()
