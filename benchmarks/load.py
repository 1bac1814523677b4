"""Senders of export requests: sixteen in flight, each waiting for its answer."""

import http.client
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import islice
from typing import Final, NamedTuple

import grpc
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceResponse,
)

from benchmarks import workload
from benchmarks.workload import Request

__all__ = ["Export", "Sent", "over_grpc", "over_http", "portions", "send", "send_paced"]

IN_FLIGHT: Final = 16
EXPORT: Final = "/opentelemetry.proto.collector.trace.v1.TraceService/Export"
BUSY: Final = (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.RESOURCE_EXHAUSTED)
BUSY_HTTP: Final = (429, 502, 503, 504)
GIVE_UP_SECONDS: Final = 120

Export = Callable[[bytes], None]
"""Sends one request and returns when it was accepted."""


class Sent(NamedTuple):
    """What was accepted, and how long that took."""

    spans: int
    bytes: int
    seconds: float

    @property
    def rate(self) -> float:
        return self.spans / self.seconds


@contextmanager
def over_grpc(target: str) -> Iterator[Export]:
    """Yield an exporter; one that is told to wait does so, as the SDKs' do."""
    with grpc.insecure_channel(target) as channel:
        call = channel.unary_unary(
            EXPORT, response_deserializer=ExportTraceServiceResponse.FromString
        )

        def export(body: bytes) -> None:
            deadline = time.monotonic() + GIVE_UP_SECONDS
            while True:
                try:
                    answer = call(body, timeout=GIVE_UP_SECONDS)
                except grpc.RpcError as error:
                    if error.code() not in BUSY or time.monotonic() > deadline:
                        raise
                    time.sleep(0.02)
                else:
                    if answer.partial_success.rejected_spans:
                        raise RuntimeError(f"spans refused: {answer}")
                    return

        yield export


@contextmanager
def over_http(port: int, headers: Mapping[str, str]) -> Iterator[Export]:
    """Yield an exporter to ``/v1/traces``; it waits when told to, as over gRPC.

    Each thread keeps its connection.
    """
    local = threading.local()
    everything = {"Content-Type": "application/x-protobuf", **headers}

    def post(body: bytes) -> tuple[int, bytes]:
        if not hasattr(local, "connection"):
            local.connection = http.client.HTTPConnection(
                "127.0.0.1", port, timeout=GIVE_UP_SECONDS
            )
        try:
            local.connection.request("POST", "/v1/traces", body, everything)
            answer = local.connection.getresponse()
            return answer.status, answer.read()
        except ConnectionError as error:
            # Closed by the server; the next request opens it again.
            local.connection.close()
            return http.HTTPStatus.SERVICE_UNAVAILABLE, str(error).encode()

    def export(body: bytes) -> None:
        deadline = time.monotonic() + GIVE_UP_SECONDS
        status, text = post(body)
        while status in BUSY_HTTP and time.monotonic() < deadline:
            time.sleep(0.02)
            status, text = post(body)
        if status != http.HTTPStatus.OK:
            raise RuntimeError(f"HTTP {status}: {text[:300]!r}")

    yield export


def send(export: Export, requests: Sequence[Request]) -> Sent:
    """Send requests that are made already, so that only the sending is timed."""
    bodies = [request.body for request in requests]
    with ThreadPoolExecutor(IN_FLIGHT) as pool:
        start = time.perf_counter()
        for _ in pool.map(export, bodies):
            pass
        seconds = time.perf_counter() - start
    return Sent(sum(r.spans for r in requests), sum(map(len, bodies)), seconds)


def portions(requests: Iterable[Request], size: int) -> Iterator[list[Request]]:
    """Cut a stream of requests into lists."""
    stream = iter(requests)
    while portion := list(islice(stream, size)):
        yield portion


def send_paced(target: str, first: int, count: int, spans_a_second: float) -> None:
    """Send traces at an even pace; for a process of its own."""
    with over_grpc(target) as export, ThreadPoolExecutor(IN_FLIGHT) as pool:
        due = time.perf_counter()
        for request in workload.requests(first, count):
            due += request.spans / spans_a_second
            time.sleep(max(0.0, due - time.perf_counter()))
            pool.submit(export, request.body)
