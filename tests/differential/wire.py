"""What MLflow's own SDK sends by OTLP of everything that a program says of a trace.

It is imported by the interpreter that has the real MLflow.
"""

import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Final

__all__ = ["FACTS", "sent"]

FACTS: Final = {
    "inputs and outputs": "SaidInputs",
    "span type": "SAID_TYPE",
    "attributes of a span": "SaidAttribute",
    "events of a span": "SaidEvent",
    "exception of a span": "SaidError",
    "links of a span": "SaidLink",
    "tags": "SaidTag",
    "metadata": "SaidMetadata",
    "user": "SaidUser",
    "session": "SaidSession",
    "client request id": "SaidRequest",
    "previews": "SaidPreview",
    "name of the trace": "SaidName",
    "model": "SaidModel",
}
"""A text for each fact, that is found in the bytes where the fact is sent."""

_PROGRAM: Final = """
import mlflow
from mlflow.entities import Link, SpanEvent

tags = {tags}
with mlflow.start_span("root", span_type="SAID_TYPE") as root:
    root.set_inputs("SaidInputs")
    root.set_attribute("k", "SaidAttribute")
    root.add_event(SpanEvent("SaidEvent"))
    root.add_link(Link("tr-" + "ab" * 16, "cd" * 8, {{"why": "SaidLink"}}))
    mlflow.update_current_trace(
        tags=tags,
        metadata={{"k": "SaidMetadata"}},
        user="SaidUser",
        session_id="SaidSession",
        client_request_id="SaidRequest",
        request_preview="SaidPreview",
        model_id="SaidModel",
    )
    if tags:
        mlflow.update_current_trace(tags={{"mlflow.traceName": "SaidName"}})
    try:
        with mlflow.start_span("child"):
            raise ValueError("SaidError")
    except ValueError:
        pass
mlflow.flush_trace_async_logging()
"""


def sent() -> dict[str, bool]:
    """Return which facts arrive, and whether the root with its tags does."""
    plain, tagged = _bytes_of({}), _bytes_of({"k": "SaidTag"})
    found = {
        fact: text.encode() in plain or text.encode() in tagged
        for fact, text in FACTS.items()
    }
    return found | {
        "the root of a trace without tags": b"SaidAttribute" in plain,
        "the root of a trace with tags": b"SaidAttribute" in tagged,
    }


def _bytes_of(tags: dict[str, str]) -> bytes:
    with _receiver() as (url, bodies), tempfile.TemporaryDirectory() as folder:
        program = Path(folder) / "program.py"
        program.write_text(_PROGRAM.format(tags=tags))
        subprocess.run(
            [sys.executable, str(program)],
            check=True,
            capture_output=True,
            cwd=folder,
            env=os.environ
            | {
                "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": url,
                "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL": "http/protobuf",
            },
        )
        return b"".join(bodies)


@contextmanager
def _receiver() -> Iterator[tuple[str, list[bytes]]]:
    bodies: list[bytes] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            bodies.append(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/v1/traces", bodies
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
