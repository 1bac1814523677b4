"""The body of a request over HTTP: admitted while it arrives, inflated in steps."""

import asyncio
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from typing import Any, Final

from spanframe_collector.admission import Room
from spanframe_collector.ingest import Refusal, RefusedError

__all__ = ["Receive", "read_body"]

Receive = Callable[[], Awaitable[Mapping[str, Any]]]
"""ASGI's ``receive``."""

_STEP_BYTES: Final = 256 << 10
_MOST_MEMBERS: Final = 10_000
_GZIP_WINDOW: Final = 31
"""zlib's ``wbits`` for the largest window, in gzip's format and no other."""


async def read_body(
    receive: Receive, *, is_gzip: bool, limit: int, room: Room
) -> bytes:
    """Return the whole body, inflated.

    Args:
        receive: yields the chunks, as ASGI has it.
        is_gzip: whether the chunks are gzip, of one member or more.
        limit: the most bytes taken, as they arrive and inflated.
        room: grows before any byte of more than a chunk is kept.

    Raises:
        RefusedError: when it is too large, broken, or does not arrive whole.
        BudgetSpentError: when there is no room for it.
    """
    body = bytearray()
    received = 0
    inflater = _Inflater() if is_gzip else None
    async for chunk in _chunks(receive):
        received += len(chunk)
        if received > limit:
            raise RefusedError(Refusal.TOO_LARGE)
        for piece in (chunk,) if inflater is None else inflater.feed(chunk):
            size = len(body) + len(piece)
            if size > limit:
                raise RefusedError(Refusal.TOO_LARGE)
            room.grow_to(size)
            body += piece
            await asyncio.sleep(0)  # a long body must not hold up the others
    if inflater is not None and not inflater.is_complete:
        raise RefusedError(Refusal.UNDECODABLE)
    return bytes(body)


async def _chunks(receive: Receive) -> AsyncIterator[bytes]:
    more = True
    while more:
        message = await receive()
        if message["type"] != "http.request":
            raise RefusedError(Refusal.INCOMPLETE)
        more = message.get("more_body", False)
        chunk: bytes = message.get("body", b"")
        if chunk:
            yield chunk


class _Inflater:
    """Inflates gzip members, one after the other, in pieces of bounded size."""

    def __init__(self) -> None:
        self._member: Any = None
        self._members = 0

    @property
    def is_complete(self) -> bool:
        """Whether the last member has ended."""
        return self._members > 0 and self._member is None

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Yield what the next compressed bytes hold.

        Raises:
            RefusedError: when they are not gzip.
        """
        while data:
            if self._member is None:
                self._members += 1
                if self._members > _MOST_MEMBERS:
                    raise RefusedError(Refusal.UNDECODABLE)
                self._member = zlib.decompressobj(_GZIP_WINDOW)
            try:
                piece = self._member.decompress(data, _STEP_BYTES)
                yield piece
                # What is left to say may hide in the inflater, with no input left.
                while len(piece) == _STEP_BYTES:
                    piece = self._member.decompress(
                        self._member.unconsumed_tail, _STEP_BYTES
                    )
                    yield piece
            except zlib.error:
                raise RefusedError(Refusal.UNDECODABLE) from None
            data = self._member.unused_data
            if self._member.eof:
                self._member = None
