"""OTLP over HTTP, for the exporter, with the client of the standard library.

OpenTelemetry's own exporter would bring ``requests`` and what that needs into every
instrumented app. One connection is kept open; a redirect is not followed, since clients
turn the POST into a GET on the way.
"""

import base64
import gzip
import http.client
import io
import json
import socket
import ssl
import time
from contextlib import suppress
from email.message import Message
from email.utils import parsedate_to_datetime
from functools import partial
from typing import Any, Final
from urllib.parse import SplitResult, unquote, urlsplit

from spanframe._destination import Destination, Proxy
from spanframe._otlp_client import (
    MAX_REQUESTED_DELAY_S,
    Refusal,
    error_text,
    status_message,
)
from spanframe._version import __version__
from spanframe.settings import ClientSettings

__all__ = ["HttpTransport", "retry_after_s"]

MAX_RESPONSE_BYTES: Final = 4 * 1024 * 1024
"""Maximum size of a response that is read, in bytes."""

_PROTOBUF: Final = "application/x-protobuf"
# OTLP specification, "Failures": every other status means that a retry is useless.
_RETRYABLE: Final = frozenset({429, 502, 503, 504})
_TOO_LARGE: Final = 413
_UNAUTHORIZED: Final = 401


class HttpTransport:
    """Sends requests to one URL.

    Args:
        destination: the URL.
        settings: certificates, compression and the timeout.
        headers: headers of every request.
        proxy: the proxy to use, None for none.
    """

    def __init__(
        self,
        destination: Destination,
        settings: ClientSettings,
        headers: dict[str, str],
        proxy: Proxy | None,
    ) -> None:
        self._url = urlsplit(destination.url)
        self._settings = settings
        self._proxy = None if proxy is None else urlsplit(proxy.url)
        self._compressed = settings.compression == "gzip"
        encoding = {"content-encoding": "gzip"} if self._compressed else {}
        self._headers = {
            "content-type": _PROTOBUF,
            "user-agent": f"spanframe/{__version__}",
            **encoding,
            **headers,
        }
        self._target = self._url._replace(scheme="", netloc="", fragment="").geturl()
        if self._proxy is not None and self._url.scheme == "http":
            self._target = self._url._replace(fragment="").geturl()
            self._headers |= _proxy_authorization(self._proxy)
        self._connection: http.client.HTTPConnection | None = None

    def send(self, request: bytes) -> bytes | Refusal:
        """Send one request and return the response, or why there is none."""
        body = gzip.compress(request, 5, mtime=0) if self._compressed else request
        deadline = time.monotonic() + self._settings.export_timeout
        try:
            return self._post(body, deadline)
        except (OSError, http.client.HTTPException) as error:
            self.close()
            text = str(error) or type(error).__name__
            return Refusal(
                error_text(type(error).__name__, text),
                is_retryable=True,
                is_timeout=isinstance(error, TimeoutError),
                is_other_protocol=isinstance(error, http.client.BadStatusLine)
                and not isinstance(error, http.client.RemoteDisconnected),
            )

    def close(self) -> None:
        """Close the connection; a request on its way ends."""
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(OSError, AttributeError):  # not connected, or not any more
                connection.sock.shutdown(socket.SHUT_RDWR)
            connection.close()

    def after_fork(self) -> None:
        """Leave the connection to the parent, and close this process's copy of it."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def _post(self, body: bytes, deadline: float) -> bytes | Refusal:
        kept = self._connection
        try:
            response = self._exchange(kept or self._connection_to(), body, deadline)
        except (ConnectionError, ssl.SSLError):
            if kept is None:
                raise
            # The server closed the connection while no request was on its way.
            self.close()
            response = self._exchange(self._connection_to(), body, deadline)
        content = response.read(MAX_RESPONSE_BYTES)
        if not response.isclosed():
            self.close()
        return _result(response.status, response.headers, content)

    def _exchange(
        self, connection: http.client.HTTPConnection, body: bytes, deadline: float
    ) -> http.client.HTTPResponse:
        connection.timeout = _seconds_until(deadline)
        if connection.sock is not None:
            connection.sock.settimeout(connection.timeout)
        # It is called as the class is, also for the response of a proxy.
        connection.response_class = partial(_Response, deadline)  # type: ignore[assignment]
        connection.request("POST", self._target, body, self._headers)
        return connection.getresponse()

    def _connection_to(self) -> http.client.HTTPConnection:
        """Return a connection that opens with the request."""
        through = self._proxy or self._url
        host = through.hostname or ""
        if self._url.scheme == "http":
            connection = http.client.HTTPConnection(host, through.port)
        else:
            context = _tls(self._settings)
            port = through.port or (443 if self._proxy is None else 80)
            connection = http.client.HTTPSConnection(host, port, context=context)
            if self._proxy is not None:
                connection.set_tunnel(
                    self._url.hostname or "",
                    self._url.port,
                    _proxy_authorization(self._proxy),
                )
        self._connection = connection
        return connection


class _Response(http.client.HTTPResponse):
    """A response that is read until a deadline.

    The timeout of a socket bounds each read: a server that sends a byte now and then
    would hold up the delivery for as long as it likes.
    """

    def __init__(self, deadline: float, sock: socket.socket, **options: Any) -> None:
        super().__init__(sock, **options)
        self.fp = io.BufferedReader(_UntilDeadline(self.fp, sock, deadline))


class _UntilDeadline(io.RawIOBase):
    def __init__(
        self, source: io.BufferedIOBase, sock: socket.socket, deadline: float
    ) -> None:
        self._source = source
        self._socket = sock
        self._deadline = deadline

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        self._socket.settimeout(_seconds_until(self._deadline))
        return self._source.readinto1(buffer)

    def close(self) -> None:
        self._source.close()
        super().close()


def _seconds_until(deadline: float) -> float:
    """Return the seconds that are left.

    Raises:
        TimeoutError: when none are.
    """
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError("timed out")
    return left


def _tls(settings: ClientSettings) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=settings.certificate or None)
    if settings.client_certificate:
        context.load_cert_chain(
            settings.client_certificate, settings.client_key or None
        )
    return context


def _proxy_authorization(proxy: SplitResult) -> dict[str, str]:
    if proxy.username is None:
        return {}
    pair = f"{unquote(proxy.username)}:{unquote(proxy.password or '')}"
    return {"proxy-authorization": f"Basic {base64.b64encode(pair.encode()).decode()}"}


def _result(status: int, headers: Message, content: bytes) -> bytes | Refusal:
    """Return the body of a response that accepts the request, else the refusal."""
    kind = headers.get_content_type()
    if http.HTTPStatus(200) <= status < http.HTTPStatus(300):
        if kind == "text/html":
            return Refusal(f"HTTP {status}: a web page, which is not an OTLP response")
        return content if kind == _PROTOBUF else b""
    told = _message(kind, content)
    if location := headers.get("location"):
        told = f"redirected to {location}; set the endpoint to it"
    retryable = status in _RETRYABLE
    return Refusal(
        error_text(f"HTTP {status}", told),
        is_retryable=retryable,
        delay_s=retry_after_s(headers.get("retry-after")) if retryable else 0.0,
        is_too_large=status == _TOO_LARGE,
        is_unauthenticated=status == _UNAUTHORIZED,
    )


def _message(kind: str, content: bytes) -> str:
    """Return what the body of an error says."""
    if kind == _PROTOBUF:
        return status_message(content)
    text = content.decode(errors="replace")
    with suppress(ValueError, TypeError, KeyError):
        return str(json.loads(text)["message"])
    return "" if kind == "text/html" else text


def retry_after_s(value: str | None) -> float:
    """Return the delay that a ``Retry-After`` header asks for; 0 for none.

    Args:
        value: seconds, or a date.
    """
    try:
        asked = float(value or "0")
    except ValueError:
        try:
            asked = parsedate_to_datetime(str(value)).timestamp() - time.time()
        except ValueError:
            return 0.0
    return min(max(asked, 0.0), MAX_REQUESTED_DELAY_S)
