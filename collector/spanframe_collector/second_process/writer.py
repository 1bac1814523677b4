"""A writer that has help: a second process, while requests queue up.

Threads of one process take turns at the interpreter, so that receiving, decoding and
writing together use about one core. A process of its own writes on another one. It
costs memory, and a lone sender nothing is gained for, so it runs only while it is
needed. Whatever it does not manage is done here: writing the same twice stores it once.
"""

import contextlib
import logging
import os
import select
import subprocess
import sys
import time
from collections.abc import Sequence
from typing import IO, Final

from spanframe_collector.second_process.packing import PackedRows, pack
from spanframe_collector.second_process.worker import READY, ask, introduce, read_answer
from spanframe_store.contract.spans import SpanRow
from spanframe_store.contract.store import Writer, Written

__all__ = ["HelpedWriter", "has_two_cores"]

_log: Final = logging.getLogger(__name__)

_QUEUE: Final = 4
"""Requests that wait to be written together, from which on help is called."""

_IDLE_SECONDS: Final = 60.0
"""How long help stays that has nothing to do, and how soon it is called again."""

_END_SECONDS: Final = 5.0


def has_two_cores() -> bool:
    """Return whether this process may use more than one core."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0)) > 1
    return (os.cpu_count() or 1) > 1


class HelpedWriter:
    """Does what `Writer` does, here or in a process of its own.

    Not thread-safe, but for `pack`.
    """

    def __init__(
        self, writer: Writer, url: str, synchronous: str, *, helped: bool
    ) -> None:
        """Start nothing yet.

        Args:
            writer: of the store, in this process.
            url: of the store.
            synchronous: how the store is written; see `WriterOptions`.
            helped: whether a second process may be started.
        """
        self._writer = writer
        self._helper = _Helper(url, synchronous) if helped else None

    def pack(self, rows: Sequence[SpanRow]) -> Sequence[SpanRow]:
        """Return rows as `write` takes them fastest; may be called in any thread."""
        helper = self._helper
        return PackedRows(rows) if helper is not None and helper.is_there else rows

    def write(self, requests: Sequence[Sequence[SpanRow]]) -> list[Written]:
        """Do what `Writer.write` does."""
        written = self._written_elsewhere(requests)
        return self._writer.write(requests) if written is None else written

    def _written_elsewhere(
        self, requests: Sequence[Sequence[SpanRow]]
    ) -> list[Written] | None:
        """Write in the other process, if there is one and it can."""
        helper = self._helper
        if helper is None:
            return None
        helper.call(needed=len(requests) >= _QUEUE)
        was_there = helper.is_there
        if not helper.is_ready():
            return None
        if not was_there:
            self._writer.release()
        try:
            return helper.write(requests)
        except (OSError, EOFError):
            # Somebody killed it, or the system was short of memory.
            _log.warning("The process that helps writing has ended; going on alone")
            helper.close()
            return None

    def probe(self) -> None:
        """Do what `Writer.probe` does."""
        self._writer.probe()

    def release(self) -> None:
        """Do what `Writer.release` does."""
        self._writer.release()

    def close(self) -> None:
        """End the process; in the thread that writes."""
        if self._helper is not None:
            self._helper.close()
        self._writer.close()


class _Helper:
    """The other end of `spanframe_collector.second_process.worker`."""

    def __init__(self, url: str, synchronous: str) -> None:
        self._store = url, synchronous
        self._process: subprocess.Popen[bytes] | None = None
        self.is_there = False
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
        command = [
            sys.executable,
            "-P",
            "-m",
            "spanframe_collector.second_process.worker",
        ]
        command += [str(_IDLE_SECONDS), str(os.getpid())]
        try:
            self._process = subprocess.Popen(  # noqa: S603 - this very program
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                # Signals are for the collector, which still needs it while draining.
                start_new_session=True,
            )
            # Not an argument, which everybody on the machine can read: it may hold a
            # password.
            introduce(_pipe(self._process.stdin), *self._store)
        except OSError as error:
            _log.warning("No process can be started to help writing: %s", error)

    def is_ready(self) -> bool:
        """Return whether the process takes questions."""
        process = self._process
        if process is None:
            return False
        if process.poll() is not None:
            if process.returncode:  # else nothing was asked for long
                does = "has ended" if self.is_there else "does not start"
                _log.warning("The process that helps writing %s; going on alone", does)
            self.close()
        elif not self.is_there:
            answers = _pipe(process.stdout)
            ready, _, _ = select.select([answers], [], [], 0)
            self.is_there = bool(ready and answers.read(len(READY)))
        return self.is_there

    def write(self, requests: Sequence[Sequence[SpanRow]]) -> list[Written] | None:
        """Do what `Writer.write` does; None where that would raise.

        Raises:
            OSError, EOFError: when the process has ended.
        """
        assert self._process is not None  # noqa: S101 - is_ready
        batch = [
            rows.packed if isinstance(rows, PackedRows) else pack(rows)
            for rows in requests
        ]
        ask(_pipe(self._process.stdin), batch)
        return read_answer(_pipe(self._process.stdout))

    def close(self) -> None:
        """End the process; another one may be started later."""
        process, self._process, self.is_there = self._process, None, False
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
