"""An HTTP/1.1 server: uvicorn (with h11) in an event loop that exists already.

The caller handles signals, and the sockets are opened here; uvicorn has no limits on
slow heads, late bodies and idle connections, which are added here.
"""

import asyncio
import asyncio.sslproto
import math
import socket
import ssl
from typing import Any, Final

import h11
import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from spanframe_serving.acceptor import Accepted, Acceptor, State
from spanframe_serving.addresses import Address
from spanframe_serving.sockets import listen, unlink

__all__ = ["HttpServer"]

_MAX_HEAD_SECONDS: Final = 10.0
"""Maximum seconds for the head of a request, and for the rest of a body whose request
is answered already."""

_MAX_IDLE_SECONDS: Final = 60
"""Maximum seconds between two requests of a connection."""

_MAX_HEAD_BYTES: Final = 16 << 10
"""Maximum size of the head of a request, in bytes."""

# asyncio gives each TLS connection a buffer of this size (256 KiB) before its peer has
# shown anything, and has no parameter for it.
asyncio.sslproto.SSLProtocol.max_size = 64 << 10

_CLOSE: Final = (b"connection", b"close")


class HttpServer:
    """Serves one ASGI application on one address."""

    def __init__(
        self, app: Any, tls: ssl.SSLContext | None, max_connections: int
    ) -> None:
        """Make a server that is not started.

        Args:
            app: the ASGI application. ``scope["state"]["is_extra"]`` tells it that a
                request is on a connection beyond the limit, which is to be short.
            tls: the TLS context; None: plain text.
            max_connections: maximum connections at once.
        """
        config = uvicorn.Config(
            app,
            http=_Connection,
            ws="none",
            lifespan="off",
            interface="asgi3",
            log_config=None,
            log_level="error",
            access_log=False,
            proxy_headers=False,
            server_header=False,
            timeout_keep_alive=_MAX_IDLE_SECONDS,
            h11_max_incomplete_event_size=_MAX_HEAD_BYTES,
        )
        config.load()
        self._config = config
        self._tls = tls
        self._max_connections = max_connections
        self._server = uvicorn.Server(config)
        self._server.lifespan = config.lifespan_class(config)
        self._server.servers = []  # the acceptor stands in for asyncio's
        self._listener: socket.socket | None = None
        self._acceptor: Acceptor | None = None
        self._main_loop: asyncio.Task[None] | None = None

    async def start(self, address: Address) -> Address:
        """Serve; return the address with the port that is bound.

        Raises:
            OSError: when the address cannot be bound.
        """
        self._listener = listen(address)
        self._acceptor = Acceptor(self._listener, self._max_connections, self._serve)
        # `Server.serve` does the same between two changes of the signal handlers.
        self._main_loop = asyncio.create_task(self._server.main_loop())
        if self._listener.family == socket.AF_UNIX:
            return address
        return address._replace(port=self._listener.getsockname()[1])

    async def stop(self, grace: float) -> None:
        """Accept no more requests, and finish the begun ones in ``grace`` seconds."""
        if self._listener is None or self._acceptor is None or self._main_loop is None:
            return
        unlink(self._listener)
        self._acceptor.close()
        self._server.should_exit = True
        await self._main_loop
        self._server.config.timeout_graceful_shutdown = math.ceil(grace)
        await self._server.shutdown()
        self._acceptor.close_all()

    async def _serve(self, accepted: Accepted) -> None:
        tls = self._tls
        _, connection = await asyncio.get_running_loop().connect_accepted_socket(
            lambda: _Connection(self._config, self._server.server_state, accepted),
            accepted.socket,
            ssl=tls,
            ssl_handshake_timeout=_MAX_HEAD_SECONDS if tls else None,
            ssl_shutdown_timeout=_MAX_HEAD_SECONDS if tls else None,
        )
        await connection.ended.wait()


class _Connection(H11Protocol):
    """A connection that is closed when its peer owes bytes for too long."""

    _deadline: asyncio.TimerHandle | None = None

    def __init__(
        self,
        config: uvicorn.Config,
        state: uvicorn.server.ServerState,
        accepted: Accepted,
    ) -> None:
        super().__init__(config, state, {"is_extra": accepted.is_extra})
        self._accepted = accepted
        self.ended = asyncio.Event()

    def connection_made(  # type: ignore[override] # asyncio hands over a Transport
        self, transport: asyncio.Transport
    ) -> None:
        super().connection_made(transport)
        self._accepted.transport = transport
        self._set_deadline()

    def data_received(self, data: bytes) -> None:
        if self.transport.is_closing():  # TLS hands over what it has read before
            return
        super().data_received(data)
        self._set_deadline()

    def handle_events(self) -> None:
        super().handle_events()
        # Another program on the way may have read the other length, and the rest of
        # the connection as other requests (RFC 9112, 6.1).
        if (
            self.headers
            and _CLOSE not in self.headers
            and _has_two_lengths(self.headers)
        ):
            self.headers.append(_CLOSE)  # as if the peer had asked for it

    def send_400_response(self, msg: str) -> None:
        """Refuse what is not HTTP; a request that waits for an answer gets no other."""
        if self.is_idle:
            super().send_400_response(msg)
            return
        self.cycle.disconnected = True
        self.cycle.message_event.set()
        if self.cycle.response_started:
            self.transport.abort()
        else:
            super().send_400_response(msg)

    def on_response_complete(self) -> None:
        super().on_response_complete()
        self._set_deadline()

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._cancel_deadline()
        self.ended.set()

    @property
    def is_idle(self) -> bool:
        """Whether no request waits for its answer."""
        if self.cycle is None:
            return True
        return self.cycle.response_complete

    def _state(self) -> State:
        if not self.is_idle:
            return State.OWES if self.cycle.more_body else State.WAITS
        return State.OWES if self._owes_bytes() else State.IDLE

    def _set_deadline(self) -> None:
        self._accepted.received(self._state())
        if not self._owes_bytes():
            self._cancel_deadline()
        elif self._deadline is None:
            self._deadline = self.loop.call_later(
                _MAX_HEAD_SECONDS, self.transport.abort
            )

    def _owes_bytes(self) -> bool:
        """Whether the peer owes a head, or the rest of a body that is answered already.

        The handler of a request bounds the wait for its body, and uvicorn the wait
        between two requests.
        """
        if self.cycle is None:
            return True
        if not self.cycle.response_complete:
            return False
        return (
            self.timeout_keep_alive_task is None
            or self.conn.their_state is h11.SEND_BODY
            or bool(self.conn.trailing_data[0])
        )

    def _cancel_deadline(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None


def _has_two_lengths(headers: list[tuple[bytes, bytes]]) -> bool:
    names = {name for name, _ in headers}
    return {b"content-length", b"transfer-encoding"} <= names
