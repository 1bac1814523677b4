"""OTLP over gRPC: ``TraceService/Export`` on an asyncio server.

The handler takes raw bytes (an identity deserialiser): the collector classifies decode
errors itself, and parses nothing before it is admitted. A retryable refusal carries
RetryInfo twice: in ``grpc-status-details-bin`` as OTLP says, and in the bare trailer
that OpenTelemetry's exporter for Python reads.
"""

import asyncio
import logging
import random
import time
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, Final

import grpc
import grpc.aio
from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.duration_pb2 import Duration
from google.rpc.error_details_pb2 import RetryInfo
from google.rpc.status_pb2 import Status

from spanframe_collector.admission import Reservation
from spanframe_collector.ingest import Ingest, Refusal, RefusedError, Signal
from spanframe_collector.receivers.credentials import server_credentials
from spanframe_collector.receivers.health import OPEN_METHODS, Health
from spanframe_collector.receivers.message_slots import MessageSlots
from spanframe_collector.receivers.responses import (
    RETRY_SECONDS,
    drop_traceback,
    response_to,
)
from spanframe_collector.settings import CollectorSettings
from spanframe_serving.addresses import Address
from spanframe_serving.relay import Relay
from spanframe_serving.sockets import listen, private_address, refuse_if_served
from spanframe_serving.tokens import Tokens

__all__ = ["TRACE_SERVICE", "GrpcReceiver"]

_log: Final = logging.getLogger(__name__)

TRACE_SERVICE: Final = "opentelemetry.proto.collector.trace.v1.TraceService"
_SERVICES: Final = {
    TRACE_SERVICE: Signal.TRACES,
    "opentelemetry.proto.collector.logs.v1.LogsService": Signal.LOGS,
    "opentelemetry.proto.collector.metrics.v1.MetricsService": Signal.METRICS,
}

_MAX_ARRIVAL_SECONDS: Final = 30.0
"""Maximum seconds for a message to arrive."""

_MAX_LOOKAHEAD_BYTES: Final = 256 << 10
"""Maximum bytes of a message that arrive before it is asked for."""

_MAX_CONNECTION_SECONDS: Final = 1800.0
"""Maximum age of a connection, in seconds."""

_MAX_CONNECTION_GRACE_SECONDS: Final = 60.0
"""Maximum seconds for the calls of a connection that has reached this age."""


class GrpcReceiver:
    """The gRPC listener; started and stopped by the service."""

    protocol = "OTLP over gRPC"

    def __init__(self, ingest: Ingest, settings: CollectorSettings) -> None:
        self._ingest = ingest
        self._health = Health(
            frozenset({"", TRACE_SERVICE}), settings.max_request_bytes
        )
        self._server = grpc.aio.server(
            options=_options(settings),
            interceptors=[
                _TokenCheck(ingest, Tokens(settings.token, settings.token_file))
            ],
        )
        self._credentials = server_credentials(settings)
        self._max_connections = settings.max_connections
        self._relay: Relay | None = None
        self._slots = MessageSlots(ingest.admission, settings.max_request_bytes)
        # Unary for the sender; a stream here, so that the message is asked for.
        services = [
            grpc.method_handlers_generic_handler(
                service,
                {
                    "Export": grpc.stream_unary_rpc_method_handler(
                        partial(self._export, signal)
                    )
                },
            )
            for service, signal in _SERVICES.items()
        ]
        self._server.add_generic_rpc_handlers((*services, self._health.handler))

    async def start(self, address: Address) -> Address:
        """Serve; return the address with the port that is bound.

        Raises:
            OSError: when the address cannot be bound.
        """
        if address.host.startswith("unix:"):
            refuse_if_served(address)
            self._bind(address)
            await self._server.start()
        else:
            listener = listen(address)
            inner = private_address()
            self._bind(inner)
            await self._server.start()
            self._relay = Relay(listener, inner, self._max_connections)
            address = address._replace(port=listener.getsockname()[1])
        await self.set_serving(serving=True)
        return address

    def _bind(self, address: Address) -> None:
        try:
            if self._credentials is None:
                self._server.add_insecure_port(str(address))
            else:
                self._server.add_secure_port(str(address), self._credentials)
        except RuntimeError:
            listen(address).close()  # raises with the reason; gRPC has none
            raise OSError(f"cannot listen on {address}") from None

    async def set_serving(self, *, serving: bool) -> None:
        """Set the answer of the health service: whether spans can be stored now."""
        self._health.set(serving=serving)

    async def announce_stop(self) -> None:
        """Report NOT_SERVING from now on, while requests are still consumed."""
        self._health.end()

    async def stop(self, grace: float) -> None:
        """Accept no more requests, and finish the begun ones in ``grace`` seconds."""
        if self._relay is not None:
            self._relay.close()
        await self._server.stop(grace)
        if self._relay is not None:
            self._relay.close_all()

    async def _export(
        self,
        signal: Signal,
        _: object,
        context: "grpc.aio.ServicerContext[bytes, bytes]",
    ) -> bytes:
        headers = {
            key: value
            for key, value in context.invocation_metadata() or ()
            if isinstance(value, str)
        }
        begun = time.monotonic()
        try:
            with self._ingest.admit() as reservation:
                # Not in a variable, so that it is freed as soon as it is decoded.
                consumed = await self._ingest.consume(
                    await self._read(context, reservation),
                    headers,
                    context.time_remaining(),
                    waited=time.monotonic() - begun,
                    signal=signal,
                )
        except RefusedError as error:
            drop_traceback(error)
            return _refuse(context, error.refusal)
        except asyncio.CancelledError as error:
            drop_traceback(error)
            raise
        return response_to(consumed).SerializeToString()

    async def _read(self, context: Any, reservation: Reservation) -> bytes:
        """Read the message of a call, and reserve its bytes.

        Raises:
            RefusedError: when it does not arrive whole.
            BudgetSpentError: when too many arrive at once, or the budget is spent.
        """
        request = await self._slots.read(context, _MAX_ARRIVAL_SECONDS)
        reservation.grow_to(len(request))
        return request


