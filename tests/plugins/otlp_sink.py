"""A real OTLP/gRPC receiver on loopback that keeps what it is sent."""

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, NamedTuple, Self

import grpc
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span

BIND_SECONDS = 10
SERVICE = "opentelemetry.proto.collector.trace.v1.TraceService"
Answer = Callable[
    [ExportTraceServiceRequest, grpc.ServicerContext], ExportTraceServiceResponse
]


class ReceivedEvent(NamedTuple):
    """One event of a span."""

    name: str
    attributes: dict[str, Any]


class ReceivedSpan(NamedTuple):
    """One span as it came over the wire, its attributes as Python values."""

    name: str
    trace_id: str
    span_id: str
    parent_id: str
    attributes: dict[str, Any]
    events: list[ReceivedEvent]
    status: str
    status_message: str
    start: int
    end: int
    resource: dict[str, Any]
    scope: str
    links: list[str]


class OtlpSink:
    """Takes exports; `answers` are used up one a request, then everything is taken."""

    def __init__(self) -> None:
        self.requests: list[ExportTraceServiceRequest] = []
        self.metadata: list[dict[str, str]] = []
        self.answers: list[Answer] = []
        self.calls = 0
        self._lock = threading.Lock()
        self._server: grpc.Server | None = None
        self.address = "127.0.0.1:0"
        self.credentials: grpc.ServerCredentials | None = None

    @property
    def endpoint(self) -> str:
        """The URL for ``configure(endpoint=…)``."""
        return f"{'http' if self.credentials is None else 'https'}://{self.address}"

    def start(self) -> None:
        """Serve, on the port of the last time if there was one."""
        handler = grpc.method_handlers_generic_handler(
            SERVICE,
            {
                "Export": grpc.unary_unary_rpc_method_handler(
                    self._export,
                    ExportTraceServiceRequest.FromString,
                    ExportTraceServiceResponse.SerializeToString,
                )
            },
        )
        self._server = grpc.server(
            ThreadPoolExecutor(max_workers=2),
            handlers=(handler,),
            options=(("grpc.so_reuseport", 0),),
        )
        port = self._bind(self._server)
        if not self.address.startswith("unix:"):
            self.address = f"{self.address.partition(':')[0]}:{port}"
        self._server.start()

    def _bind(self, server: grpc.Server) -> int:
        """Bind, as soon as the last server has let go of the port."""
        deadline = time.monotonic() + BIND_SECONDS
        while True:
            try:
                if self.credentials is None:
                    return int(server.add_insecure_port(self.address))
                return int(server.add_secure_port(self.address, self.credentials))
            except RuntimeError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.02)

    def stop(self) -> None:
        """Stop at once; running calls are cut."""
        if self._server is not None:
            self._server.stop(None).wait()
            self._server = None

    @classmethod
    @contextmanager
    def serving(cls) -> Iterator[Self]:
        """Serve for the length of a block."""
        sink = cls()
        sink.start()
        try:
            yield sink
        finally:
            sink.stop()

    @property
    def spans(self) -> list[ReceivedSpan]:
        """Every span taken so far, in order of arrival."""
        return [
            _received(span, _values(resource.resource.attributes), scope.scope.name)
            for request in self.requests
            for resource in request.resource_spans
            for scope in resource.scope_spans
            for span in scope.spans
        ]

    def span(self, name: str) -> ReceivedSpan:
        """Return the one span of that name."""
        (found,) = [span for span in self.spans if span.name == name]
        return found

    def _export(
        self, request: ExportTraceServiceRequest, context: grpc.ServicerContext
    ) -> ExportTraceServiceResponse:
        with self._lock:
            self.calls += 1
            answer = self.answers.pop(0) if self.answers else None
            self.metadata.append(dict(context.invocation_metadata()))
        response = (
            ExportTraceServiceResponse() if answer is None else answer(request, context)
        )
        with self._lock:
            self.requests.append(request)
        return response


def _received(span: Span, resource: dict[str, Any], scope: str) -> ReceivedSpan:
    return ReceivedSpan(
        name=span.name,
        trace_id=span.trace_id.hex(),
        span_id=span.span_id.hex(),
        parent_id=span.parent_span_id.hex(),
        attributes=_values(span.attributes),
        events=[ReceivedEvent(e.name, _values(e.attributes)) for e in span.events],
        status=["UNSET", "OK", "ERROR"][span.status.code],
        status_message=span.status.message,
        start=span.start_time_unix_nano,
        end=span.end_time_unix_nano,
        resource=resource,
        scope=scope,
        links=[link.span_id.hex() for link in span.links],
    )


def _values(pairs: Any) -> dict[str, Any]:
    return {pair.key: _value(pair.value) for pair in _pairs(pairs)}


def _pairs(pairs: Any) -> list[KeyValue]:
    return list(pairs)


def _value(value: AnyValue) -> Any:
    kind = value.WhichOneof("value")
    if kind is None:
        return None
    if kind == "array_value":
        return [_value(item) for item in value.array_value.values]
    return getattr(value, kind)
