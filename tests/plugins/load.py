"""OTLP clients that keep book of which exports were answered OK."""

import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import grpc
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, ScopeSpans, Span

__all__ = ["Batch", "Load"]

EXPORT = "/opentelemetry.proto.collector.trace.v1.TraceService/Export"
CLIENTS = 4
SPANS_IN_A_TRACE = 25
EXPORT_SECONDS = 5
WAIT_SECONDS = 30
NOW_NS = 1_790_000_000_000_000_000


@dataclass(frozen=True)
class Batch:
    """One trace, sent in one export: a root and its children."""

    trace_id: bytes
    span_ids: tuple[bytes, ...]

    @classmethod
    def new(cls) -> "Batch":
        """Make a batch that no other batch shares an id with."""
        ids = tuple(os.urandom(8) for _ in range(SPANS_IN_A_TRACE))
        return cls(os.urandom(16), ids)

    def request(self) -> ExportTraceServiceRequest:
        """Write the export request, the same bytes whenever it is asked for."""
        root = self.span_ids[0]
        spans = [
            Span(
                trace_id=self.trace_id,
                span_id=span_id,
                parent_span_id=b"" if span_id == root else root,
                name="root" if span_id == root else "child",
                start_time_unix_nano=NOW_NS,
                end_time_unix_nano=NOW_NS + 1_000_000,
            )
            for span_id in self.span_ids
        ]
        return ExportTraceServiceRequest(
            resource_spans=[ResourceSpans(scope_spans=[ScopeSpans(spans=spans)])]
        )


@dataclass
class Load:
    """Several clients that export as fast as they are answered."""

    target: str
    answered: list[Batch] = field(default_factory=list)
    unanswered: list[Batch] = field(default_factory=list)

    @contextmanager
    def running(self) -> Iterator[None]:
        """Keep the clients exporting while the block runs."""
        stop = threading.Event()
        clients = [
            threading.Thread(target=self._export_until, args=(stop,))
            for _ in range(CLIENTS)
        ]
        for client in clients:
            client.start()
        try:
            yield
        finally:
            stop.set()
            for client in clients:
                client.join()

    def wait_for_answers(self, count: int) -> None:
        """Wait until that many more exports were answered OK."""
        goal = len(self.answered) + count
        deadline = time.monotonic() + WAIT_SECONDS
        while len(self.answered) < goal:
            if time.monotonic() > deadline:
                raise TimeoutError(f"{len(self.answered)} of {goal} exports answered")
            time.sleep(0.01)

    def send_unanswered_again(self) -> None:
        """Send again what was not answered, as a client that retries would."""
        with self._exporter() as export:
            while self.unanswered:
                export(self.unanswered[-1])
                self.answered.append(self.unanswered.pop())

    def _export_until(self, stop: threading.Event) -> None:
        with self._exporter() as export:
            while not stop.is_set():
                batch = Batch.new()
                try:
                    export(batch)
                except grpc.RpcError:
                    self.unanswered.append(batch)
                    stop.wait(0.02)
                else:
                    self.answered.append(batch)

    @contextmanager
    def _exporter(self) -> Iterator[Callable[[Batch], None]]:
        """Yield a function that exports a batch; it raises unless the answer is OK."""
        with grpc.insecure_channel(self.target) as channel:
            call = channel.unary_unary(
                EXPORT,
                request_serializer=ExportTraceServiceRequest.SerializeToString,
                response_deserializer=ExportTraceServiceResponse.FromString,
            )

            def export(batch: Batch) -> None:
                answer = call(batch.request(), timeout=EXPORT_SECONDS)
                assert not answer.HasField("partial_success"), answer

            yield export
