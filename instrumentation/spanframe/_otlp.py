"""The OTLP exporter: retries as the specification says, and counts what is lost.

OpenTelemetry's own exporters drop a batch after ten seconds and ignore
``partial_success``. The delivery thread loads gRPC, or the HTTP client, with the first
batch.
"""

import dataclasses
import random
import threading
from collections.abc import Callable, Sequence
from time import monotonic
from typing import Final, Protocol
from urllib.parse import urlsplit

from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

from spanframe._conventions import add_names
from spanframe._destination import Destination, Proxy, destination, proxy_of
from spanframe._guard import warn
from spanframe._otlp_client import Refusal, basic, bearer, rejection
from spanframe._stats import Losses
from spanframe._urls import is_loopback
from spanframe.settings import ClientSettings, redact_url

__all__ = ["OtlpExporter"]

MAX_REQUEST_BYTES: Final = 3 * 1024 * 1024
"""Maximum size of a request, in bytes; servers refuse more than 4 MiB by default."""

MIN_PAUSE_S: Final = 0.25
MAX_PAUSE_S: Final = 5.0
"""Maximum pause between retries, in seconds, unless the server asks for another."""

_OTHER_NEEDED: Final = "The token is not one of the collector's: set SPANFRAME_TOKEN."
_NONE_SENT: Final = "Set SPANFRAME_TOKEN to a token of the collector: none is sent."
_SECONDS_PER_MINUTE: Final = 60


class _StoppedError(Exception):
    """The exporter was shut down before the collector answered."""


class _Transport(Protocol):
    """Sends export requests to one destination."""

    def send(self, request: bytes) -> bytes | Refusal:
        """Send one request and return the response, or why there is none."""

    def close(self) -> None:
        """Close the connection; a request on its way ends."""

    def after_fork(self) -> None:
        """Leave the connection to the parent."""


