"""OTLP over HTTP: ``POST /v1/traces``, protobuf and JSON; health pages and metrics.

``/v1/logs`` and ``/v1/metrics`` are accepted, too, see `Signal`. An ASGI application
without a framework: six paths need no router. An error is a
google.rpc.Status in the encoding of the request (OTLP 1.11).
"""

import asyncio
import logging
import random
import re
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final, NamedTuple

from google.protobuf.json_format import MessageToJson
from google.protobuf.message import Message
from google.rpc.code_pb2 import Code
from google.rpc.status_pb2 import Status
from prometheus_client import CONTENT_TYPE_LATEST

from spanframe._version import __version__
from spanframe.keys import MLFLOW_EXPERIMENT_HEADER, MLFLOW_RUN_HEADER
from spanframe_collector.ingest import Ingest, Refusal, RefusedError, Signal
from spanframe_collector.otlp_json import Translated, logs_to_protobuf, to_protobuf
from spanframe_collector.receivers.http_body import Receive, read_body
from spanframe_collector.receivers.responses import (
    RETRY_SECONDS,
    drop_traceback,
    response_to,
)
from spanframe_collector.settings import CollectorSettings
from spanframe_collector.telemetry import Telemetry
from spanframe_serving.addresses import Address
from spanframe_serving.http_server import HttpServer
from spanframe_serving.tls import tls_context
from spanframe_serving.tokens import Tokens

__all__ = ["METRICS_PATH", "TRACES_PATH", "HttpReceiver"]

_log: Final = logging.getLogger(__name__)

TRACES_PATH: Final = Signal.TRACES.value
METRICS_PATH: Final = "/metrics"
_SIGNALS: Final = {signal.value: signal for signal in Signal}
_METHODS: Final = {**dict.fromkeys(_SIGNALS, "POST"), METRICS_PATH: "GET"}
_ALIVE_PATH: Final = "/healthz"
_READY_PATH: Final = "/readyz"
_HTTP_2_PREFACE: Final = "PRI"
"""The method in the first line of a client of HTTP/2, such as gRPC."""

_PROTOBUF: Final = "application/x-protobuf"
_JSON: Final = "application/json"

_WELCOME: Final = f"""\
This is the collector of spanframe {__version__}. It has no pages.

POST {TRACES_PATH}   OTLP, protobuf or JSON: set OTEL_EXPORTER_OTLP_ENDPOINT to this URL
GET  {_READY_PATH}      whether spans can be stored
GET  {_ALIVE_PATH}     whether the process lives
GET  {METRICS_PATH}     counts, in the format of Prometheus

`spanframe search` shows the traces.
""".encode()

_MAX_BODY_SECONDS: Final = 30.0
"""Maximum seconds for a body to arrive."""

_MAX_LENGTH_DIGITS: Final = 19
"""Maximum digits of a Content-Length that are read as a number."""

Headers = tuple[tuple[str, str], ...]
Send = Callable[[Mapping[str, Any]], Awaitable[None]]

_STATUSES: Final = {
    400: Code.INVALID_ARGUMENT,
    401: Code.UNAUTHENTICATED,
    404: Code.NOT_FOUND,
    405: Code.UNIMPLEMENTED,
    413: Code.RESOURCE_EXHAUSTED,
    415: Code.INVALID_ARGUMENT,
    503: Code.UNAVAILABLE,
}


class _Response(NamedTuple):
    status: int
    media_type: str
    body: bytes
    headers: Headers = ()


class _Request:
    """The head of a request."""

    def __init__(self, scope: Mapping[str, Any]) -> None:
        self.method: str = scope["method"]
        # As it was sent, percent-encoding included: paths are compared byte by byte.
        self.path: str = scope["raw_path"].decode("latin-1")
        self.is_extra: bool = scope["state"]["is_extra"]
        """Whether it is on a connection that is kept for health checks."""
        self._headers = [
            (name.decode("latin-1"), value.decode("latin-1").strip())
            for name, value in scope["headers"]
        ]

    def values(self, name: str) -> list[str]:
        return [value for found, value in self._headers if found == name]

    def value(self, name: str) -> str:
        return ", ".join(self.values(name))

    @property
    def headers(self) -> dict[str, str]:
        return dict(self._headers)

    @property
    def media_type(self) -> str:
        return self.value("content-type").partition(";")[0].strip().lower()

    @property
    def content_encoding(self) -> str:
        return self.value("content-encoding").lower()


