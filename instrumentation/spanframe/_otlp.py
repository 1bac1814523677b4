"""The OTLP/gRPC exporter: retries as the specification says, and counts what is lost.

OpenTelemetry's own exporter gives a batch up after ten seconds and ignores
``partial_success``. gRPC is imported by the delivery thread, with the first batch.
"""

import random
import threading
from collections.abc import Sequence
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

from spanframe._guard import warn
from spanframe._stats import Losses
from spanframe.settings import ClientSettings

if TYPE_CHECKING:
    import grpc

__all__ = ["OtlpExporter"]

_METHOD: Final = "/opentelemetry.proto.collector.trace.v1.TraceService/Export"
_DEFAULT_PORT: Final = 4317
# A collector refuses requests over its limit, 4 MiB unless it is told otherwise.
_LARGEST_REQUEST: Final = 3 * 1024 * 1024
_LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})
_FIRST_PAUSE_S: Final = 0.25
_LONGEST_PAUSE_S: Final = 5.0
_LONGEST_HINT_S: Final = 60.0
_LONGEST_DETAIL: Final = 200
# OTLP specification, "Failures": these may be sent again. RESOURCE_EXHAUSTED belongs to
# them only when the server says when.
_RETRYABLE: Final = frozenset(
    {
        "CANCELLED",
        "DEADLINE_EXCEEDED",
        "ABORTED",
        "OUT_OF_RANGE",
        "UNAVAILABLE",
        "DATA_LOSS",
    }
)
_CHANNEL_OPTIONS: Final = (
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.min_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 2000),
)


# Connections of a parent process. gRPC closes a connection with its object, which would
# wait for threads that a forked child does not have.
_inherited: Final[list[object]] = []


class _StoppedError(Exception):
    """The exporter was shut down before the collector answered."""


