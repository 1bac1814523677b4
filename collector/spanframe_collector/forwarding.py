"""Forwards accepted requests to another OTLP endpoint; it never delays a response.

The queue is bounded: requests that do not fit into it are counted and not forwarded.
They are in the store all the same.
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

from spanframe._otlp_client import (
    CHANNEL_OPTIONS,
    EXPORT_METHOD,
    WITHOUT_PROXY,
    bearer,
    error_text,
    is_retryable,
    rejection,
    requested_delay_s,
    target_of,
)
from spanframe._urls import is_loopback
from spanframe.settings import redact_url
from spanframe_collector.telemetry import Telemetry
from spanframe_store.otlp.envelope import walk

__all__ = ["Forwarder"]

_log: Final = logging.getLogger(__name__)

MAX_ATTEMPT_S: Final = 10.0
"""Maximum time of one attempt to forward a request, in seconds."""

_PAUSES_S: Final = (1.0, 2.0, 4.0, 8.0, 16.0, 30.0)
"""Pauses between attempts, in seconds; the last one repeats."""


class Forwarder:
    """Sends to one OTLP/gRPC endpoint, in order, one request at a time.

    Args:
        endpoint: ``http://HOST:PORT``, ``https://…`` or ``unix:PATH``.
        token: bearer token for the endpoint, empty for none.
        queue_bytes: maximum size of the queued requests, in bytes.
        telemetry: counts what is forwarded and what is not.
    """

    def __init__(
        self, endpoint: str, token: str, queue_bytes: int, telemetry: Telemetry
    ) -> None:
        self._endpoint = redact_url(endpoint)
        self._metadata = tuple(bearer(token).items())
        self._channel = _channel(endpoint)
        self._send = self._channel.unary_unary(EXPORT_METHOD)
        self._queue: deque[bytes] = deque()
        self._queue_bytes = queue_bytes
        self._queued = 0
        self._arrived = asyncio.Event()
        self._empty = asyncio.Event()
        self._empty.set()
        self._telemetry = telemetry
        self._task = asyncio.create_task(self._run())
        telemetry.gauge(
            "otelcol_exporter_queue_size",
            "Size of the queued requests, in bytes.",
            lambda: self._queued,
        )
        telemetry.gauge(
            "otelcol_exporter_queue_capacity",
            "Maximum size of the queued requests, in bytes.",
            lambda: queue_bytes,
        )

    def offer(self, request: bytes) -> None:
        """Queue a request; drop and count it when the queue is full."""
        if self._queued + len(request) > self._queue_bytes:
            self._telemetry.not_queued(_spans_in(request))
            return
        self._queue.append(request)
        self._queued += len(request)
        self._empty.clear()
        self._arrived.set()

    async def close(self, seconds: float) -> None:
        """Send the queued requests, for at most ``seconds``, and close."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._empty.wait(), seconds)
        if self._queue:
            _log.warning(
                "%d requests were not forwarded to %s before the stop; their spans are "
                "in the store of this collector and will not be forwarded",
                len(self._queue),
                self._endpoint,
            )
        self._task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._task
        await self._channel.close()

    async def _run(self) -> None:
        while True:
            await self._arrived.wait()
            while self._queue:
                await self._forward(self._queue[0])
                self._queued -= len(self._queue.popleft())
            self._arrived.clear()
            self._empty.set()

    async def _forward(self, request: bytes) -> None:
        """Send until the endpoint accepts or refuses the request; count the outcome."""
        spans = _spans_in(request)
        attempt = 0
        while True:
            try:
                response = await self._send(
                    request, timeout=MAX_ATTEMPT_S, metadata=self._metadata
                )
            except grpc.aio.AioRpcError as error:
                code = error.code().name
                cause = error_text(code, error.details())
                asked = requested_delay_s(error.trailing_metadata())
                if not is_retryable(code, asked):
                    self._count_refused(cause, spans)
                    return
                if attempt == 0:
                    _log.warning(
                        "Cannot forward to %s: %s; %d requests are queued and will be "
                        "retried, new ones are dropped while the queue is full. Check "
                        "that endpoint",
                        self._endpoint,
                        cause,
                        len(self._queue),
                    )
            else:
                self._count_accepted(response, spans)
                return
            pause = _PAUSES_S[min(attempt, len(_PAUSES_S) - 1)]
            pause = max(pause * random.uniform(0.8, 1.2), asked)  # noqa: S311 - jitter
            await asyncio.sleep(pause)
            attempt += 1

    def _count_refused(self, cause: str, spans: int) -> None:
        _log.warning(
            "The endpoint %s refused a forwarded request: %s; its %d spans are in the "
            "store of this collector and will not be forwarded again",
            self._endpoint,
            cause,
            spans,
        )
        self._telemetry.passed_on("refused", sent=0, failed=spans)

    def _count_accepted(self, response: bytes, spans: int) -> None:
        rejected, message = rejection(response, spans)
        if rejected:
            _log.warning(
                "The endpoint %s rejected %d of %d forwarded spans: %s; they are in "
                "the store of this collector and will not be forwarded again",
                self._endpoint,
                rejected,
                spans,
                error_text("partial success", message),
            )
        self._telemetry.passed_on("sent", sent=spans - rejected, failed=rejected)


def _spans_in(request: bytes) -> int:
    return sum(len(scope.spans) for scope in walk(request))


def _channel(endpoint: str) -> grpc.aio.Channel:
    address, encrypted = target_of(endpoint)
    options: tuple[tuple[str, int], ...] = CHANNEL_OPTIONS
    if is_loopback(urlsplit(endpoint).hostname or ""):
        options += (WITHOUT_PROXY,)
    if not encrypted:
        return grpc.aio.insecure_channel(address, options=options)
    credentials = grpc.ssl_channel_credentials()
    return grpc.aio.secure_channel(address, credentials, options=options)