def _options(settings: CollectorSettings) -> list[tuple[str, int]]:
    # Behind the relay a connection that it has just closed may still count here.
    is_relayed = not settings.grpc.host.startswith("unix:")
    max_connections = settings.max_connections * (2 if is_relayed else 1)
    return [
        ("grpc.max_receive_message_length", settings.max_request_bytes),
        ("grpc.max_allowed_incoming_connections", max_connections),
        # From the first byte to the end of the TLS handshake and HTTP/2's settings.
        ("grpc.server_handshake_timeout_ms", 10_000),
        # A second collector on the port must fail, and not take a part of the traffic.
        ("grpc.so_reuseport", 0),
        # OpenTelemetry Collectors ping every 10 s, also between requests; some early.
        ("grpc.http2.min_ping_interval_without_data_ms", 5_000),
        ("grpc.keepalive_permit_without_calls", 1),
        # Connections of senders that are gone or silent are closed.
        ("grpc.keepalive_time_ms", 60_000),
        ("grpc.keepalive_timeout_ms", 20_000),
        ("grpc.max_connection_idle_ms", 600_000),
        # Client certificates are checked again, and senders are spread anew over
        # several collectors. Calls that were begun are finished.
        ("grpc.max_connection_age_ms", int(_MAX_CONNECTION_SECONDS * 1000)),
        ("grpc.max_connection_age_grace_ms", int(_MAX_CONNECTION_GRACE_SECONDS * 1000)),
        ("grpc.max_concurrent_streams", 1000),
        ("grpc.max_metadata_size", 16 << 10),
        # `MessageSlots` refuses what waits too long, with RetryInfo; gRPC sends none.
        ("grpc.server.max_pending_requests", 100_000),
        ("grpc.server.max_pending_requests_hard_limit", 200_000),
        # No more than this arrives before it is asked for, at any bandwidth.
        ("grpc.http2.lookahead_bytes", _MAX_LOOKAHEAD_BYTES),
        ("grpc.http2.bdp_probe", 0),
    ]


def _refuse(context: Any, refusal: Refusal) -> bytes:
    """Put a refusal into the trailers; return the body, which no sender reads.

    `abort` would raise, and the exception would keep the request in memory until the
    cyclic garbage collector runs.
    """
    context.set_details(refusal.value)
    if not refusal.is_transient:
        # gRPC's own code for too many bytes, for which senders split their batch.
        codes = grpc.StatusCode
        of_size, other = codes.RESOURCE_EXHAUSTED, codes.INVALID_ARGUMENT
        context.set_code(of_size if refusal.is_of_size else other)
        return b""
    context.set_code(grpc.StatusCode.UNAVAILABLE)
    nanos = int(random.uniform(*RETRY_SECONDS) * 1e9)  # noqa: S311 - jitter
    retry = RetryInfo(retry_delay=Duration(seconds=nanos // 10**9, nanos=nanos % 10**9))
    detail = AnyMessage()
    detail.Pack(retry)
    status = Status(
        code=grpc.StatusCode.UNAVAILABLE.value[0],
        message=refusal.value,
        details=[detail],
    )
    context.set_trailing_metadata(
        (
            ("grpc-status-details-bin", status.SerializeToString()),
            ("google.rpc.retryinfo-bin", retry.SerializeToString()),
        )
    )
    return b""


class _TokenCheck(grpc.aio.ServerInterceptor):  # type: ignore[misc] # untyped upstream
    """Denies every call without a valid token, except health checks."""

    def __init__(self, ingest: Ingest, tokens: Tokens) -> None:
        self._ingest = ingest
        self._tokens = tokens
        # A stream of requests: gRPC would read a single one before the call is denied.
        self._denied = grpc.stream_unary_rpc_method_handler(_deny)

    async def intercept_service(
        self, continuation: Callable[[Any], Awaitable[Any]], details: Any
    ) -> Any:
        if details.method not in OPEN_METHODS:
            metadata = details.invocation_metadata
            shown = [value for key, value in metadata if key == "authorization"]
            if not self._tokens.allow(shown):
                self._ingest.deny(has_token=bool(shown))
                return self._denied
        return await continuation(details)


async def _deny(_: object, context: Any) -> bytes:
    context.set_code(grpc.StatusCode.UNAUTHENTICATED)
    context.set_details("Send the collector's token as `authorization: Bearer …`.")
    return b""
