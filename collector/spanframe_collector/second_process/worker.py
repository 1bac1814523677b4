"""The second writing process; it writes what another process sends it.

    python -P -m spanframe_collector.second_process.worker CONNECTION PARENT

The arguments are the file descriptor of the connection and the id of the process that
has started this one; `messages` says what is sent. A batch that cannot be written is
answered with None: the collector then writes it itself, and reports the error. Where
the store cannot be used any more, the answer is the reason.

The process ends when no batch has come for ``idle_seconds``, and when the connection is
closed by either side. On Linux it is killed when the collector dies, so that a new
collector is the only one that writes to the file.
"""

import contextlib
import ctypes
import os
import signal
import sys
from multiprocessing.connection import Connection
from typing import Final

from spanframe_collector.memory import raise_gc_thresholds, return_freed_memory
from spanframe_collector.second_process.messages import (
    READY,
    Answer,
    Results,
    receive_batch,
    receive_opening,
    send,
)
from spanframe_collector.second_process.packing import unpack
from spanframe_store.contract.errors import StoreUnusableError
from spanframe_store.contract.store import Writer, WriterOptions
from spanframe_store.registry import backend_of

__all__ = ["main"]

_PR_SET_PDEATHSIG: Final = 1
"""Linux: the signal sent when the thread ends that has started this process."""


def _serve(connection: Connection) -> None:
    opening = receive_opening(connection)
    options = WriterOptions(
        opening.synchronous, busy=True, max_trace_entries=opening.max_trace_entries
    )
    writer = backend_of(opening.url).writer(opening.url, options)
    try:
        connection.send_bytes(READY)
        while connection.poll(opening.idle_seconds):
            send(connection, _write(writer, receive_batch(connection)))
    finally:
        writer.close()


def _write(writer: Writer, batch: list[memoryview]) -> Answer:
    try:
        requests = [unpack(packed) for packed in batch]
        batch.clear()  # the rows hold everything
        before = writer.dropped_entries
        written = writer.write(requests)
        return Results(written, writer.dropped_entries - before)
    except StoreUnusableError as error:
        return str(error)
    except Exception:  # noqa: BLE001 - the collector tries it again and reports it
        return None


def _die_with(parent: int) -> None:
    """Have the system kill this process when its parent dies."""
    try:
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    except (AttributeError, OSError, TypeError):
        return  # not Linux: the process ends when the connection is closed
    if os.getppid() != parent:
        sys.exit()


def main() -> None:
    """Write what comes over the connection of the first argument."""
    connection, parent = map(int, sys.argv[1:])
    _die_with(parent)
    return_freed_memory()
    raise_gc_thresholds()
    # Either of them may close the connection, at any time.
    with (
        Connection(connection) as opened,
        contextlib.suppress(EOFError, ConnectionError),
    ):
        _serve(opened)


if __name__ == "__main__":
    main()
