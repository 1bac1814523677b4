"""Accepts connections within a limit: for one too many, another is closed.

Servers that accept by themselves do so until the process has no file left to open, and
then nobody is served. A connection counts from the moment that it is accepted, so also
before a TLS handshake or the first byte.
"""

import asyncio
import enum
import errno
import logging
import socket
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from contextlib import suppress
from itertools import count
from typing import Final

__all__ = ["Accepted", "Acceptor", "State"]

_log: Final = logging.getLogger(__name__)

_RESERVED_CONNECTIONS: Final = 16
"""Connections beyond the limit, while every other one waits for an answer."""

_LOG_PERIOD_SECONDS: Final = 60.0
"""Minimum seconds between two log lines of connections that were closed."""

_ACCEPTED_AT_ONCE: Final = 16
"""Connections that are accepted before anything else is done."""

_MAX_SILENT_SECONDS: Final = 10.0
"""Maximum seconds until the first bytes of a connection."""

_RETRY_SECONDS: Final = 0.1
"""Seconds until the next accept, after the system refused one."""

_NO_MORE_FILES: Final = {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM}


class State(enum.Enum):
    """What a connection does, as far as closing it is concerned."""

    OWES = enum.auto()
    """The peer has begun something that is not complete: it is closed first."""
    IDLE = enum.auto()
    """Nothing is under way."""
    WAITS = enum.auto()
    """The peer waits for an answer: it is not closed."""


class Accepted:
    """A connection that counts until it is closed."""

    def __init__(
        self, order: OrderedDict["Accepted", None], accepted: socket.socket
    ) -> None:
        self._order = order
        self.socket = accepted
        self.state = State.OWES
        self.is_extra = False
        """Whether it is one beyond the limit."""
        self.transport: asyncio.Transport | None = None
        """The transport, once there is one."""

    def received(self, state: State) -> None:
        """Note that bytes have come, and what the connection does now."""
        self.state = state
        with suppress(KeyError):  # it is an extra one, or about to be closed
            self._order.move_to_end(self)

    def close(self) -> None:
        """Close it at once, whatever it does."""
        if self.transport is not None:
            self.transport.abort()
        else:
            with suppress(OSError):
                self.socket.shutdown(socket.SHUT_RDWR)  # ends a TLS handshake, too


class Acceptor:
    """Accepts the connections of one listening socket; for one event loop."""

    def __init__(
        self,
        listener: socket.socket,
        max_connections: int,
        serve: Callable[[Accepted], Awaitable[None]],
    ) -> None:
        """Begin to accept.

        Args:
            listener: listening socket; `close` closes it.
            max_connections: maximum connections at once.
            serve: serves one connection until it is closed; called once there are
                bytes to be read, as before that a connection is to cost nothing.
        """
        self._max_connections = max_connections
        self._serve = serve
        self._open: OrderedDict[Accepted, None] = OrderedDict()  # longest silent first
        self._extra: OrderedDict[Accepted, None] = OrderedDict()
        self._tasks: set[asyncio.Task[None]] = set()
        self._closed = 0
        self._next_line = 0.0
        listener.setblocking(False)
        self._main = asyncio.create_task(self._run(listener))
        # Not before: the event loop still looks at it.
        self._main.add_done_callback(lambda _: listener.close())

    def close(self) -> None:
        """Accept no more connections; those that are open stay open."""
        self._main.cancel()

    def close_all(self) -> None:
        """Close the connections that are open."""
        for connection in [*self._open, *self._extra]:
            connection.close()

    async def _run(self, listener: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        for number in count():
            # What was closed for others is to be gone before many more are accepted.
            if number % _ACCEPTED_AT_ONCE == 0:
                await asyncio.sleep(0)
            try:
                accepted, _ = await loop.sock_accept(listener)
            except OSError as error:
                if error.errno in _NO_MORE_FILES:
                    self._make_room(error.strerror or "")
                    await asyncio.sleep(_RETRY_SECONDS)
                continue  # any other peer has left already
            self._add(Accepted(self._open, accepted))

    def _add(self, connection: Accepted) -> None:
        if len(self._open) < self._max_connections or self._make_room("the maximum"):
            self._open[connection] = None
        else:
            connection.is_extra = True
            if len(self._extra) >= _RESERVED_CONNECTIONS:
                self._extra.popitem(last=False)[0].close()
            self._extra[connection] = None
        task = asyncio.create_task(self._hold(connection))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _hold(self, connection: Accepted) -> None:
        try:
            if await _sends(connection.socket):
                await self._serve(connection)
        except OSError as error:  # a handshake failed, the peer is silent or has left
            # The frames of the traceback refer to the error, and to what TLS buffers:
            # both would stay until the cyclic garbage collector runs.
            error.__traceback__ = None
        finally:
            self._open.pop(connection, None)
            self._extra.pop(connection, None)
            connection.socket.close()

    def _make_room(self, reason: str) -> bool:
        """Close the connection that is missed least; return whether there was one."""
        for state in (State.OWES, State.IDLE):
            for connection in self._open:
                if connection.state is state:
                    self._note(reason)
                    del self._open[connection]
                    connection.close()
                    return True
        self._note(reason)
        return False

    def _note(self, reason: str) -> None:
        self._closed += 1
        if time.monotonic() < self._next_line:
            return
        self._next_line = time.monotonic() + _LOG_PERIOD_SECONDS
        _log.warning(
            "%d connections are open (%s): of those that owe bytes or are idle, the "
            "longest silent is closed for each new one; %d since the last such line. "
            "Raise SPANFRAME_MAX_CONNECTIONS or the limit of open files, or look for a "
            "program that opens connections and leaves them.",
            len(self._open) + len(self._extra),
            reason,
            self._closed,
        )
        self._closed = 0


async def _sends(accepted: socket.socket) -> bool:
    """Wait for the first bytes; return whether any came, and not the end.

    Raises:
        TimeoutError: when nothing comes in time.
    """
    loop = asyncio.get_running_loop()
    readable = asyncio.Event()
    loop.add_reader(accepted, readable.set)
    try:
        async with asyncio.timeout(_MAX_SILENT_SECONDS):
            await readable.wait()
    finally:
        loop.remove_reader(accepted)
    return bool(accepted.recv(1, socket.MSG_PEEK))
