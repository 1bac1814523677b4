"""A web server on loopback whose pages have a script, for a browser."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

__all__ = ["serving"]


@contextmanager
def serving(script: Path) -> Iterator[int]:
    """Serve a page that loads a script, under every host name; yield the port."""
    handler = type("_Page", (_Handler,), {"script": script.read_bytes()})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()
            thread.join()


class _Handler(BaseHTTPRequestHandler):
    script: ClassVar[bytes] = b""

    def do_GET(self) -> None:
        is_script = self.path == "/script.js"
        body = self.script if is_script else b"<script src=/script.js></script>"
        kind = "text/javascript" if is_script else "text/html"
        self.send_response(200)
        self.send_header("content-type", f"{kind}; charset=utf-8")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - its name
        """Print nothing."""