class HttpReceiver:
    """The HTTP listener; started and stopped by the service."""

    protocol = "OTLP over HTTP"

    def __init__(
        self, ingest: Ingest, telemetry: Telemetry, settings: CollectorSettings
    ) -> None:
        self._ingest = ingest
        self._telemetry = telemetry
        self._tokens = Tokens(settings.token, settings.token_file)
        self._origins = frozenset(settings.cors_origins.split())
        self._limits = {
            _PROTOBUF: settings.max_request_bytes,
            _JSON: min(settings.max_request_bytes, settings.max_json_bytes),
        }
        self._server = HttpServer(
            self._serve, tls_context(settings), settings.max_connections
        )
        self._is_ready = True

    async def start(self, address: Address) -> Address:
        """Serve; return the address with the port that is bound.

        Raises:
            OSError: when the address cannot be bound.
        """
        return await self._server.start(address)

    async def set_serving(self, *, serving: bool) -> None:
        """Set the answer of ``/readyz``: whether spans can be stored now."""
        self._is_ready = serving

    async def announce_stop(self) -> None:
        """Report "not ready" from now on, while requests are still consumed."""
        await self.set_serving(serving=False)

    async def stop(self, grace: float) -> None:
        """Accept no more requests, and finish the begun ones in ``grace`` seconds."""
        await self._server.stop(grace)

    async def _serve(
        self, scope: Mapping[str, Any], receive: Receive, send: Send
    ) -> None:
        """Respond to one request: the ASGI application."""
        request = _Request(scope)
        try:
            response = await self._respond(request, receive)
        except Exception:  # noqa: BLE001 - the sender is not shown the traceback
            _log.exception(
                "A request over HTTP failed by a fault of spanframe (please report "
                "it); its sender is told to send it again"
            )
            response = _refused(request, Refusal.FAULT)
        headers = (
            ("content-type", response.media_type),
            ("content-length", str(len(response.body))),
            *response.headers,
            *self._cors(request),
        )
        if request.is_extra:
            headers += (("connection", "close"),)
        raw = [(name.encode(), value.encode("latin-1")) for name, value in headers]
        await send(
            {"type": "http.response.start", "status": response.status, "headers": raw}
        )
        await send({"type": "http.response.body", "body": response.body})

    async def _respond(self, request: _Request, receive: Receive) -> _Response:
        """Deny what is not explicitly allowed; the order of the checks matters."""
        is_page = request.path == "/" and request.method in {"GET", "HEAD"}
        if is_page or request.path in {_ALIVE_PATH, _READY_PATH}:
            return self._health(request)
        if self._is_preflight(request):
            return _Response(200, "text/plain", b"", _preflight(request))
        problem = self._denial(request)
        if problem is None and request.path == METRICS_PATH:
            return _Response(200, CONTENT_TYPE_LATEST, self._telemetry.render())
        problem = problem or self._misfit(request)
        if problem is not None:
            return problem
        try:
            return await self._export(request, receive)
        except RefusedError as error:
            drop_traceback(error)
            return _refused(request, error.refusal)

    def _denial(self, request: _Request) -> _Response | None:
        """Return the refusal of a wrong token, path or method; None: it is accepted.

        What is on a connection beyond the limit is refused, too.
        """
        if request.is_extra:
            self._telemetry.request(Refusal.BUSY.name.lower())
            return _refused(request, Refusal.BUSY)
        if request.method == _HTTP_2_PREFACE:
            self._ingest.misdirect()
            text = "This port takes OTLP over HTTP/1.1; gRPC has another port."
            return _refusal(request, 404, text)
        shown = request.values("authorization")
        if not self._tokens.allow(shown):
            self._ingest.deny(has_token=bool(shown))
            text = "Send the collector's token as `authorization: Bearer …`."
            return _refusal(request, 401, text, (("www-authenticate", "Bearer"),))
        if request.path not in _METHODS:
            text = f"There are only {TRACES_PATH} and {METRICS_PATH} here."
            return _refusal(request, 404, text)
        method = _METHODS[request.path]
        if request.method != method:
            text = f"{request.path} takes {method} only."
            return _refusal(request, 405, text, (("allow", method),))
        return None

    def _misfit(self, request: _Request) -> _Response | None:
        """Return the refusal of an encoding that is not read; None: it is."""
        if request.media_type not in self._limits:
            text = f"Content-Type must be {_PROTOBUF} or {_JSON}."
            return _refusal(request, 415, text)
        if request.content_encoding not in {"", "identity", "gzip"}:
            text = "Content-Encoding must be gzip, or absent."
            return _refusal(request, 415, text, (("accept-encoding", "gzip"),))
        return None

    async def _export(self, request: _Request, receive: Receive) -> _Response:
        limit = self._limits[request.media_type]
        with self._ingest.admit() as reservation:
            _check_length(request, limit)
            try:
                async with asyncio.timeout(_MAX_BODY_SECONDS):
                    body = await read_body(
                        receive,
                        is_gzip=request.content_encoding == "gzip",
                        limit=limit,
                        reservation=reservation,
                    )
            except TimeoutError:
                raise RefusedError(Refusal.INCOMPLETE) from None
            signal = _SIGNALS[request.path]
            is_json = request.media_type == _JSON
            consumed = await self._ingest.consume(
                body,
                request.headers,
                None,
                _TRANSLATORS[signal] if is_json else None,
                signal=signal,
            )
        return _encoded(request, 200, response_to(consumed))

    def _health(self, request: _Request) -> _Response:
        if request.method not in {"GET", "HEAD"}:
            allow = (("allow", "GET, HEAD"),)
            return _Response(405, "text/plain", b"", allow)
        if request.path == "/":
            return _Response(200, "text/plain; charset=utf-8", _WELCOME)
        if request.path == _READY_PATH and not self._is_ready:
            return _Response(503, "text/plain", b"not ready\n")
        return _Response(200, "text/plain", b"ok\n")

    # --- CORS: for web pages of the listed origins ------------------------------------

    def _is_preflight(self, request: _Request) -> bool:
        return (
            request.method == "OPTIONS"
            and self._is_listed(request.value("origin"))
            and request.value("access-control-request-method") != ""
        )

    def _is_listed(self, origin: str) -> bool:
        any_port = f"{origin.rpartition(':')[0]}:*"
        return origin in self._origins or any_port in self._origins

    def _cors(self, request: _Request) -> Headers:
        if not self._origins:
            return ()
        vary = ("vary", "origin")
        origin = request.value("origin")
        if not self._is_listed(origin):
            return (vary,)
        return (
            vary,
            ("access-control-allow-origin", origin),
            # `navigator.sendBeacon` always sends with credentials.
            ("access-control-allow-credentials", "true"),
            # Without it a page cannot read how long it is told to wait.
            ("access-control-expose-headers", "retry-after"),
        )


