"""Threads that decode requests."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final, TypeVar

__all__ = ["Decoders"]

_MAX_ORDINARY_BYTES: Final = 1 << 20
"""Maximum size of an ordinary request, in bytes; it is decoded in milliseconds."""

T = TypeVar("T")


class Decoders:
    """Decodes requests: large ones in one thread, all others in another one.

    More threads would not be faster: decoding holds the interpreter's lock.
    """

    def __init__(self) -> None:
        self._ordinary = ThreadPoolExecutor(1, "spanframe-decoder")
        self._large = ThreadPoolExecutor(1, "spanframe-large-decoder")

    async def run(self, size: int, work: Callable[[], T]) -> T:
        """Call ``work`` in a thread and return its result.

        Args:
            size: size of the request, in bytes.
            work: decodes the request.
        """
        executor = self._large if size > _MAX_ORDINARY_BYTES else self._ordinary
        return await asyncio.get_running_loop().run_in_executor(executor, work)

    def close(self) -> None:
        """End the threads once they have decoded the requests they were given."""
        self._ordinary.shutdown()
        self._large.shutdown()
