"""Export requests that cost little to make, and a record of their answers."""

import os
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

import grpc
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from sqlalchemy import distinct, func, select

from spanframe_store.sql.backend import open_engine
from spanframe_store.sql.schema import spans, traces

__all__ = [
    "EXPORT",
    "SPANS_IN_A_REQUEST",
    "Answer",
    "Book",
    "Request",
    "Sender",
    "lost_and_doubled",
]

SPANS_IN_A_TRACE: Final = 25
TRACES_IN_A_REQUEST: Final = 10
SPANS_IN_A_REQUEST: Final = SPANS_IN_A_TRACE * TRACES_IN_A_REQUEST
IN_FLIGHT: Final = 16
EXPORT: Final = "/opentelemetry.proto.collector.trace.v1.TraceService/Export"
_START_NS: Final = 1_790_000_000_000_000_000


def _template() -> tuple[bytes, list[bytes]]:
    """Return the bytes of a request and the trace ids to be replaced in them."""
    message = ExportTraceServiceRequest()
    resource_spans = message.resource_spans.add()
    service = resource_spans.resource.attributes.add(key="service.name")
    service.value.string_value = "benchmark"
    scope_spans = resource_spans.scope_spans.add()
    trace_ids = [os.urandom(16) for _ in range(TRACES_IN_A_REQUEST)]
    for trace_id in trace_ids:
        for number in range(1, SPANS_IN_A_TRACE + 1):
            span = scope_spans.spans.add(
                trace_id=trace_id,
                span_id=number.to_bytes(8, "big"),
                parent_span_id=b"" if number == 1 else (1).to_bytes(8, "big"),
                name="answer" if number == 1 else f"step {number}",
                start_time_unix_nano=_START_NS + number * 1_000_000,
                end_time_unix_nano=_START_NS + 100_000_000 + number,
            )
            for key, text in (
                ("mlflow.spanType", "LLM"),
                ("mlflow.spanInputs", '{"question": "' + "light tent? " * 12 + '"}'),
                ("mlflow.spanOutputs", '{"answer": "' + "have a look " * 12 + '"}'),
            ):
                span.attributes.add(key=key).value.string_value = text
    return message.SerializeToString(), trace_ids


_BODY, _TRACE_IDS = _template()


@dataclass(frozen=True)
class Request:
    """One export of traces that no other request has a part of."""

    trace_ids: tuple[bytes, ...]

    @classmethod
    def new(cls) -> "Request":
        return cls(tuple(os.urandom(16) for _ in _TRACE_IDS))

    def body(self) -> bytes:
        """Write the message, the same bytes whenever it is asked for."""
        body = _BODY
        for old, new in zip(_TRACE_IDS, self.trace_ids, strict=True):
            body = body.replace(old, new)
        return body


class Answer(NamedTuple):
    """One answer; its times are those of `time.monotonic`."""

    request: Request
    sent: float
    answered: float
    code: str

    @property
    def is_ok(self) -> bool:
        return self.code == "OK"


@dataclass
class Book:
    """Every answer, in the order in which they came."""

    answers: list[Answer] = field(default_factory=list)
    rejected_spans: int = 0

    @property
    def acknowledged(self) -> list[Request]:
        return [each.request for each in self.answers if each.is_ok]

    @property
    def unanswered(self) -> list[Request]:
        """The requests that no answer of OK has come for."""
        open_ = {each.request: None for each in self.answers}
        for request in self.acknowledged:
            open_.pop(request, None)
        return list(open_)


def lost_and_doubled(store: str, book: Book) -> tuple[int, int]:
    """Return how many acknowledged spans a store lacks, and how many it has twice.

    A trace whose row counts other spans than there are counts as lost.
    """
    engine = open_engine(store, read_only=True)
    rows, ids = func.count(), func.count(distinct(spans.c.span_id))
    query = (
        select(traces.c.trace_id, traces.c.span_count, rows, ids)
        .join(spans, spans.c.trace_key == traces.c.trace_key)
        .group_by(traces.c.trace_id, traces.c.span_count)
    )
    with engine.connect() as connection:
        stored = {bytes(found[0]): found[1:] for found in connection.execute(query)}
    engine.dispose()
    acknowledged = {t for each in book.acknowledged for t in each.trace_ids}
    nothing = (0, 0, 0)
    lost = sum(
        SPANS_IN_A_TRACE - min(stored.get(trace, nothing)) for trace in acknowledged
    )
    return lost, sum(rows - distinct_ for _, rows, distinct_ in stored.values())


class Sender:
    """Keeps up to sixteen requests in flight on one connection."""

    def __init__(
        self, target: str, book: Book, options: Sequence[tuple[str, Any]] = ()
    ) -> None:
        self._channel = grpc.insecure_channel(target, options)
        self._export = self._channel.unary_unary(
            EXPORT, response_deserializer=ExportTraceServiceResponse.FromString
        )
        self._room = threading.Semaphore(IN_FLIGHT)
        self._book = book

    def send(self, request: Request, extra: bytes = b"") -> None:
        """Send when there is room; ``extra`` is a request to be sent along with it."""
        self._room.acquire()
        # Two requests one after the other are one request: protobuf merges them.
        future = self._export.future(request.body() + extra, timeout=20)
        sent = time.monotonic()
        future.add_done_callback(lambda done: self._note(request, sent, done))

    def _note(self, request: Request, sent: float, done: grpc.Future) -> None:
        try:
            code = done.code()
            if code is grpc.StatusCode.OK:
                rejected = done.result().partial_success.rejected_spans
                self._book.rejected_spans += rejected
            answer = Answer(request, sent, time.monotonic(), code.name)
            self._book.answers.append(answer)
        finally:
            self._room.release()

    def close(self) -> None:
        """Wait for every answer."""
        for _ in range(IN_FLIGHT):
            self._room.acquire()
        self._channel.close()
