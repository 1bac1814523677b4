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
    Opening,
    Results,
    receive_results,
    send,
)
from spanframe_collector.second_process.packing import PackedRows, pack
from spanframe_store.contract.spans import SpanRow
from spanframe_store.contract.store import MAX_TRACE_ENTRIES, Writer, Written

__all__ = ["SecondProcessWriter", "has_two_cores"]

_log: Final = logging.getLogger(__name__)

_MIN_QUEUED_REQUESTS: Final = 4
"""Minimum requests that wait to be written together for the process to be started."""

_IDLE_SECONDS: Final = 60.0
"""Seconds without need after which the process ends, and between two starts."""

_MAX_END_SECONDS: Final = 5.0
"""Seconds that the process has to end by itself; it is killed then."""


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
        if results is None:
            before = self._writer.dropped_entries
            written = self._writer.write(requests)
            results = Results(written, self._writer.dropped_entries - before)
        if results.dropped_entries:
            self.dropped_entries += results.dropped_entries
            self._dropped(results.dropped_entries)
        return results.written

    def _write_in_second(self, requests: Sequence[Sequence[SpanRow]]) -> Results | None:
        """Write in the second process; None: it does not run or could not write."""
        second = self._second
        if second is None:
            return None
        second.start_or_end(needed=len(requests) >= _MIN_QUEUED_REQUESTS)
        was_ready = second.is_ready
        if not second.check():
            return None
        if not was_ready:
            self._writer.release()
        return second.write(requests)

    def probe(self) -> None:
        """Do what `Writer.probe` does."""
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
        elif not self.is_ready and connection.poll():
            # READY, or the end of a process that `poll` does not know of yet.
            with contextlib.suppress(EOFError, OSError):
                self.is_ready = connection.recv_bytes() == READY
        return self.is_ready

    def write(self, requests: Sequence[Sequence[SpanRow]]) -> Results | None:
        """Do what `Writer.write` does; None: the requests could not be written."""
        assert self._running is not None  # noqa: S101 - check
        _, connection = self._running
        batch = [
            rows.packed if isinstance(rows, PackedRows) else pack(rows)
            for rows in requests
        ]
        try:
            send(connection, batch)
            return receive_results(connection)
        except (EOFError, OSError):
            _log_end("killed?")
            self.close()
            return None

    def close(self) -> None:
        """End the process; another one may be started later."""
        running, self._running, self.is_ready = self._running, None, False
        if running is None:
            return
        process, connection = running
        connection.close()
        try:
            process.wait(_MAX_END_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _log_end(reason: str) -> None:
    _log.warning(
        "The second writing process has ended (%s). No span is lost: the collector's "
        "own process writes them, and may start another in %.0f s.",
        reason,
        _IDLE_SECONDS,
    )