class OtlpExporter(SpanExporter):
    """Sends batches to a collector and waits for its response.

    Args:
        settings: endpoint, credentials, timeouts.
        losses: counts the delivered and the lost spans.
        waiting: returns how many spans are queued or being sent, for messages.
    """

    def __init__(
        self, settings: ClientSettings, losses: Losses, waiting: Callable[[], int]
    ) -> None:
        self._settings = settings = _with_whole_identity(settings)
        self._losses = losses
        self._waiting = waiting
        self._destination = destination(settings)
        self._proxy: Proxy | None = None
        self.unheard_at: float | None = None
        """Time of the last attempt, where no collector listened at the endpoint."""

        self._stopped = threading.Event()
        self._interrupt = threading.Event()
        self._transport: _Transport | None = None
        secret = settings.token or settings.password
        if secret and not _is_private(self._destination):
            warn(
                "The %s is sent to %s unencrypted, so others on the network can read "
                "it. Set SPANFRAME_ENDPOINT to an https:// endpoint.",
                "bearer token" if settings.token else "password",
                self._destination.shown,
            )

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Send ``spans``, counting those the collector accepts and rejects.

        Returns:
            FAILURE when `shutdown` came before the collector's response.
        """
        try:
            self._send(spans)
        except _StoppedError:
            return SpanExportResult.FAILURE
        return SpanExportResult.SUCCESS

    def force_flush(self, timeout_millis: int = 30000) -> bool:  # noqa: ARG002 - OTel's
        """Do nothing: the exporter has no queue."""
        return True

    def shutdown(self) -> None:
        """End the pause between retries and close the connection."""
        self._stopped.set()
        self._interrupt.set()
        if self._transport is not None:
            self._transport.close()

    def hurry(self) -> None:
        """Try again at once, if no collector listened at the endpoint the last time."""
        if self.unheard_at is not None:
            self._interrupt.set()

    def after_fork(self) -> None:
        """Forget the parent's connection: it must be neither used nor closed here."""
        self._stopped = threading.Event()
        self._interrupt = threading.Event()
        self.unheard_at = None
        if self._transport is not None:
            self._transport.after_fork()
        self._transport = None

    def _send(self, spans: Sequence[ReadableSpan]) -> None:
        """Send ``spans``, in parts when they are too large or one cannot be encoded."""
        from opentelemetry.exporter.otlp.proto.common.trace_encoder import (  # noqa: PLC0415 - loads protobuf
            encode_spans,
        )

        try:
            message = encode_spans(spans)
            if self._settings.conventions:
                add_names(message, self._settings.conventions)
            request = message.SerializeToString()
        except Exception as error:  # noqa: BLE001 - any attribute value may be the cause
            self._split(spans, f"cannot be encoded: {type(error).__name__}")
            return
        if len(request) > MAX_REQUEST_BYTES and len(spans) > 1:
            self._split(spans, "too large")
            return
        refusal = self._deliver(request, len(spans))
        if refusal is None:
            return
        if refusal.is_too_large:
            self._split(spans, refusal.cause)
        else:
            self._losses.add("failed", len(spans), refusal.cause, self._remedy(refusal))

    def _split(self, spans: Sequence[ReadableSpan], reason: str) -> None:
        if len(spans) == 1:
            self._losses.add("failed", 1, reason)
            return
        middle = len(spans) // 2
        self._send(spans[:middle])
        self._send(spans[middle:])

    def _deliver(self, request: bytes, spans: int) -> Refusal | None:
        """Send one request until the collector responds or the retries end.

        Returns:
            None when the collector accepted it, else the last refusal.
        """
        deadline = monotonic() + self._settings.retry_for
        pause = MIN_PAUSE_S
        while True:
            answer = self._open_transport().send(request)
            is_unheard = isinstance(answer, Refusal) and (
                answer.is_unheard or answer.is_misdirected
            )
            self.unheard_at = monotonic() if is_unheard else None
            if not isinstance(answer, Refusal):
                self._count(answer, spans)
                return None
            if self._stopped.is_set():
                raise _StoppedError
            if not answer.is_retryable:
                return answer
            self._warn_of_retry(answer, spans)
            self._losses.remedy = self._remedy(answer) if answer.is_misdirected else ""
            wait = answer.delay_s or pause * random.uniform(0.8, 1.2)  # noqa: S311 - jitter
            pause = min(pause * 2, MAX_PAUSE_S)
            if monotonic() + wait > deadline:
                return answer
            self._interrupt.wait(wait)
            self._interrupt.clear()
            if self._stopped.is_set():
                raise _StoppedError

    def _warn_of_retry(self, refusal: Refusal, spans: int) -> None:
        warn(
            "Cannot deliver spans to the collector at %s: %s; %d spans are queued and "
            "will be retried for %s. %s",
            self._destination.shown,
            refusal.cause,
            max(self._waiting(), spans),
            _duration(self._settings.retry_for),
            self._remedy(refusal) + self._variables(refusal),
        )

    def _remedy(self, refusal: Refusal) -> str:
        """Say what the reader can do, in a sentence."""
        if refusal.is_unauthenticated:
            is_sent = self._settings.token or "authorization" in self._settings.headers
            return _OTHER_NEEDED if is_sent else _NONE_SENT
        if refusal.is_other_protocol:
            other = "grpc" if self._destination.over_http else "http/protobuf"
            return (
                f"What listens there speaks another protocol: set SPANFRAME_PROTOCOL to"
                f" {other}, or the endpoint to the other port of the collector."
            )
        if refusal.is_without_tls:
            return (
                "What listens there does not speak TLS: write http:// in the endpoint."
            )
        if refusal.is_unheard:
            return (
                "Nothing listens there: start a collector with `spanframe collector`, "
                "or set SPANFRAME_ENDPOINT."
            )
        if not refusal.is_retryable:
            return ""
        return "Check that a collector is running there, or set SPANFRAME_ENDPOINT."

    def _variables(self, refusal: Refusal) -> str:
        """Name the variables that the connection follows from, in sentences."""
        origins = self._settings.origins
        variable = origins.get("endpoint", "")
        told = ""
        if variable.isupper():  # not one that was given
            told += f" The endpoint is that of {variable}."
        if self._proxy is not None:
            shown = redact_url(self._proxy.url)
            told += (
                f" The connection goes through {shown}, which {self._proxy.variable} "
                "names; no_proxy excepts hosts."
            )
        if refusal.is_timeout:
            timeout = origins.get("export_timeout", "export_timeout")
            limit = f"{self._settings.export_timeout:g} s"
            told += f" A response is awaited for {limit}, as {timeout} says."
        return told

    def _count(self, response: bytes, spans: int) -> None:
        rejected, message = rejection(response, spans)
        self._losses.sent(spans - rejected)
        if rejected:
            self._losses.add("rejected", rejected, message)

    def _open_transport(self) -> _Transport:
        if self._transport is None:
            self._proxy = proxy_of(self._destination)
            self._transport = _transport(self._destination, self._settings, self._proxy)
        return self._transport


def _with_whole_identity(settings: ClientSettings) -> ClientSettings:
    """Leave out a client certificate without its key: gRPC would end the process."""
    if bool(settings.client_certificate) == bool(settings.client_key):
        return settings
    warn(
        "Mutual TLS needs a client certificate and its key, and one of them is not "
        "set: the other one is not used. Set OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE and "
        "OTEL_EXPORTER_OTLP_CLIENT_KEY, to one file if that has both."
    )
    return dataclasses.replace(settings, client_certificate="", client_key="")


def _transport(
    to: Destination, settings: ClientSettings, proxy: Proxy | None
) -> _Transport:
    named = bearer(settings.token) or basic(settings.username, settings.password)
    headers = settings.headers | named
    if to.over_http:
        from spanframe._otlp_http import HttpTransport  # noqa: PLC0415 - loads a client

        return HttpTransport(to, settings, headers, proxy)
    from spanframe._otlp_grpc import GrpcTransport  # noqa: PLC0415 - 100 ms

    return GrpcTransport(to, settings, headers, proxy)


def _is_private(to: Destination) -> bool:
    """Return whether others on the network cannot read what is sent."""
    parts = urlsplit(to.url)
    return parts.scheme in {"https", "unix"} or is_loopback(parts.hostname or "")


def _duration(seconds: float) -> str:
    """Write a duration for messages: ``5 min``, ``0.2 s``."""
    minutes, rest = divmod(seconds, _SECONDS_PER_MINUTE)
    return f"{minutes:g} min" if minutes and not rest else f"{seconds:g} s"
