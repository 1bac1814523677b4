"""Passes accepted requests on to another OTLP endpoint, never in the way of an answer.

Its own bounded queue: when the other side is away for too long the newest requests are
not passed on, and that is counted. They are in the store all the same.
"""

import asyncio
import contextlib
import logging
import random
from collections import deque
from typing import Final
from urllib.parse import urlsplit

import grpc
import grpc.aio
from google.protobuf.message import DecodeError
from google.rpc.error_details_pb2 import RetryInfo
from google.rpc.status_pb2 import Status
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceResponse,
)

from spanframe_collector.telemetry import Telemetry
from spanframe_store.otlp.envelope import walk

__all__ = ["Forwarder"]

_log: Final = logging.getLogger(__name__)

_DEFAULT_PORT: Final = 4317
_EXPORT: Final = "/opentelemetry.proto.collector.trace.v1.TraceService/Export"
_ATTEMPT_SECONDS: Final = 10.0
_PAUSES_SECONDS: Final = (1.0, 2.0, 4.0, 8.0, 16.0, 30.0)
_UNLIMITED: Final = [("grpc.max_send_message_length", -1)]

# OTLP 1.11, "Failures": everything else means that sending again is useless.
# RESOURCE_EXHAUSTED belongs to them only when the endpoint says when.
_RETRYABLE: Final = frozenset(
    {
        grpc.StatusCode.CANCELLED,
        grpc.StatusCode.DEADLINE_EXCEEDED,
        grpc.StatusCode.ABORTED,
        grpc.StatusCode.OUT_OF_RANGE,
        grpc.StatusCode.UNAVAILABLE,
        grpc.StatusCode.DATA_LOSS,
    }
)


class Forwarder:
    """Sends to one OTLP/gRPC endpoint, in order, one request at a time."""

    def __init__(
        self, endpoint: str, token: str, queue_bytes: int, telemetry: Telemetry
    ) -> None:
        self._metadata = (("authorization", f"Bearer {token}"),) if token else ()
        self._channel = _channel(endpoint)
        self._send = self._channel.unary_unary(_EXPORT)
        self._queue: deque[bytes] = deque()
        self._queue_bytes = queue_bytes
        self._queued = 0
        self._arrived = asyncio.Event()
        self._empty = asyncio.Event()
        self._empty.set()
        self._telemetry = telemetry
        self._task = asyncio.create_task(self._run())
        telemetry.gauge(
            "otelcol_exporter_queue_size", "Bytes waiting.", lambda: self._queued
        )
        telemetry.gauge(
            "otelcol_exporter_queue_capacity", "Bytes at most.", lambda: queue_bytes
        )

    def offer(self, request: bytes) -> None:
        """Take a request to be passed on; leave it out when the queue is full."""
        if self._queued + len(request) > self._queue_bytes:
            self._telemetry.not_queued(_spans_in(request))
            return
        self._queue.append(request)
        self._queued += len(request)
        self._empty.clear()
        self._arrived.set()

    async def close(self, seconds: float) -> None:
        """Pass on what waits, for at most ``seconds``, then let go."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._empty.wait(), seconds)
        if self._queue:
            _log.warning(
                "Forwarding: %d requests were not passed on before the stop",
                len(self._queue),
            )
        self._task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._task
        await self._channel.close()

    async def _run(self) -> None:
        while True:
            await self._arrived.wait()
            while self._queue:
                await self._pass_on(self._queue[0])
                self._queued -= len(self._queue.popleft())
            self._arrived.clear()
            self._empty.set()

    async def _pass_on(self, request: bytes) -> None:
        """Send until it is taken or refused for good; count what became of it."""
        spans = _spans_in(request)
        attempt = 0
        while True:
            try:
                answer = await self._send(
                    request, timeout=_ATTEMPT_SECONDS, metadata=self._metadata
                )
            except grpc.aio.AioRpcError as error:
                code, asked = error.code(), _pause_asked_for(error)
                throttled = code == grpc.StatusCode.RESOURCE_EXHAUSTED and asked
                if code not in _RETRYABLE and not throttled:
                    _log.warning(
                        "Forwarding: the endpoint refuses a request for good: %s",
                        code.name,
                    )
                    self._telemetry.passed_on("refused", sent=0, failed=spans)
                    return
                if attempt == 0:
                    _log.warning(
                        "Forwarding waits: the endpoint does not take requests now: %s",
                        code.name,
                    )
            else:
                left_out = min(spans, _left_out(answer))
                if left_out:
                    _log.warning("Forwarding: the endpoint left out %d spans", left_out)
                self._telemetry.passed_on(
                    "sent", sent=spans - left_out, failed=left_out
                )
                return
            pause = _PAUSES_SECONDS[min(attempt, len(_PAUSES_SECONDS) - 1)]
            pause = max(pause * random.uniform(0.8, 1.2), asked)  # noqa: S311 - jitter
            await asyncio.sleep(pause)
            attempt += 1


def _spans_in(request: bytes) -> int:
    return sum(len(scope.spans) for scope in walk(request))


def _left_out(answer: bytes) -> int:
    """Return how many spans of a request the endpoint says it cannot store."""
    try:
        told = ExportTraceServiceResponse.FromString(answer).partial_success
    except DecodeError:
        return 0
    return max(0, int(told.rejected_spans))


def _pause_asked_for(error: grpc.aio.AioRpcError) -> float:
    """Return the seconds an endpoint asks to wait, in either trailer; 0: none."""
    trailers = dict(error.trailing_metadata() or ())
    info = RetryInfo()
    try:
        if bare := trailers.get("google.rpc.retryinfo-bin"):
            info.ParseFromString(bare)
        elif details := trailers.get("grpc-status-details-bin"):
            for detail in Status.FromString(details).details:
                detail.Unpack(info)
    except DecodeError:
        return 0.0
    asked: float = info.retry_delay.ToMilliseconds() / 1000
    return min(max(0.0, asked), _PAUSES_SECONDS[-1])


def _channel(endpoint: str) -> grpc.aio.Channel:
    if endpoint.startswith("unix:"):
        return grpc.aio.insecure_channel(endpoint, options=_UNLIMITED)
    parts = urlsplit(endpoint)
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    target = f"{host}:{parts.port or _DEFAULT_PORT}"
    if parts.scheme == "https":
        credentials = grpc.ssl_channel_credentials()
        return grpc.aio.secure_channel(target, credentials, options=_UNLIMITED)
    return grpc.aio.insecure_channel(target, options=_UNLIMITED)
