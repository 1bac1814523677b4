"""A writer that writes in a second process while requests queue up.

Threads of one process take turns at the interpreter, so that receiving, decoding and
writing together use about one core. A process of its own writes on another one. It
takes memory and gains nothing for a lone sender, so it runs only while it is needed. A
batch that it does not write is written by the collector's own process: writing the same
batch twice stores it once.
"""

import contextlib
import logging
import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from multiprocessing.connection import Connection, Pipe
from typing import Final

from spanframe_collector.second_process.messages import (
    READY,
    Answer,
    Opening,
    Results,
    limit_waits,
    receive_answer,
    send,
)
from spanframe_collector.second_process.packing import PackedRows, pack
from spanframe_store.contract.errors import (
    StoreUnavailableError,
    StoreUnusableError,
)
from spanframe_store.contract.spans import SpanRow
from spanframe_store.contract.store import MAX_TRACE_ENTRIES, Writer, Written

__all__ = ["SecondProcessWriter", "has_two_cores"]

_log: Final = logging.getLogger(__name__)

_MIN_QUEUED_REQUESTS: Final = 4
"""Minimum requests that wait to be written together for the process to be started."""

_IDLE_SECONDS: Final = 60.0
"""Seconds without need after which the process ends, and between two starts."""

_MAX_END_SECONDS: Final = 2.0
"""Seconds that the process has to end by itself, and then once it is killed."""

_MAX_ANSWER_SECONDS: Final = 10.0
"""Maximum seconds for the results of a batch: a locked store is waited for for 4 s, and
a long log is copied into the file on the way."""

_MAX_SEND_SECONDS: Final = 5.0
"""Maximum seconds without progress for the bytes of a message."""

_LOOK_SECONDS: Final = 0.5
"""Seconds between two looks at whether the process that is waited for is stopped."""


_STOPPED: Final = "it was stopped by SIGSTOP, and has been killed"


