"""One server on loopback: the fake model APIs, and a receiver that keeps OTLP."""

import gzip
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final, NamedTuple

from tests.ecosystem.vendors import Answer, answer

__all__ = ["Endpoint", "Sent"]

_SIGNALS: Final = ("/v1/traces", "/v1/logs", "/v1/metrics")
_SENT_HEADERS: Final = ("x-mlflow-",)
"""Beginnings of the headers of an export that say something of its traces."""


class Sent(NamedTuple):
    """One export as it came, inflated: the signal, its media type, headers, body."""

    signal: str
    media_type: str
    headers: dict[str, str]
    body: bytes


class Endpoint(ThreadingHTTPServer):
    """Answers model calls, keeps exports in the order in which they came."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.sent: list[Sent] = []
        self.unknown: set[str] = set()

    @property
    def url(self) -> str:
        """The URL without a path."""
        return f"http://127.0.0.1:{self.server_port}"

    @classmethod
    @contextmanager
    def serving(cls) -> Iterator["Endpoint"]:
        """Serve for the length of a block."""
        with cls() as endpoint:
            thread = threading.Thread(target=endpoint.serve_forever, daemon=True)
            thread.start()
            try:
                yield endpoint
            finally:
                endpoint.shutdown()
                thread.join()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Endpoint

    def do_GET(self) -> None:
        self.server.unknown.add(f"GET {self.path}")
        self._answer(Answer(200, "application/json", b"{}"))

    def do_POST(self) -> None:
        body = self._body()
        signal = next((s for s in _SIGNALS if self.path.endswith(s)), None)
        if signal is not None:
            self._answer(self._keep(signal, body))
            return
        found = answer(self.path, _json(body))
        if found is None:
            self.server.unknown.add(f"POST {self.path}")
            found = Answer(200, "application/json", b"{}")
        self._answer(found)

    def _keep(self, signal: str, body: bytes) -> Answer:
        media_type = self.headers.get_content_type()
        headers = {
            name.lower(): value
            for name, value in self.headers.items()
            if name.lower().startswith(_SENT_HEADERS)
        }
        name = signal.rpartition("/")[2]
        self.server.sent.append(Sent(name, media_type, headers, body))
        empty = b"{}" if media_type == "application/json" else b""
        return Answer(200, media_type, empty)

    def _body(self) -> bytes:
        if "chunked" in self.headers.get("transfer-encoding", ""):
            body = b"".join(self._chunks())
        else:
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
        packed = self.headers.get("content-encoding") == "gzip"
        return gzip.decompress(body) if packed else body

    def _chunks(self) -> Iterator[bytes]:
        while size := int(self.rfile.readline().partition(b";")[0], 16):
            yield self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()

    def _answer(self, given: Answer) -> None:
        # Without the date, which clients record.
        self.send_response_only(given.status)
        self.send_header("content-type", given.media_type)
        self.send_header("content-length", str(len(given.body)))
        self.end_headers()
        self.wfile.write(given.body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Say nothing: what was asked is in `unknown` and `sent`."""


def _json(body: bytes) -> dict[str, Any]:
    try:
        value = json.loads(body)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}