class OtlpExporter(SpanExporter):
    """Sends batches to a collector and waits for its answer.

    Args:
        settings: endpoint, credentials, timeouts.
        losses: where sent and lost spans are counted.
    """

    def __init__(self, settings: ClientSettings, losses: Losses) -> None:
        self._settings = settings
        self._losses = losses
        self._stopped = threading.Event()
        self._channel: grpc.Channel | None = None
        self._metadata = _metadata(settings)
        if settings.token and not _is_private(settings.endpoint):
            warn(
                "The token goes to %s unencrypted; give an https endpoint.",
                settings.printable()["endpoint"],
            )

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Send ``spans``, counting what the collector takes and refuses.

        Returns:
            FAILURE when `shutdown` came before the collector's answer.
        """
        try:
            self._send(spans)
        except _StoppedError:
            return SpanExportResult.FAILURE
        return SpanExportResult.SUCCESS

    def force_flush(self, timeout_millis: int = 30000) -> bool:  # noqa: ARG002 - OTel's
        """Do nothing: nothing waits here."""
        return True

    def shutdown(self) -> None:
        """Stop waiting between retries and close the connection."""
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
        if len(request) > _LARGEST_REQUEST and len(spans) > 1:
            self._split(spans, "too large")
            return
        refusal = self._deliver(request, len(spans))
        if refusal == "RESOURCE_EXHAUSTED":
            self._split(spans, refusal)
        elif refusal:
            self._losses.add("failed", len(spans), refusal)

    def _split(self, spans: Sequence[ReadableSpan], why: str) -> None:
        if len(spans) == 1:
            self._losses.add("failed", 1, why)
            return
        middle = len(spans) // 2
        self._send(spans[:middle])
        self._send(spans[middle:])

    def _deliver(self, request: bytes, count: int) -> str:
        """Send one request until it is answered.

        Returns:
            Nothing when the collector took it, else why it is given up.
        """
        import grpc  # noqa: PLC0415 - 100 ms that only this thread shall wait for

        give_up = monotonic() + self._settings.retry_for
        pause = _FIRST_PAUSE_S
        while True:
            try:
                response = self._call()(
                    request,
                    timeout=self._settings.export_timeout,
                    metadata=self._metadata,
                )
            except grpc.RpcError as error:
                code: str = error.code().name
                said = _said(error)
                hint = _retry_hint(error)
            except ValueError:  # gRPC's word for a channel that `shutdown` has closed
                raise _StoppedError from None
            else:
                self._settle(response, count)
                return ""
            if self._stopped.is_set():
                raise _StoppedError
            if code not in _RETRYABLE and not (code == "RESOURCE_EXHAUSTED" and hint):
                return code
            warn(
                "spanframe cannot deliver to %s (%s%s); spans wait and are sent again.",
                self._settings.printable()["endpoint"],
                code,
                said,
            )
            wait = hint or pause * random.uniform(0.8, 1.2)  # noqa: S311 - jitter
            pause = min(pause * 2, _LONGEST_PAUSE_S)
            if monotonic() + wait > give_up:
                return code
            if self._stopped.wait(wait):
                raise _StoppedError

    def _settle(self, response: Any, count: int) -> None:
        rejected = min(response.partial_success.rejected_spans, count)
        self._losses.sent(count - rejected)
        if rejected:
            self._losses.add(
                "rejected", rejected, response.partial_success.error_message
            )

    def _call(self) -> "grpc.UnaryUnaryMultiCallable[bytes, Any]":
        from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (  # noqa: PLC0415 - loads protobuf
            ExportTraceServiceResponse,
        )

        if self._channel is None:
            self._channel = _open_channel(self._settings)
        return self._channel.unary_unary(
            _METHOD,
            request_serializer=None,
            response_deserializer=ExportTraceServiceResponse.FromString,
        )


def _is_private(endpoint: str) -> bool:
    """Say whether nobody on the way can read what is sent."""
    parts = urlsplit(endpoint)
    return parts.scheme in {"https", "unix"} or parts.hostname in _LOOPBACK


def _metadata(settings: ClientSettings) -> tuple[tuple[str, str], ...]:
    metadata = dict(settings.headers)
    if settings.token:
        metadata["authorization"] = f"Bearer {settings.token}"
    return tuple(metadata.items())


def _open_channel(settings: ClientSettings) -> "grpc.Channel":
    import grpc  # noqa: PLC0415 - 100 ms that only the delivery thread shall wait for

    compression = (
        grpc.Compression.Gzip
        if settings.compression == "gzip"
        else grpc.Compression.NoCompression
    )
    if settings.endpoint.startswith("unix:"):
        return grpc.insecure_channel(settings.endpoint, _CHANNEL_OPTIONS, compression)
    parts = urlsplit(settings.endpoint)
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    target = f"{host}:{parts.port or _DEFAULT_PORT}"
    if parts.scheme == "http":
        return grpc.insecure_channel(target, _CHANNEL_OPTIONS, compression)
    credentials = grpc.ssl_channel_credentials(
        _file(settings.certificate),
        _file(settings.client_key),
        _file(settings.client_certificate),
    )
    return grpc.secure_channel(target, credentials, _CHANNEL_OPTIONS, compression)


def _file(name: str) -> bytes | None:
    return Path(name).read_bytes() if name else None


def _said(error: Any) -> str:
    """Return the end of what gRPC or a server says of an error: there is the cause."""
    text = "".join(c if c.isprintable() else " " for c in error.details() or "")
    return f": {text[-_LONGEST_DETAIL:].strip()}" if text else ""


def _retry_hint(error: Any) -> float:
    """Return the pause a server asks for, in seconds; 0 when it asks for none.

    The hint is a ``google.rpc.RetryInfo``, bare in its own trailer or inside the status
    details (OTLP specification, "Throttling").
    """
    from google.rpc.error_details_pb2 import RetryInfo  # noqa: PLC0415 - loads protobuf
    from google.rpc.status_pb2 import Status  # noqa: PLC0415 - loads protobuf

    trailers = dict(error.trailing_metadata() or ())
    info = RetryInfo()
    try:
        if "google.rpc.retryinfo-bin" in trailers:
            info.ParseFromString(trailers["google.rpc.retryinfo-bin"])
        elif "grpc-status-details-bin" in trailers:
            status = Status.FromString(trailers["grpc-status-details-bin"])
            for detail in status.details:
                detail.Unpack(info)
    except Exception:  # noqa: BLE001 - a hint that cannot be read is no hint
        return 0.0
    asked: float = info.retry_delay.ToMilliseconds() / 1000
    return min(max(asked, 0.0), _LONGEST_HINT_S)
