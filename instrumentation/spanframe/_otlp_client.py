"""OTLP as a client sees it: for the app's exporter and for forwarding.

Nothing here sends: one caller is synchronous, the other is not. Protobuf is loaded by
the functions that need it, since an app must not wait for it.
"""

from base64 import b64encode
from collections.abc import Iterable
from typing import Final, NamedTuple
from urllib.parse import urlsplit

__all__ = [
    "CHANNEL_OPTIONS",
    "EXPORT_METHOD",
    "MAX_REQUESTED_DELAY_S",
    "WITHOUT_PROXY",
    "Refusal",
    "Rejection",
    "Target",
    "basic",
    "bearer",
    "error_text",
    "is_retryable",
    "rejection",
    "requested_delay_s",
    "status_message",
    "target_of",
]

EXPORT_METHOD: Final = "/opentelemetry.proto.collector.trace.v1.TraceService/Export"

CHANNEL_OPTIONS: Final = (
    ("grpc.max_send_message_length", -1),
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.min_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 2000),
)

WITHOUT_PROXY: Final = ("grpc.enable_http_proxy", 0)
"""Channel option under which variables like ``https_proxy`` are not looked at."""

MAX_REQUESTED_DELAY_S: Final = 60.0
"""Maximum delay before a retry that a server may ask for, in seconds."""

MAX_ERROR_CHARACTERS: Final = 200
"""Maximum characters of a server's error message in a log line."""

_DEFAULT_PORT: Final = 4317
# OTLP specification 1.11, "Failures": every other code means that a retry is useless.
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


class Target(NamedTuple):
    """An endpoint as gRPC names it, and whether its connection uses TLS."""

    address: str
    encrypted: bool


class Refusal(NamedTuple):
    """The reason why a server did not accept a request, and what can be done.

    Attributes:
        cause: the status code and its message, or the error of the connection.
        is_retryable: whether the request may be sent again.
        delay_s: delay before that which the server asks for, in seconds; 0 for none.
        is_timeout: whether the server did not respond in time.
        is_too_large: whether a smaller request may be accepted.
        is_unauthenticated: whether the server wants another token.
        is_other_protocol: whether what listens there speaks another protocol.
    """

    cause: str
    is_retryable: bool = False
    delay_s: float = 0.0
    is_timeout: bool = False
    is_too_large: bool = False
    is_unauthenticated: bool = False
    is_other_protocol: bool = False

    @property
    def is_unheard(self) -> bool:
        """Whether nothing listens at the address."""
        return self.is_retryable and "connection refused" in self.cause.lower()

    @property
    def is_without_tls(self) -> bool:
        """Whether what listens there does not speak TLS, which the request wants."""
        return "WRONG_VERSION_NUMBER" in self.cause

    @property
    def is_misdirected(self) -> bool:
        """Whether it went to the port of something else, which no retry mends."""
        return self.is_other_protocol or self.is_without_tls


class Rejection(NamedTuple):
    """Spans of an accepted request that the server did not take, and its reason."""

    spans: int
    message: str


def target_of(endpoint: str) -> Target:
    """Return the target of ``http://HOST[:PORT]``, ``https://…`` or ``unix:PATH``."""
    if endpoint.startswith("unix:"):
        return Target(endpoint, encrypted=False)
    parts = urlsplit(endpoint)
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    return Target(f"{host}:{parts.port or _DEFAULT_PORT}", parts.scheme == "https")


def bearer(token: str) -> dict[str, str]:
    """Return the request metadata that carries a token; none for an empty one."""
    return {"authorization": f"Bearer {token}"} if token else {}


def basic(username: str, password: str) -> dict[str, str]:
    """Return the request metadata of HTTP's basic authentication; none for no user."""
    if not username:
        return {}
    pair = b64encode(f"{username}:{password}".encode()).decode()
    return {"authorization": f"Basic {pair}"}


def is_retryable(code: str, delay_s: float) -> bool:
    """Return whether a request may be sent again after a status code.

    Args:
        code: name of the gRPC status code.
        delay_s: delay that the server asked for, 0 for none. ``RESOURCE_EXHAUSTED`` may
            be retried only with one.
    """
    return code in _RETRYABLE or (code == "RESOURCE_EXHAUSTED" and delay_s > 0)


def requested_delay_s(
    trailers: Iterable[tuple[str, str | bytes]] | None,
) -> float:
    """Return the delay that a server asks for in its trailers, in seconds; 0 for none.

    It is a ``google.rpc.RetryInfo``, in a trailer of its own or among the status
    details (OTLP specification, "Throttling").
    """
    from google.protobuf.message import DecodeError  # noqa: PLC0415 - loads protobuf
    from google.rpc.error_details_pb2 import RetryInfo  # noqa: PLC0415 - loads protobuf
    from google.rpc.status_pb2 import Status  # noqa: PLC0415 - loads protobuf

    found = dict(trailers or ())
    info = RetryInfo()
    try:
        if own := found.get("google.rpc.retryinfo-bin"):
            info.ParseFromString(own)
        elif details := found.get("grpc-status-details-bin"):
            for detail in Status.FromString(details).details:
                detail.Unpack(info)
    except DecodeError:
        return 0.0
    asked: float = info.retry_delay.ToMilliseconds() / 1000
    return min(max(asked, 0.0), MAX_REQUESTED_DELAY_S)


def rejection(response: bytes, spans: int) -> Rejection:
    """Read the ``partial_success`` of a response to a request of ``spans`` spans.

    A response that cannot be read rejects nothing: its status code was OK.
    """
    from google.protobuf.message import DecodeError  # noqa: PLC0415 - loads protobuf
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (  # noqa: PLC0415 - loads protobuf
        ExportTraceServiceResponse,
    )

    try:
        partial = ExportTraceServiceResponse.FromString(response).partial_success
    except DecodeError:
        return Rejection(0, "")
    return Rejection(
        min(max(int(partial.rejected_spans), 0), spans), str(partial.error_message)
    )


def status_message(body: bytes) -> str:
    """Return the message of a ``google.rpc.Status``, the body of an error over HTTP."""
    from google.protobuf.message import DecodeError  # noqa: PLC0415 - loads protobuf
    from google.rpc.status_pb2 import Status  # noqa: PLC0415 - loads protobuf

    try:
        return str(Status.FromString(body).message)
    except DecodeError:
        return ""


def error_text(code: str, details: str | None) -> str:
    """Return a status code and the end of its details, which names the cause.

    Details that are cut begin with … and a whole word.
    """
    cause = "".join(c if c.isprintable() else " " for c in details or "").strip()
    if len(cause) > MAX_ERROR_CHARACTERS:
        end = cause[-MAX_ERROR_CHARACTERS:]
        cause = f"… {end.partition(' ')[2].strip() or end}"
    return f"{code}: {cause}" if cause else code
