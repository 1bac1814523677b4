"""A gRPC call as bytes: for what no client library would send."""

import socket
import struct
from typing import Final

_PREFACE: Final = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
_DATA, _HEADERS, _SETTINGS = 0, 1, 4
_END_STREAM, _END_HEADERS = 1, 4


def connect(target: str) -> socket.socket:
    """Open a connection, and say what HTTP/2 wants to hear first."""
    host, _, port = target.rpartition(":")
    connection = socket.create_connection((host, int(port)), timeout=20)
    connection.sendall(_PREFACE + _frame(_SETTINGS, 0, b""))
    return connection


def status_of_a_call(target: str, path: str, encoding: str = "identity") -> int:
    """Call ``path`` with an empty message; return the status of the answer."""
    headers = {
        ":method": "POST",
        ":scheme": "http",
        ":path": path,
        ":authority": "tests",
        "te": "trailers",
        "content-type": "application/grpc",
        "grpc-encoding": encoding,
    }
    block = b"".join(_literal(*header) for header in headers.items())
    message = bytes([encoding != "identity"]) + struct.pack(">I", 0)
    with connect(target) as connection:
        connection.sendall(
            _frame(_HEADERS, _END_HEADERS, block, stream=1)
            + _frame(_DATA, _END_STREAM, message, stream=1)
        )
        number = read_until(connection, b"\x0bgrpc-status", 3)
        return int(number[1 : 1 + number[0]])  # the first byte is its length


def read_until(connection: socket.socket, mark: bytes, more: int = 0) -> bytes:
    """Read until ``mark`` and ``more`` bytes after it are there; return these."""
    got = b""
    while mark not in got or len(got.partition(mark)[2]) < more:
        received = connection.recv(4096)
        assert received, f"the connection ended with {got!r}"
        got += received
    return got.partition(mark)[2]


def _frame(kind: int, flags: int, payload: bytes, stream: int = 0) -> bytes:
    length = struct.pack(">I", len(payload))[1:]
    return length + bytes([kind, flags]) + struct.pack(">I", stream) + payload


def _literal(name: str, value: str) -> bytes:
    """Write a header as HPACK's literal that is not indexed, and not compressed."""
    pair = (name.encode(), value.encode())
    return b"\0" + b"".join(bytes([len(text)]) + text for text in pair)
