"""Where requests are decoded: in threads, and in a second process when they queue up.

Threads of one process take turns at the interpreter, so that decoding and committing
together use about one core. A process of its own decodes on another one. It costs
memory, and a lone sender nothing is gained for, so it runs only while it is needed.
"""

import asyncio
import contextlib
import logging
import os
import select
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import IO, Final, TypeVar

from spanframe_collector.decode import Decoded, EnvelopeError, decode_request
from spanframe_collector.decode.packing import dump_facts, unpack
from spanframe_collector.decode.worker import ANSWER, QUESTION, UNDECODABLE
from spanframe_collector.rows import Fact

__all__ = ["Decode", "Decoders", "has_two_cores"]

_log: Final = logging.getLogger(__name__)

_LARGE_BYTES: Final = 1 << 20
"""Ordinary requests have less, and take milliseconds."""

_WORTH_BYTES: Final = 32 << 10
"""Handing over what is smaller takes longer than decoding it."""

_QUEUE: Final = 4
"""Requests waiting to be decoded, from which on help is called."""

_IDLE_SECONDS: Final = 60.0
"""How long help stays that has nothing to do, and how soon it is called again."""

_END_SECONDS: Final = 5.0

T = TypeVar("T")

Decode = Callable[[bytes, tuple[Fact, ...]], Decoded]
"""`decode_request`, wherever it runs."""


def has_two_cores() -> bool:
    """Return whether this process may use more than one core."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0)) > 1
    return (os.cpu_count() or 1) > 1


class Decoders:
    """Runs what decodes a request; one thread for ordinary ones, one for large ones.

    One thread each: decoding holds the interpreter, more would only take turns.
    """

    def __init__(self, *, helped: bool) -> None:
        """Start the threads.

        Args:
            helped: whether a second process may be started.
        """
        self._ordinary = ThreadPoolExecutor(1, "spanframe-decoder")
        self._large = ThreadPoolExecutor(1, "spanframe-large-decoder")
        self._helper = _Helper() if helped else None
        self._queued = 0

    async def run(self, size: int, work: Callable[[Decode], T]) -> T:
        """Return what ``work`` returns, called in a thread with what decodes.

        Args:
            size: of the request, in bytes.
            work: calls its argument at most once.
        """
        loop = asyncio.get_running_loop()
        if size > _LARGE_BYTES:
            return await loop.run_in_executor(self._large, work, decode_request)
        self._queued += 1
        try:
            return await loop.run_in_executor(self._ordinary, work, self._decode)
        finally:
            self._queued -= 1

    def close(self) -> None:
        """End the threads after what was begun, and the process."""
        self._ordinary.shutdown()
        self._large.shutdown()
        if self._helper is not None:
            self._helper.close()

    def _decode(self, request: bytes, facts: tuple[Fact, ...]) -> Decoded:
        helper = self._helper
        if helper is None:
            return decode_request(request, facts)
        helper.call(needed=self._queued >= _QUEUE)
        if len(request) < _WORTH_BYTES or not helper.is_ready():
            return decode_request(request, facts)
        try:
            return helper.decode(request, facts)
        except (OSError, EOFError):
            # Somebody killed it, or the system was short of memory.
            _log.warning("The process that helps decoding has ended; going on alone")
            helper.close()
            return decode_request(request, facts)


class _Helper:
    """The other end of `spanframe_collector.decode.worker`; belongs to one thread."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._is_ready = False
        self._needed_at = 0.0
        self._called_at = -_IDLE_SECONDS

    def call(self, *, needed: bool) -> None:
        """Start the process when it is needed, end it when it has not been for long."""
        now = time.monotonic()
        if needed:
            self._needed_at = now
            if self._process is None and now - self._called_at >= _IDLE_SECONDS:
                self._called_at = now
                self._start()
        elif self._process is not None and now - self._needed_at >= _IDLE_SECONDS:
            self.close()

    def _start(self) -> None:
        command = [sys.executable, "-P", "-m", "spanframe_collector.decode.worker"]
        command.append(str(_IDLE_SECONDS))
        try:
            self._process = subprocess.Popen(  # noqa: S603 - this very program
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                # Signals are for the collector, which still needs it while draining.
                start_new_session=True,
            )
        except OSError as error:
            _log.warning("No process can be started to help decoding: %s", error)

    def is_ready(self) -> bool:
        """Return whether the process takes questions."""
        process = self._process
        if process is None:
            return False
        if process.poll() is not None:
            if process.returncode:  # else nothing was asked for long
                does = "has ended" if self._is_ready else "does not start"
                _log.warning("The process that helps decoding %s; going on alone", does)
            self.close()
        elif not self._is_ready:
            answers = _pipe(process.stdout)
            ready, _, _ = select.select([answers], [], [], 0)
            self._is_ready = bool(ready and answers.read(1))
        return self._is_ready

    def decode(self, request: bytes, facts: tuple[Fact, ...]) -> Decoded:
        """Do what `decode_request` does.

        Raises:
            EnvelopeError: when the bytes are not a request.
            OSError, EOFError: when the process has ended.
        """
        assert self._process is not None  # noqa: S101 - is_ready
        questions = _pipe(self._process.stdin)
        answers = _pipe(self._process.stdout)
        said = dump_facts(facts)
        questions.write(QUESTION.pack(len(said), len(request)) + said)
        questions.write(request)
        questions.flush()
        kind, size = ANSWER.unpack(_read(answers, ANSWER.size))
        if kind == UNDECODABLE:
            raise EnvelopeError("the bytes are not an export request")
        return unpack(_read(answers, size))

    def close(self) -> None:
        """End the process; another one may be started later."""
        process, self._process, self._is_ready = self._process, None, False
        if process is None:
            return
        with contextlib.suppress(OSError):
            _pipe(process.stdin).close()
        try:
            process.wait(_END_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        _pipe(process.stdout).close()


def _pipe(pipe: IO[bytes] | None) -> IO[bytes]:
    assert pipe is not None  # noqa: S101 - asked for
    return pipe


def _read(pipe: IO[bytes], size: int) -> bytes:
    read = pipe.read(size)
    if len(read) < size:
        raise EOFError
    return read
