"""Relays the connections of a listening socket to a server that accepts by itself.

gRPC for Python opens its own listening sockets, has no limit on connections that closes
those that are silent, and takes no socket from others. So it listens where only this
relay connects, and the relay listens for it. Bytes are passed on as they are, TLS
included; a connection that sends nothing never reaches the server.
"""

import asyncio
import socket
from typing import Final

from spanframe_serving.acceptor import Accepted, Acceptor, State
from spanframe_serving.addresses import Address

__all__ = ["FILES_PER_CONNECTION", "Relay"]

FILES_PER_CONNECTION: Final = 3
"""Open files of one connection: its socket, and the two ends of that to the server."""

_MAX_SILENT_SECONDS: Final = 10.0
"""Maximum seconds until the first bytes of a connection."""


class Relay:
    """Accepts connections within a limit, and connects each with the server."""

    def __init__(
        self, listener: socket.socket, server: Address, max_connections: int
    ) -> None:
        """Begin to accept.

        Args:
            listener: listening socket.
            server: address that the server listens on, from `private_address`.
            max_connections: maximum connections at once.
        """
        scheme, _, path = server.host.partition(":")
        self._path = "\0" + path if scheme == "unix-abstract" else path
        self._acceptor = Acceptor(listener, max_connections, self._serve)

    def close(self) -> None:
        """Accept no more connections; those that are open stay open."""
        self._acceptor.close()

    def close_all(self) -> None:
        """Close the connections that are open."""
        self._acceptor.close_all()

    async def _serve(self, accepted: Accepted) -> None:
        loop = asyncio.get_running_loop()
        outer = _End(accepted)
        transport, _ = await loop.connect_accepted_socket(
            lambda: outer, accepted.socket
        )
        accepted.transport = transport
        try:
            async with asyncio.timeout(_MAX_SILENT_SECONDS):
                await outer.begun.wait()
            if not transport.is_closing():
                _, inner = await loop.create_unix_connection(_End, self._path)
                inner.socket.setsockopt(
                    socket.SOL_SOCKET, socket.SO_SNDBUF, len(_BUFFER)
                )
                try:
                    outer.join(inner)
                    await outer.ended.wait()
                finally:
                    inner.transport.close()
        finally:
            transport.abort()


_BUFFER: Final = memoryview(bytearray(1 << 20))
"""Bytes just received, of any connection. A large message comes in few pieces: for each
of them the event loop may have to wait for a thread that decodes."""


class _End(asyncio.BufferedProtocol):
    """One end of the connection from a peer to the server."""

    def __init__(self, accepted: Accepted | None = None) -> None:
        self._accepted = accepted
        self.transport: asyncio.Transport  # from `connection_made` on
        self._other: _End | None = None
        self._early = b""
        self.begun = asyncio.Event()
        self.ended = asyncio.Event()

    def join(self, other: "_End") -> None:
        """Pass on to each end what the other one receives, from the first byte on."""
        self._other, other._other = other, self  # noqa: SLF001 - of the same class
        other.transport.write(self._early)
        self._early = b""
        self.transport.resume_reading()

    @property
    def socket(self) -> socket.socket:
        """The socket, for its options."""
        opened: socket.socket = self.transport.get_extra_info("socket")
        return opened

    def connection_made(  # type: ignore[override] # asyncio hands over a Transport
        self, transport: asyncio.Transport
    ) -> None:
        self.transport = transport

    def get_buffer(self, _sizehint: int) -> memoryview:
        return _BUFFER

    def buffer_updated(self, nbytes: int) -> None:
        data = bytes(_BUFFER[:nbytes])
        if self._accepted is not None:
            self._accepted.received(State.IDLE)
        if self._other is not None:
            self._other.transport.write(data)
        else:
            self._early = data
            self.transport.pause_reading()
            self.begun.set()

    def pause_writing(self) -> None:
        if self._other is not None:
            self._other.transport.pause_reading()

    def resume_writing(self) -> None:
        if self._other is not None:
            self._other.transport.resume_reading()

    def connection_lost(self, _: Exception | None) -> None:
        self.begun.set()
        self.ended.set()
        if self._other is not None:
            self._other.transport.close()
