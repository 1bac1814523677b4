"""uvicorn as a guest in our event loop, with the limits that it lacks.

The service owns the signals and the sockets; uvicorn speaks HTTP/1.1 (with h11).
"""

import asyncio
import math
import socket
import ssl
from itertools import islice
from typing import Any, Final

import h11
import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from spanframe_serving.addresses import Address
from spanframe_serving.sockets import listen, unlink

__all__ = ["HttpServer"]

_HEAD_SECONDS: Final = 10.0
"""For the head of a request, and for the rest of a body that is answered already."""

_IDLE_SECONDS: Final = 60
"""For the next request on a connection that is kept."""

_MOST_HEAD_BYTES: Final = 16 << 10
_MOST_CONNECTIONS: Final = 500
"""A process may often open no more than 1024 files; the store needs some of them."""

_SAMPLE: Final = 16


class HttpServer:
    """Serves one ASGI application on one address."""

    def __init__(self, app: Any, tls: ssl.SSLContext | None) -> None:
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
            timeout_keep_alive=_IDLE_SECONDS,
            h11_max_incomplete_event_size=_MOST_HEAD_BYTES,
        )
        config.load()
        config.ssl = tls
        self._server = uvicorn.Server(config)
        self._server.lifespan = config.lifespan_class(config)
        self._listener: socket.socket | None = None
        self._ticking: asyncio.Task[None] | None = None

    async def start(self, address: Address) -> Address:
        """Serve; return the address with the port that was taken.

        Raises:
            OSError: when the address cannot be bound.
        """
        self._listener = listen(address)
        # `Server.serve` does the same between two changes of the signal handlers.
        await self._server.startup(sockets=[self._listener])
        self._ticking = asyncio.create_task(self._server.main_loop())
        if self._listener.family == socket.AF_UNIX:
            return address
        return address._replace(port=self._listener.getsockname()[1])

    async def stop(self, grace: float) -> None:
        """Take nothing new, and finish what was begun within ``grace`` seconds."""
        if self._listener is None or self._ticking is None:
            return
        unlink(self._listener)
        self._server.should_exit = True
        await self._ticking
        self._server.config.timeout_graceful_shutdown = math.ceil(grace)
        await self._server.shutdown(sockets=[self._listener])
        for connection in list(self._server.server_state.connections):
            connection.transport.abort()


class _Connection(H11Protocol):
    """A connection whose peer has limited time for what nobody here waits for."""

    _deadline: asyncio.TimerHandle | None = None
    last_heard: float = 0.0

    def connection_made(  # type: ignore[override] # asyncio hands over a Transport
        self, transport: asyncio.Transport
    ) -> None:
        super().connection_made(transport)
        self._watch()
        if len(self.connections) > _MOST_CONNECTIONS:
            victim = self._idle_one()
            # It is told of its end later; others that come now must not choose it.
            self.connections.discard(victim)
            victim.transport.abort()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        self._watch()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._forget_deadline()

    def _idle_one(self) -> "_Connection":
        """Return the idlest of a sample of the connections that have no request."""
        ours = (c for c in self.connections if isinstance(c, _Connection))
        idle = (c for c in ours if c.cycle is None or c.cycle.response_complete)
        sample = islice(idle, _SAMPLE)
        return min(sample, key=lambda c: c.last_heard, default=self)

    def _watch(self) -> None:
        self.last_heard = self.loop.time()
        if not self._is_owed():
            self._forget_deadline()
        elif self._deadline is None:
            self._deadline = self.loop.call_later(_HEAD_SECONDS, self.transport.abort)

    def _is_owed(self) -> bool:
        """Whether the peer owes a head, or the rest of a body that was answered.

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

    def _forget_deadline(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
