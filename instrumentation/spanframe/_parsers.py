"""Parsers of settings, from text; ValueError says what to write instead."""

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from urllib.parse import unquote, urlsplit

__all__ = [
    "boolean",
    "endpoint",
    "existing_file",
    "header_value",
    "headers",
    "named_urls",
    "one_of",
    "ratio",
    "seconds",
    "store_url",
    "whole_number",
]

# gRPC, "Custom-Metadata".
_HEADER_NAME = re.compile(r"[0-9a-z_.-]+")


def boolean(text: str) -> bool:
    """Read true/false, yes/no, on/off, 1/0."""
    if text.lower() in {"1", "true", "yes", "on"}:
        return True
    if text.lower() in {"0", "false", "no", "off", ""}:
        return False
    raise ValueError("write true or false")


def whole_number(low: int, high: int) -> Callable[[str], int]:
    """Make a parser of whole numbers from ``low`` to ``high``."""

    def parse(text: str) -> int:
        msg = f"write a whole number from {low} to {high}"
        if not text.lstrip("-").isdecimal() or not low <= int(text) <= high:
            raise ValueError(msg)
        return int(text)

    return parse


def endpoint(text: str) -> str:
    """Read an OTLP/gRPC endpoint: ``http://host:port``, ``https://…`` or ``unix:…``."""
    if text.startswith("unix:"):
        return text
    parts = urlsplit(text)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError("write http://HOST:PORT, https://HOST:PORT or unix:PATH")
    try:
        _ = parts.port
    except ValueError:
        raise ValueError("the port is not a number from 0 to 65535") from None
    return text


def store_url(text: str) -> str:
    """Read a store's SQLAlchemy URL: ``sqlite:///FILE`` or ``postgresql+psycopg://…``."""
    scheme, separator, rest = text.partition("://")
    if not separator or not scheme:
        raise ValueError("write an SQLAlchemy URL, for example sqlite:///spanframe.db")
    if scheme.startswith("sqlite") and rest in {"", "/", "/:memory:"}:
        msg = (
            "a store in memory ends with its process and no other process can read it; "
            "name a file, for example sqlite:///spanframe.db"
        )
        raise ValueError(msg)
    return text


def existing_file(text: str) -> str:
    """Read the name of a file that exists; empty: none."""
    if text and not Path(text).is_file():
        raise ValueError("there is no such file")
    return text


def file_or_off(text: str) -> str:
    """Read the name of a file that exists, or ``off``; empty: neither."""
    return text if text == "off" else existing_file(text)


def named_urls(given: str | Mapping[str, str]) -> dict[str, str]:
    """Read ``name=URL`` pairs separated by commas, or a mapping of them."""
    if isinstance(given, str):
        given = _pairs(given, "write name=URL pairs separated by commas")
    return {name: store_url(url) for name, url in given.items()}


def seconds(text: str) -> float:
    """Read a number of seconds above zero, at most a day."""
    msg = "write a number of seconds above 0, at most 86400"
    try:
        value = float(text)
    except ValueError:
        raise ValueError(msg) from None
    if not 0 < value <= 86_400:  # noqa: PLR2004 - a day, in seconds
        raise ValueError(msg)
    return value


def ratio(text: str) -> float:
    """Read a number from 0 to 1."""
    msg = "write a number from 0 to 1"
    try:
        value = float(text)
    except ValueError:
        raise ValueError(msg) from None
    if not 0 <= value <= 1:
        raise ValueError(msg)
    return value


def one_of(*words: str) -> Callable[[str], str]:
    """Make a parser that takes one of ``words``, in any case."""

    def parse(text: str) -> str:
        if text.lower() not in words:
            msg = f"write {' or '.join(words)}"
            raise ValueError(msg)
        return text.lower()

    return parse


def header_value(text: str) -> str:
    """Read a value that a header can carry: printable ASCII."""
    if not (text.isascii() and (text.isprintable() or not text)):
        raise ValueError("write printable ASCII, which is what a header can carry")
    return text


def headers(given: str | Mapping[str, str]) -> dict[str, str]:
    """Read URL-encoded ``name=value`` pairs separated by commas, or a plain mapping."""
    told = "write name=value pairs separated by commas"
    if isinstance(given, str):
        pairs = _pairs(given, told)
        given = {unquote(name): unquote(value) for name, value in pairs.items()}
    read = {name.lower(): header_value(value) for name, value in given.items()}
    if not all(map(_HEADER_NAME.fullmatch, read)):
        raise ValueError(told)
    return read


def _pairs(text: str, told: str) -> dict[str, str]:
    """Read ``name=value`` pairs separated by commas; ValueError with ``told``."""
    pairs: dict[str, str] = {}
    for part in filter(None, (p.strip() for p in text.split(","))):
        name, separator, value = part.partition("=")
        if not separator or not name.strip():
            raise ValueError(told)
        pairs[name.strip()] = value.strip()
    return pairs
