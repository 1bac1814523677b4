"""Addresses that a server listens on."""

import ipaddress
from typing import NamedTuple

__all__ = ["Address", "address", "optional_address"]


class Address(NamedTuple):
    """Address of a receiver: ``HOST:PORT``, or ``unix:PATH`` with port 0."""

    host: str
    port: int

    def __str__(self) -> str:
        if self.host.startswith("unix"):
            return self.host
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"

    @property
    def is_local(self) -> bool:
        """Whether only programs on this machine can connect to it."""
        if self.host.startswith("unix:") or self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False


def address(text: str) -> Address:
    """Read ``HOST:PORT``, ``[IPV6]:PORT`` or ``unix:PATH``; port 0 is any free port."""
    if text.startswith("unix:"):
        return Address(text, 0)
    host, _, port = text.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if not host or not port.isdecimal() or int(port) > 65535:  # noqa: PLR2004
        raise ValueError("write HOST:PORT, for example 127.0.0.1:4317, or unix:PATH")
    return Address(host, int(port))


def optional_address(text: str) -> Address | None:
    """Read an address; ``off``: None."""
    return None if text in {"", "off"} else address(text)
