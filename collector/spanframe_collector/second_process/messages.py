"""Messages between the two processes, over a `multiprocessing` connection.

The collector sends an `Opening`, the second process answers with `READY` once it takes
batches, and then every batch with its results. All of it is MessagePack in
``send_bytes``: nothing is pickled, as unpickling runs what it reads.
"""

from collections.abc import Sequence
from multiprocessing.connection import Connection
from typing import Final, NamedTuple

import msgspec

from spanframe_store.contract.store import Written

__all__ = [
    "READY",
    "Batch",
    "Opening",
    "Results",
    "receive_batch",
    "receive_opening",
    "receive_results",
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


_encode: Final = msgspec.msgpack.Encoder().encode
_decode_opening: Final = msgspec.msgpack.Decoder(Opening).decode
_decode_batch: Final = msgspec.msgpack.Decoder(list[memoryview]).decode
_decode_results: Final = msgspec.msgpack.Decoder(Results | None).decode


def send(connection: Connection, message: Opening | Batch | Results | None) -> None:
    """Send a message.

    Raises:
        OSError: the other process has ended.
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


def receive_results(connection: Connection) -> Results | None:
    """Wait for the results of a batch; None: it could not be written.

    Raises:
        OSError, EOFError: the other process has ended.
    """
    results: Results | None = _decode_results(connection.recv_bytes())
    return results
