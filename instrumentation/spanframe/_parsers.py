"""Parsers of settings, from text; ValueError says what to write instead."""

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from spanframe._urls import is_loopback, store_url

__all__ = [
    "ReplacedError",
    "boolean",
    "endpoint",
    "existing_file",
    "experiment_id",
    "header_value",
    "headers",
    "milliseconds",
    "named_urls",
    "names_of",
    "one_of",
    "ratio",
    "ratio_sampler",
    "seconds",
    "standard_boolean",
    "standard_endpoint",
    "standard_exporters",
    "standard_headers",
    "standard_protocol",
    "trace_exporters",
    "tracking_uri",
    "user_name",
    "whole_number",
]

# gRPC, "Custom-Metadata".
_HEADER_NAME = re.compile(r"[0-9a-z_.-]+")

_PROTOCOLS = ("grpc", "http/protobuf")
_EXPORTERS = ("otlp", "console", "none")


class ReplacedError(ValueError):
    """A text that cannot be used as it is, and the value that is used instead.

    Attributes:
        value: the value.
        shown: the value in a message, for example "the other pairs".
    """

    def __init__(self, why: str, value: Any, shown: str) -> None:
        super().__init__(why)
        self.value = value
        self.shown = shown


def boolean(text: str) -> bool:
    """Read true/false, yes/no, on/off, 1/0."""
    if text.lower() in {"1", "true", "yes", "on"}:
        return True
    if text.lower() in {"0", "false", "no", "off", ""}:
        return False
    raise ValueError("write true or false")


def standard_boolean(text: str) -> bool:
    """Read true or false, the only words that OpenTelemetry takes for a boolean."""
    if text.lower() not in {"true", "false"}:
        raise ValueError("write true or false")
    return text.lower() == "true"


def whole_number(low: int, high: int) -> Callable[[str], int]:
    """Make a parser of whole numbers from ``low`` to ``high``."""

    def parse(text: str) -> int:
        msg = f"write a whole number from {low} to {high}"
        if not text.lstrip("-").isdecimal() or not low <= int(text) <= high:
            raise ValueError(msg)
        return int(text)

    return parse


def endpoint(text: str) -> str:
    """Read an OTLP endpoint: ``http://host:port``, ``https://…`` or ``unix:…``."""
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


def standard_endpoint(text: str, *insecure: str) -> str:
    """Read an OTLP endpoint of a variable that gRPC clients share: ``host:port``, too.

    Args:
        text: the endpoint.
        insecure: the texts of the variables that say of an endpoint without a scheme
            whether it is reached without TLS, in order; empty where one is not set.

    Raises:
        ReplacedError: for an endpoint without a scheme of which none of them says so.
            TLS is used then, as OpenTelemetry specifies for gRPC, but not on this
            machine, nor for the port of OTLP over HTTP.
    """
    try:
        return endpoint(text)
    except ValueError:
        if "://" in text:
            raise
    said = next(filter(None, insecure), "").lower()
    if said in _SCHEMES:
        return endpoint(f"{_SCHEMES[said]}://{text}")
    parts = urlsplit(endpoint(f"https://{text}"))
    is_plain = is_loopback(parts.hostname or "") or parts.port == _HTTP_PORT
    whole = f"{'http' if is_plain else 'https'}://{text}"
    told = "it has neither http:// nor https://"
    raise ReplacedError(told, whole, repr(whole))


_SCHEMES = {"true": "http", "false": "https"}
_HTTP_PORT = 4318


def existing_file(text: str) -> str:
    """Read the name of a file that can be read; empty: none."""
    if text and not Path(text).is_file():
        raise ValueError("there is no such file")
    if text:
        try:
            Path(text).open("rb").close()
        except OSError as error:
            raise ValueError(f"the file cannot be read: {error.strerror}") from None
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


def milliseconds(text: str) -> float:
    """Read a number of milliseconds as seconds."""
    try:
        return seconds(str(float(text) / 1000))
    except ValueError:
        raise ValueError("write a number of milliseconds above 0") from None


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


def ratio_sampler(text: str) -> str:
    """Return the sampler that records the share of traces that ``text`` says."""
    ratio(text)
    return "parentbased_traceidratio"


def experiment_id(text: str) -> str:
    """Read the id of an experiment, a whole number; empty: none."""
    if text and not (text.isascii() and text.isdecimal()):
        raise ValueError("write the id of an experiment, a whole number")
    return text


def tracking_uri(text: str) -> str:
    """Read a tracking URI of MLflow as the URL of a store."""
    if not text.startswith(("sqlite", "postgresql")) or "://" not in text:
        raise ValueError("it names no store of spanframe; name one in SPANFRAME_STORE")
    return store_url(text)


def one_of(*words: str) -> Callable[[str], str]:
    """Make a parser that takes one of ``words``, in any case."""

    def parse(text: str) -> str:
        if text.lower() not in words:
            msg = f"write {' or '.join(words)}"
            raise ValueError(msg)
        return text.lower()

    return parse


def names_of(*words: str) -> Callable[[str], tuple[str, ...]]:
    """Make a parser of some of ``words``, separated by commas; empty: none."""
    one = one_of(*words)

    def parse(text: str) -> tuple[str, ...]:
        return tuple(dict.fromkeys(map(one, _parts(text))))

    return parse


def standard_protocol(text: str) -> str:
    """Read the name of an OTLP protocol as OpenTelemetry writes it.

    Raises:
        ReplacedError: for OTLP/JSON, whose receivers take protobuf as well.
    """
    if text.lower() == "http/json":
        told = "spans are not sent as JSON"
        raise ReplacedError(told, "http/protobuf", "'http/protobuf'")
    return one_of(*_PROTOCOLS)(text)


def trace_exporters(text: str) -> tuple[str, ...]:
    """Read names of exporters separated by commas."""
    return tuple(map(one_of(*_EXPORTERS), _parts(text)))


def standard_exporters(text: str) -> tuple[str, ...]:
    """Read names of exporters; other programs that share the variable know more.

    Raises:
        ReplacedError: when one of several is unknown.
    """
    known = [name for name in _parts(text.lower()) if name in _EXPORTERS]
    try:
        return trace_exporters(text)
    except ValueError as error:
        if not known:
            raise
        raise ReplacedError(str(error), tuple(known), repr(",".join(known))) from None


def header_value(text: str) -> str:
    """Read a value that a header can carry: printable ASCII."""
    if not (text.isascii() and (text.isprintable() or not text)):
        raise ValueError("write printable ASCII, which is what a header can carry")
    return text


def user_name(text: str) -> str:
    """Read the user of HTTP's basic authentication, which ends at the first colon."""
    if ":" in text:
        raise ValueError("write a name without a colon")
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


def standard_headers(text: str) -> dict[str, str]:
    """Read ``name=value`` pairs of a variable that other programs share.

    Raises:
        ReplacedError: when some pairs cannot be used.
    """
    good: dict[str, str] = {}
    why = ""
    for part in _parts(text):
        try:
            good |= headers(part)
        except ValueError as error:
            why = str(error)
    if why:
        raise ReplacedError(why, good, f"{len(good)} of its pairs")
    return good


def _parts(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


def _pairs(text: str, told: str) -> dict[str, str]:
    """Read ``name=value`` pairs separated by commas; ValueError with ``told``."""
    pairs: dict[str, str] = {}
    for part in _parts(text):
        name, separator, value = part.partition("=")
        if not separator or not name.strip():
            raise ValueError(told)
        pairs[name.strip()] = value.strip()
    return pairs
