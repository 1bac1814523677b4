"""Reads the body of an HTTP request: reserves its bytes as they arrive, inflates it."""

import asyncio
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from typing import Any, Final

from spanframe_collector.admission import Reservation
from spanframe_collector.ingest import Refusal, RefusedError

__all__ = ["Receive", "read_body"]

Receive = Callable[[], Awaitable[Mapping[str, Any]]]
"""ASGI's ``receive``."""

_MAX_PIECE_BYTES: Final = 256 << 10
"""Maximum bytes that are inflated at once."""

_MAX_SILENT_SECONDS: Final = 5.0
"""Maximum seconds that a body is late, at the rate below."""

_MIN_BYTES_PER_SECOND: Final = 1024
"""Minimum bytes per second of a body: a slower sender would hold up a connection."""

_MAX_MEMBERS: Final = 10_000
"""Maximum gzip members of one body."""

_GZIP_WINDOW: Final = 31
"""zlib's ``wbits`` for the largest window, in gzip's format and no other."""


async def read_body(
    receive: Receive, *, is_gzip: bool, limit: int, reservation: Reservation
) -> bytes:
    """Read the whole body and return it, inflated.

    Args:
        receive: ASGI's ``receive``, which returns the chunks.
        is_gzip: whether the body is gzip, of one member or more.
        limit: maximum bytes of the body, as it arrives and inflated.
        reservation: grows before more than one chunk is kept.

    Raises:
        RefusedError: when it is too large, broken, or does not arrive whole.
        BudgetSpentError: when the budget is spent.
        TimeoutError: when it comes too slowly.
    """
    body = bytearray()
    received = 0
    inflater = _Inflater() if is_gzip else None
    latest = asyncio.get_running_loop().time() + _MAX_SILENT_SECONDS
    async with asyncio.timeout_at(latest) as patience:
        async for chunk in _chunks(receive):
            received += len(chunk)
            if received > limit:
                raise RefusedError(Refusal.TOO_LARGE)
            patience.reschedule(latest + received / _MIN_BYTES_PER_SECOND)
            for piece in (chunk,) if inflater is None else inflater.feed(chunk):
                size = len(body) + len(piece)
                if size > limit:
                    raise RefusedError(Refusal.TOO_LARGE)
                reservation.grow_to(size)
                body += piece
                await asyncio.sleep(0)  # a long body must not delay other requests
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
        """Inflate the next compressed bytes.

        Raises:
            RefusedError: when they are not gzip.
        """
        while data:
            if self._member is None:
                self._members += 1
                if self._members > _MAX_MEMBERS:
                    raise RefusedError(Refusal.UNDECODABLE)
                self._member = zlib.decompressobj(_GZIP_WINDOW)
            try:
                piece = self._member.decompress(data, _MAX_PIECE_BYTES)
                yield piece
                # Output may be left in the inflater when no input is left.
                while len(piece) == _MAX_PIECE_BYTES:
                    piece = self._member.decompress(
                        self._member.unconsumed_tail, _MAX_PIECE_BYTES
                    )
                    yield piece
            except zlib.error:
                raise RefusedError(Refusal.UNDECODABLE) from None
            data = self._member.unused_data
            if self._member.eof:
                self._member = None
