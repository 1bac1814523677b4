"""A real OTLP/HTTP receiver on loopback that keeps what it is sent."""

import gzip
import ssl
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar, NamedTuple

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
)

PROTOBUF = "application/x-protobuf"


class HttpAnswer(NamedTuple):
    """An answer of the receiver."""

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = {"content-type": PROTOBUF}


class HttpSink:
    """Takes exports; `answers` are used up one a request, then everything is taken."""

    def __init__(self, server: ThreadingHTTPServer, scheme: str) -> None:
        self.port = server.server_address[1]
        self.endpoint = f"{scheme}://localhost:{self.port}"
        self.answers: list[HttpAnswer] = []
        self.targets: list[str] = []
        self.headers: list[dict[str, str]] = []
        self.connections = 0
        self.names: list[str] = []

    def take(self, target: str, headers: dict[str, str], body: bytes) -> HttpAnswer:
        """Answer one request, and keep the names of its spans if it is accepted."""
        self.targets.append(target)
        self.headers.append(headers)
        answer = self.answers.pop(0) if self.answers else HttpAnswer()
        if answer.status == 200:
            encoded = headers.get("content-encoding") == "gzip"
            plain = gzip.decompress(body) if encoded else body
            request = ExportTraceServiceRequest.FromString(plain)
            self.names += [
                span.name
                for resource in request.resource_spans
                for scope in resource.scope_spans
                for span in scope.spans
            ]
        return answer


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    sink: ClassVar[Any] = None

    def setup(self) -> None:
        super().setup()
        self.sink.connections += 1

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        given = {name.lower(): value for name, value in self.headers.items()}
        status, content, headers = self.sink.take(self.path, given, body)
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Print nothing."""


@contextmanager
def serving(context: ssl.SSLContext | None = None) -> Iterator[HttpSink]:
    """Serve for the length of a block, over TLS when a context is given."""

    class Handler(_Handler):
        """The handler of this server alone."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    if context is not None:
        server.socket = context.wrap_socket(server.socket, server_side=True)
    sink = HttpSink(server, "http" if context is None else "https")
    Handler.sink = sink
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield sink
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