_MAX_LISTED_CHARS: Final = 1024
"""Maximum length of the names of headers that a page asks for, in characters."""

_HEADER_NAMES: Final = re.compile(r"[A-Za-z0-9_, -]*")


def _preflight(request: _Request) -> Headers:
    """Allow a page of a listed origin the headers that its exporter sends.

    Exporters for the web send what an app configures, beside their own.
    """
    asked = request.value("access-control-request-headers")
    if len(asked) > _MAX_LISTED_CHARS or not _HEADER_NAMES.fullmatch(asked):
        asked = ""
    allowed = ", ".join(filter(None, (_ALLOWED_HEADERS, asked)))
    return (
        ("access-control-allow-methods", "POST"),
        ("access-control-allow-headers", allowed),
        ("access-control-max-age", "7200"),
    )


_ALLOWED_HEADERS: Final = (
    "authorization, content-encoding, content-type, "
    f"{MLFLOW_EXPERIMENT_HEADER}, {MLFLOW_RUN_HEADER}"
)


_TRANSLATORS: Final = {
    Signal.TRACES: to_protobuf,
    Signal.LOGS: logs_to_protobuf,
    # No metric is read.
    Signal.METRICS: lambda _: Translated(b"", []),
}


def _check_length(request: _Request, limit: int) -> None:
    length = request.value("content-length")
    is_number = length.isascii() and length.isdecimal()
    # A number of more digits is greater than any limit; int() might refuse it.
    if is_number and (len(length) > _MAX_LENGTH_DIGITS or int(length) > limit):
        raise RefusedError(Refusal.TOO_LARGE)


def _refused(request: _Request, refusal: Refusal) -> _Response:
    if refusal.is_transient:
        return _refusal(request, 503, refusal.value, _retry_after())
    status = 413 if refusal.is_of_size else 400
    return _refusal(request, status, refusal.value)


def _retry_after() -> Headers:
    seconds = random.randint(*RETRY_SECONDS)  # noqa: S311 - jitter
    return (("retry-after", str(seconds)),)


def _refusal(
    request: _Request, status: int, text: str, headers: Headers = ()
) -> _Response:
    message = Status(code=_STATUSES[status], message=text)
    return _encoded(request, status, message, headers)


def _encoded(
    request: _Request, status: int, message: Message, headers: Headers = ()
) -> _Response:
    """Write a message in the encoding of the request; in JSON when it has another."""
    if request.media_type == _PROTOBUF:
        return _Response(status, _PROTOBUF, message.SerializeToString(), headers)
    text = MessageToJson(message, indent=None)
    return _Response(status, _JSON, text.encode(), headers)
