"""The threads in which requests are decoded."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final, TypeVar

__all__ = ["Decoders"]

_LARGE_BYTES: Final = 1 << 20
"""Ordinary requests have less, and take milliseconds."""

T = TypeVar("T")


class Decoders:
    """Runs what decodes a request; one thread for ordinary ones, one for large ones.

    One thread each: decoding holds the interpreter, more would only take turns.
    """

    def __init__(self) -> None:
        self._ordinary = ThreadPoolExecutor(1, "spanframe-decoder")
        self._large = ThreadPoolExecutor(1, "spanframe-large-decoder")

    async def run(self, size: int, work: Callable[[], T]) -> T:
        """Return what ``work`` returns, called in a thread.

        Args:
            size: of the request, in bytes.
            work: decodes it.
        """
        executor = self._large if size > _LARGE_BYTES else self._ordinary
        return await asyncio.get_running_loop().run_in_executor(executor, work)

    def close(self) -> None:
        """End the threads after what was begun."""
        self._ordinary.shutdown()
        self._large.shutdown()
