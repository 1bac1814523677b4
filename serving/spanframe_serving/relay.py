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
        _, inner = await loop.create_unix_connection(_End, self._path)
        try:
            inner.socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, len(_BUFFER))
            transport, outer = await loop.connect_accepted_socket(
                lambda: _End(inner, accepted), accepted.socket
            )
            accepted.transport = transport
            await outer.ended.wait()
        finally:
            inner.transport.close()


_BUFFER: Final = memoryview(bytearray(1 << 20))
"""Bytes just received, of any connection. A large message comes in few pieces: for each
of them the event loop may have to wait for a thread that decodes."""


class _End(asyncio.BufferedProtocol):
    """One end of the connection from a peer to the server; it passes bytes on.

    The end at the server is made first, and reads nothing until it has another one.
    """

    def __init__(
        self, other: "_End | None" = None, accepted: Accepted | None = None
    ) -> None:
        self._accepted = accepted
        self.transport: asyncio.Transport  # from `connection_made` on
        self.other = other
        self.ended = asyncio.Event()

    @property
    def socket(self) -> socket.socket:
        """The socket, for its options."""
        opened: socket.socket = self.transport.get_extra_info("socket")
        return opened

    def connection_made(  # type: ignore[override] # asyncio hands over a Transport
        self, transport: asyncio.Transport
    ) -> None:
        self.transport = transport
        if self.other is None:
            transport.pause_reading()
        else:
            self.other.other = self
            self.other.transport.resume_reading()

    def get_buffer(self, _sizehint: int) -> memoryview:
        return _BUFFER

    def buffer_updated(self, nbytes: int) -> None:
        if self._accepted is not None:
            self._accepted.received(State.IDLE)
        if self.other is not None:
            self.other.transport.write(bytes(_BUFFER[:nbytes]))

    def pause_writing(self) -> None:
        if self.other is not None:
            self.other.transport.pause_reading()

    def resume_writing(self) -> None:
        if self.other is not None:
            self.other.transport.resume_reading()

    def connection_lost(self, _: Exception | None) -> None:
        self.ended.set()
        if self.other is not None:
            self.other.transport.close()
