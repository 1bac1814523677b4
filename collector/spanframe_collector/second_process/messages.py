"""Messages between the two processes, over a `multiprocessing` connection.

The collector sends an `Opening`, the second process answers with `READY` once it takes
batches, and then every batch with its results. All of it is MessagePack in
``send_bytes``: nothing is pickled, as unpickling runs what it reads.
"""

import socket
import struct
from collections.abc import Sequence
from multiprocessing.connection import Connection
from typing import Final, NamedTuple

import msgspec

from spanframe_store.contract.store import Written

__all__ = [
    "READY",
    "Answer",
    "Batch",
    "Opening",
    "Results",
    "limit_waits",
    "receive_answer",
    "receive_batch",
    "receive_opening",
    "send",
]

READY: Final = b"ready"

Batch = Sequence[bytes | memoryview]
"""Packed requests that are written in one transaction."""


class Opening(NamedTuple):
    """The store, and how its writer is opened.

    Attributes:
        url: URL of the store.
        synchronous: see `WriterOptions`.
        max_trace_entries: see `WriterOptions`.
        idle_seconds: the process ends when no batch has come for so long.
    """

    url: str
    synchronous: str
    max_trace_entries: int
    idle_seconds: float


class Results(NamedTuple):
    """What became of a batch.

    Attributes:
        written: what became of each request.
        dropped_entries: tags and metadata entries beyond the limits of their traces.
    """

    written: list[Written]
    dropped_entries: int


Answer = Results | str | None
"""What became of a batch; a text: the store cannot be used any more, for this reason;
None: the batch could not be written."""

_encode: Final = msgspec.msgpack.Encoder().encode
_decode_opening: Final = msgspec.msgpack.Decoder(Opening).decode
_decode_batch: Final = msgspec.msgpack.Decoder(list[memoryview]).decode
_decode_answer: Final = msgspec.msgpack.Decoder(Answer).decode


def limit_waits(connection: Connection, seconds: float) -> None:
    """Have a send, or the rest of a message, fail when it waits for longer.

    A pipe that nobody reads is full at some 200 kB.
    """
    limit = struct.pack("@ll", int(seconds), int(seconds % 1 * 1e6))  # a timeval
    with socket.fromfd(
        connection.fileno(), socket.AF_UNIX, socket.SOCK_STREAM
    ) as stream:
        for side in (socket.SO_SNDTIMEO, socket.SO_RCVTIMEO):
            stream.setsockopt(socket.SOL_SOCKET, side, limit)


def send(connection: Connection, message: Opening | Batch | Answer) -> None:
    """Send a message.

    Raises:
        OSError: the other process has ended, or reads nothing.
    """
    connection.send_bytes(_encode(message))


def receive_opening(connection: Connection) -> Opening:
    """Wait for the first message.

    Raises:
        OSError, EOFError: the other process has ended.
    """
    return _decode_opening(connection.recv_bytes())


def receive_batch(connection: Connection) -> list[memoryview]:
    """Wait for packed requests.

    Raises:
        OSError, EOFError: the other process has ended.
    """
    return _decode_batch(connection.recv_bytes())


def receive_answer(connection: Connection) -> Answer:
    """Wait for what became of a batch.

    Raises:
        OSError, EOFError: the other process has ended.
    """
    answer: Answer = _decode_answer(connection.recv_bytes())
    return answer