def has_two_cores() -> bool:
    """Return whether this process may use more than one core."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0)) > 1
    return (os.cpu_count() or 1) > 1


class SecondProcessWriter:
    """A `Writer` that writes in a second process, or in this one.

    Not thread-safe, but for `pack`.
    """

    def __init__(
        self,
        writer: Writer,
        url: str,
        synchronous: str,
        *,
        enabled: bool,
        max_trace_entries: int = MAX_TRACE_ENTRIES,
        dropped: Callable[[int], None] = lambda _: None,
    ) -> None:
        """Start nothing yet.

        Args:
            writer: of the store, in this process.
            url: of the store.
            synchronous: how the store is written; see `WriterOptions`.
            enabled: whether a second process may be started.
            max_trace_entries: see `WriterOptions`.
            dropped: is told how many tags and metadata entries a batch has lost.
        """
        self._writer = writer
        self._dropped = dropped
        self.dropped_entries = 0
        """Tags and metadata entries that were dropped, beyond the limit of a trace."""
        self._second = (
            _SecondProcess(url, synchronous, max_trace_entries) if enabled else None
        )

    def pack(self, rows: Sequence[SpanRow]) -> Sequence[SpanRow]:
        """Return rows as `write` takes them fastest; may be called in any thread."""
        second = self._second
        return PackedRows(rows) if second is not None and second.is_ready else rows

    def write(self, requests: Sequence[Sequence[SpanRow]]) -> list[Written]:
        """Do what `Writer.write` does."""
        results = self._write_in_second(requests)
        if isinstance(results, str):
            raise StoreUnusableError(results)
        if results is None:
            before = self._writer.dropped_entries
            written = self._writer.write(requests)
            results = Results(written, self._writer.dropped_entries - before)
        if results.dropped_entries:
            self.dropped_entries += results.dropped_entries
            self._dropped(results.dropped_entries)
        return results.written

    def _write_in_second(self, requests: Sequence[Sequence[SpanRow]]) -> Answer:
        """Write in the second process; None: it does not run or could not write."""
        second = self._second
        if second is None:
            return None
        second.refuse_while_ending()
        second.start_or_end(needed=len(requests) >= _MIN_QUEUED_REQUESTS)
        was_ready = second.is_ready
        if not second.check():
            return None
        if not was_ready:
            self._writer.release()
        written = second.write(requests)
        second.refuse_while_ending()
        if not was_ready:
            # It has opened what was there; this is what was opened at the start.
            self._writer.check()
        return written

    def check(self) -> None:
        """Do what `Writer.check` does, and see whether the process is stopped."""
        runs = self._second is not None and self._second.check()
        try:
            self._writer.check()
        except StoreUnusableError:
            if runs:
                self._write_in_second([])  # it saves the log, which it alone has open
            raise

    def probe(self) -> None:
        """Do what `Writer.probe` does."""
        if self._second is not None:
            self._second.refuse_while_ending()
        self._writer.probe()

    def release(self) -> None:
        """Do what `Writer.release` does."""
        self._writer.release()

    def close(self) -> None:
        """End the process; in the thread that writes."""
        if self._second is not None:
            self._second.close()
        self._writer.close()


class _SecondProcess:
    """Starts, asks and ends `spanframe_collector.second_process.worker`."""

    def __init__(self, url: str, synchronous: str, max_trace_entries: int) -> None:
        self._store = url, synchronous, max_trace_entries
        self._running: tuple[subprocess.Popen[bytes], Connection] | None = None
        self._ending: subprocess.Popen[bytes] | None = None
        self.is_ready = False
        """Whether the process takes batches, as far as is known."""
        self._needed_at = 0.0
        self._started_at = -_IDLE_SECONDS

    def start_or_end(self, *, needed: bool) -> None:
        """Start the process when it is needed, end it when it has not been for long."""
        now = time.monotonic()
        if needed:
            self._needed_at = now
            if self._running is None and now - self._started_at >= _IDLE_SECONDS:
                self._started_at = now
                self._start()
        elif self._running is not None and now - self._needed_at >= _IDLE_SECONDS:
            self.close()

    def _start(self) -> None:
        connection, other_end = Pipe()
        limit_waits(connection, _MAX_SEND_SECONDS)
        command = [
            *(sys.executable, "-P", "-m", "spanframe_collector.second_process.worker"),
            *(str(other_end.fileno()), str(os.getpid())),
        ]
        try:
            process = subprocess.Popen(  # noqa: S603 - this very program
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                pass_fds=[other_end.fileno()],
                # Signals are for the collector, which still needs it while draining.
                start_new_session=True,
            )
        except OSError as error:
            connection.close()
            _log.warning(
                "The second writing process cannot be started: %s. The collector's own "
                "process writes the spans, which is slower under load.",
                error,
            )
            return
        finally:
            other_end.close()
        self._running = process, connection
        # Not arguments, which everybody on the machine can read: the URL may hold a
        # password. If the process has ended, `check` finds it out.
        with contextlib.suppress(OSError):
            send(connection, Opening(*self._store, _IDLE_SECONDS))

    def check(self) -> bool:
        """Find out, and return, whether the process takes batches."""
        if self._running is None:
            return False
        process, connection = self._running
        status = process.poll()
        if status is not None:
            if status:  # else no batch has come for long
                _log_end("it was killed" if status < 0 else f"exit status {status}")
            self.close()
        elif _is_stopped(process):
            self._kill(_STOPPED)
        elif not self.is_ready and connection.poll():
            # READY, or the end of a process that `poll` does not know of yet.
            with contextlib.suppress(EOFError, OSError):
                self.is_ready = connection.recv_bytes() == READY
        return self.is_ready

    def write(self, requests: Sequence[Sequence[SpanRow]]) -> Answer:
        """Do what `Writer.write` does; None: the requests could not be written.

        A process that does not answer is killed first. What it has committed by then is
        a duplicate to the next writer.
        """
        assert self._running is not None  # noqa: S101 - check
        process, connection = self._running
        batch = [
            rows.packed if isinstance(rows, PackedRows) else pack(rows)
            for rows in requests
        ]
        try:
            send(connection, batch)
            problem = _wait_for_answer(process, connection)
            if not problem:
                return receive_answer(connection)
        except BlockingIOError:
            problem = "it read nothing"
        except (EOFError, OSError):
            problem = "killed?"
        self._kill(problem)
        return None

    def refuse_while_ending(self) -> None:
        """Refuse while a process that was killed is still there: it may hold the lock.

        Raises:
            StoreUnavailableError: the system has not ended it yet.
        """
        if self._ending is not None and self._ending.poll() is None:
            raise StoreUnavailableError(
                "the second writing process was killed and has not ended: it waits for "
                "the disk"
            )
        self._ending = None

    def _kill(self, reason: str) -> None:
        """End a process that writes no more, at once."""
        assert self._running is not None  # noqa: S101 - it has not ended
        process, _ = self._running
        process.kill()
        _log_end(reason)
        self.close()

    def close(self) -> None:
        """End the process; another one may be started later."""
        running, self._running, self.is_ready = self._running, None, False
        if running is None:
            return
        process, connection = running
        connection.close()
        if _is_stopped(process):
            process.kill()
        for _ in range(2):
            try:
                process.wait(_MAX_END_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
            else:
                return
        self._ending = process


def _wait_for_answer(process: subprocess.Popen[bytes], connection: Connection) -> str:
    """Wait until there is an answer to read; return why it is not worth waiting."""
    deadline = time.monotonic() + _MAX_ANSWER_SECONDS
    while not connection.poll(_LOOK_SECONDS):
        if _is_stopped(process):
            return _STOPPED
        if time.monotonic() > deadline:
            return f"it did not answer for {_MAX_ANSWER_SECONDS:.0f} s"
    return ""


def _is_stopped(process: subprocess.Popen[bytes]) -> bool:
    """Whether a signal has stopped the process, without ending it."""
    if process.returncode is not None or not hasattr(os, "waitid"):
        return False  # macOS has no waitid before Python 3.13
    flags = os.WSTOPPED | os.WNOHANG | os.WNOWAIT
    with contextlib.suppress(ChildProcessError):
        return os.waitid(os.P_PID, process.pid, flags) is not None
    return False


def _log_end(reason: str) -> None:
    _log.warning(
        "The second writing process has ended (%s). No span is lost: the collector's "
        "own process writes them, and may start another in %.0f s.",
        reason,
        _IDLE_SECONDS,
    )
