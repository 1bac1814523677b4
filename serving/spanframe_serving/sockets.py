"""Opens listening sockets: TCP ports and socket files."""

import errno
import os
import secrets
import socket
import stat
import sys
import tempfile
from pathlib import Path
from typing import Final

from spanframe_serving.addresses import Address

__all__ = ["listen", "private_address", "refuse_if_served", "refuse_if_taken", "unlink"]

_MAX_BACKLOG: Final = 1024
"""Maximum connections that wait to be accepted."""


def listen(address: Address) -> socket.socket:
    """Return a socket that listens; a socket file that is not served is replaced.

    Raises:
        OSError: when the address cannot be bound, with the reason.
    """
    path = _socket_path(address)
    try:
        if path is None:
            family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
            server = socket.create_server(
                (address.host, address.port),
                family=family,
                backlog=_MAX_BACKLOG,
                # All addresses of IPv6 are those of IPv4 as well, as gRPC has it.
                dualstack_ipv6=address.host == "::" and socket.has_dualstack_ipv6(),
            )
            # Connections inherit it. asyncio sets it only where a socket knows its
            # protocol, and without it a body waits 40 ms for the receipt of its head.
            server.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            return server
        if _is_socket(path) and not _is_served(path):
            path.unlink()  # left by a process that was killed
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(str(path))
        listener.listen(_MAX_BACKLOG)
    except OSError as error:
        raise _refusal(address, error.errno, str(error)) from None
    return listener


def refuse_if_served(address: Address) -> None:
    """Raise for a socket file that a live process serves; gRPC would replace it.

    Raises:
        OSError: when a process accepts connections there.
    """
    path = _socket_path(address)
    if path is not None and _is_socket(path) and _is_served(path):
        raise _refusal(address, errno.EADDRINUSE)


def refuse_if_taken(address: Address) -> None:
    """Raise for an address that cannot be bound; nothing listens there afterwards.

    Raises:
        OSError: when the address cannot be bound, with the reason.
    """
    refuse_if_served(address)
    if _socket_path(address) is None:
        listen(address).close()


def private_address() -> Address:
    """Return an address that only programs of this machine find, and none by chance."""
    name = f"spanframe-{secrets.token_hex(16)}"
    if sys.platform == "linux":
        return Address(f"unix-abstract:{name}", 0)
    return Address(f"unix:{tempfile.mkdtemp(prefix='spanframe-')}/{name}", 0)


def unlink(listener: socket.socket) -> None:
    """Remove the socket file of a listener, if it has one."""
    if listener.family == socket.AF_UNIX:
        Path(listener.getsockname()).unlink(missing_ok=True)


def _refusal(address: Address, number: int | None, text: str = "") -> OSError:
    reason = os.strerror(number) if number and number > 0 else text
    if number == errno.EADDRINUSE:
        reason += " (by another collector? --grpc and --http take other addresses)"
    return OSError(f"cannot listen on {address}: {reason}")


def _socket_path(address: Address) -> Path | None:
    if not address.host.startswith("unix:"):
        return None
    return Path(address.host.removeprefix("unix:"))


def _is_socket(path: Path) -> bool:
    return path.exists() and stat.S_ISSOCK(path.stat().st_mode)


def _is_served(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            probe.connect(str(path))
        except ConnectionRefusedError:
            return False
    return True
