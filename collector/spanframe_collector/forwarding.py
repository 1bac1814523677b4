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

from spanframe_collector.telemetry import Telemetry

__all__ = ["Forwarder"]

_log: Final = logging.getLogger(__name__)

_EXPORT: Final = "/opentelemetry.proto.collector.trace.v1.TraceService/Export"
_ATTEMPT_SECONDS: Final = 10.0
_PAUSES_SECONDS: Final = (1.0, 2.0, 4.0, 8.0, 16.0, 30.0)
_UNLIMITED: Final = [("grpc.max_send_message_length", -1)]

# OTLP 1.11, "Failures": everything else means that sending again is useless.
_RETRYABLE: Final = frozenset(
    {
        grpc.StatusCode.CANCELLED,
        grpc.StatusCode.DEADLINE_EXCEEDED,
        grpc.StatusCode.RESOURCE_EXHAUSTED,
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
            self._telemetry.forwarded("queue_full")
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
                outcome = await self._pass_on(self._queue[0])
                self._telemetry.forwarded(outcome)
                self._queued -= len(self._queue.popleft())
            self._arrived.clear()
            self._empty.set()

    async def _pass_on(self, request: bytes) -> str:
        """Send until it is taken or refused for good; return the outcome to count."""
        attempt = 0
        while True:
            try:
                await self._send(
                    request, timeout=_ATTEMPT_SECONDS, metadata=self._metadata
                )
            except grpc.aio.AioRpcError as error:
                if error.code() not in _RETRYABLE:
                    _log.warning(
                        "Forwarding: the endpoint refuses a request for good: %s",
                        error.code().name,
                    )
                    return "refused"
                if attempt == 0:
                    _log.warning(
                        "Forwarding waits: the endpoint does not take requests now: %s",
                        error.code().name,
                    )
            else:
                return "sent"
            pause = _PAUSES_SECONDS[min(attempt, len(_PAUSES_SECONDS) - 1)]
            await asyncio.sleep(pause * random.uniform(0.8, 1.2))  # noqa: S311 - jitter
            attempt += 1


def _channel(endpoint: str) -> grpc.aio.Channel:
    if endpoint.startswith("unix:"):
        return grpc.aio.insecure_channel(endpoint, options=_UNLIMITED)
    parts = urlsplit(endpoint)
    target = parts.netloc.rpartition("@")[2]
    if parts.scheme == "https":
        credentials = grpc.ssl_channel_credentials()
        return grpc.aio.secure_channel(target, credentials, options=_UNLIMITED)
    return grpc.aio.insecure_channel(target, options=_UNLIMITED)
