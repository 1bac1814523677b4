"""The OTLP/gRPC exporter: retries as the specification says, and counts what is lost.

OpenTelemetry's own exporter drops a batch after ten seconds and ignores
``partial_success``. gRPC is imported by the delivery thread, with the first batch.
"""

import random
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

from spanframe._guard import warn
from spanframe._otlp_client import (
    CHANNEL_OPTIONS,
    EXPORT_METHOD,
    bearer,
    error_text,
    is_retryable,
    rejection,
    requested_delay_s,
    target_of,
)
from spanframe._stats import Losses
from spanframe.settings import ClientSettings

if TYPE_CHECKING:
    import grpc

__all__ = ["OtlpExporter"]

MAX_REQUEST_BYTES: Final = 3 * 1024 * 1024
"""Maximum size of a request, in bytes; servers refuse more than 4 MiB by default."""

MIN_PAUSE_S: Final = 0.25
MAX_PAUSE_S: Final = 5.0
"""Maximum pause between retries, in seconds, unless the server asks for another."""

_LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})
_SECONDS_PER_MINUTE: Final = 60

# Connections of a parent process. gRPC closes a connection when its object is deleted,
# which would wait for threads that a forked child does not have.
_inherited: Final[list[object]] = []


class _StoppedError(Exception):
    """The exporter was shut down before the collector answered."""


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
        self._settings = settings
        self._losses = losses
        self._waiting = waiting
        self._endpoint = settings.printable()["endpoint"]
        self._stopped = threading.Event()
        self._channel: grpc.Channel | None = None
        self._metadata = tuple((settings.headers | bearer(settings.token)).items())
        if settings.token and not _is_private(settings.endpoint):
            warn(
                "The bearer token is sent to %s unencrypted, so others on the network "
                "can read it. Set SPANFRAME_ENDPOINT to an https:// endpoint.",
                self._endpoint,
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
        if self._channel is not None:
            self._channel.close()

    def after_fork(self) -> None:
        """Forget the parent's connection: it must be neither used nor closed here."""
        self._stopped = threading.Event()
        if self._channel is not None:
            _inherited.append(self._channel)
        self._channel = None

    def _send(self, spans: Sequence[ReadableSpan]) -> None:
        """Send ``spans``, in parts when they are too large or one cannot be encoded."""
        from opentelemetry.exporter.otlp.proto.common.trace_encoder import (  # noqa: PLC0415 - loads protobuf
            encode_spans,
        )

        try:
            request = encode_spans(spans).SerializeToString()
        except Exception as error:  # noqa: BLE001 - any attribute value may be the cause
            self._split(spans, f"cannot be encoded: {type(error).__name__}")
            return
        if len(request) > MAX_REQUEST_BYTES and len(spans) > 1:
            self._split(spans, "too large")
            return
        refusal = self._deliver(request, len(spans))
        if refusal is None:
            return
        code, cause = refusal
        if code == "RESOURCE_EXHAUSTED":
            self._split(spans, cause)
        else:
            self._losses.add("failed", len(spans), cause)

    def _split(self, spans: Sequence[ReadableSpan], reason: str) -> None:
        if len(spans) == 1:
            self._losses.add("failed", 1, reason)
            return
        middle = len(spans) // 2
        self._send(spans[:middle])
        self._send(spans[middle:])

    def _deliver(self, request: bytes, spans: int) -> tuple[str, str] | None:
        """Send one request until the collector responds or the retries end.

        Returns:
            None when the collector accepted it, else the last status code, alone and
            with its cause.
        """
        import grpc  # noqa: PLC0415 - 100 ms that only this thread shall wait for

        deadline = monotonic() + self._settings.retry_for
        pause = MIN_PAUSE_S
        while True:
            try:
                response = self._call()(
                    request,
                    timeout=self._settings.export_timeout,
                    metadata=self._metadata,
                )
            except grpc.RpcError as error:
                code: str = error.code().name
                cause = error_text(code, error.details())
                asked = requested_delay_s(error.trailing_metadata())
            except ValueError:  # raised by a channel that `shutdown` has closed
                raise _StoppedError from None
            else:
                self._count(response, spans)
                return None
            if self._stopped.is_set():
                raise _StoppedError
            if not is_retryable(code, asked):
                return code, cause
            self._warn_of_retry(cause, spans)
            wait = asked or pause * random.uniform(0.8, 1.2)  # noqa: S311 - jitter
            pause = min(pause * 2, MAX_PAUSE_S)
            if monotonic() + wait > deadline:
                return code, cause
            if self._stopped.wait(wait):
                raise _StoppedError

    def _warn_of_retry(self, cause: str, spans: int) -> None:
        warn(
            "Cannot deliver spans to the collector at %s: %s; %d spans are queued and "
            "will be retried for %s. Check that a collector is running there, or set "
            "SPANFRAME_ENDPOINT.",
            self._endpoint,
            cause,
            max(self._waiting(), spans),
            _duration(self._settings.retry_for),
        )

    def _count(self, response: bytes, spans: int) -> None:
        rejected, message = rejection(response, spans)
        self._losses.sent(spans - rejected)
        if rejected:
            self._losses.add("rejected", rejected, message)

    def _call(self) -> "grpc.UnaryUnaryMultiCallable[bytes, bytes]":
        if self._channel is None:
            self._channel = _open_channel(self._settings)
        return self._channel.unary_unary(EXPORT_METHOD)


def _is_private(endpoint: str) -> bool:
    """Return whether others on the network cannot read what is sent."""
    parts = urlsplit(endpoint)
    return parts.scheme in {"https", "unix"} or parts.hostname in _LOOPBACK


def _open_channel(settings: ClientSettings) -> "grpc.Channel":
    import grpc  # noqa: PLC0415 - 100 ms that only the delivery thread shall wait for

    compression = (
        grpc.Compression.Gzip
        if settings.compression == "gzip"
        else grpc.Compression.NoCompression
    )
    address, encrypted = target_of(settings.endpoint)
    if not encrypted:
        return grpc.insecure_channel(address, CHANNEL_OPTIONS, compression)
    credentials = grpc.ssl_channel_credentials(
        _file(settings.certificate),
        _file(settings.client_key),
        _file(settings.client_certificate),
    )
    return grpc.secure_channel(address, credentials, CHANNEL_OPTIONS, compression)


def _file(name: str) -> bytes | None:
    return Path(name).read_bytes() if name else None


def _duration(seconds: float) -> str:
    """Write a duration for messages: ``5 min``, ``0.2 s``."""
    minutes, rest = divmod(seconds, _SECONDS_PER_MINUTE)
    return f"{minutes:g} min" if minutes and not rest else f"{seconds:g} s"
