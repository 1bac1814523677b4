"""Real instrumentors from PyPI, attached to our provider, on servers of the test."""

import importlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

import spanframe
from tests.plugins.otlp_sink import OtlpSink

COMPLETION = {
    "id": "c-1",
    "object": "chat.completion",
    "created": 1_700_000_000,
    "model": "small",
    "choices": [
        {
            "index": 0,
            "finish_reason": "stop",
            "message": {"role": "assistant", "content": "The blue one."},
        }
    ],
    "usage": {"prompt_tokens": 7, "completion_tokens": 3, "total_tokens": 10},
}


class _Completions(BaseHTTPRequestHandler):
    """Answers every request with the completion, and keeps its headers."""

    received: list[dict[str, str]]

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self._answer()

    def do_GET(self) -> None:
        self._answer()

    def _answer(self) -> None:
        self.received.append({k.lower(): v for k, v in self.headers.items()})
        body = json.dumps(COMPLETION).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Print nothing."""


@pytest.fixture
def model() -> Iterator[tuple[str, list[dict[str, str]]]]:
    """A model's HTTP endpoint, and the headers of the requests it got."""
    received: list[dict[str, str]] = []
    handler = type("Completions", (_Completions,), {"received": received})
    server = HTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/v1", received
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextmanager
def instrumented(instrumentor: Any) -> Iterator[None]:
    """Attach an instrumentor to our provider for the length of a block."""
    instrumentor.instrument(tracer_provider=spanframe.tracing.get_tracer_provider())
    try:
        yield
    finally:
        instrumentor.uninstrument()


@pytest.mark.filterwarnings("default::DeprecationWarning")
def test_openinference_spans_of_the_openai_client_are_children_of_ours(
    sink: OtlpSink, model: tuple[str, list[dict[str, str]]]
) -> None:
    openai = importlib.import_module("openai")
    openinference = importlib.import_module("openinference.instrumentation.openai")

    @spanframe.trace(span_type="AGENT")
    def answer(question: str) -> str:
        with openai.OpenAI(base_url=model[0], api_key="none", max_retries=0) as client:
            reply = client.chat.completions.create(
                model="small", messages=[{"role": "user", "content": question}]
            )
        return str(reply.choices[0].message.content)

    with instrumented(openinference.OpenAIInstrumentor()):
        assert answer("Which tent?") == "The blue one."
    assert spanframe.flush()
    root = sink.span("answer")
    (call,) = [s for s in sink.spans if s.name != "answer"]
    assert (call.parent_id, call.trace_id) == (root.span_id, root.trace_id)
    assert call.attributes["openinference.span.kind"] == "LLM"
    assert call.attributes["llm.token_count.total"] == 10
    assert "Which tent?" in call.attributes["input.value"]


def test_contrib_spans_of_an_http_client_are_children_of_ours_and_carry_the_trace(
    sink: OtlpSink, model: tuple[str, list[dict[str, str]]]
) -> None:
    contrib = importlib.import_module("opentelemetry.instrumentation.httpx")
    httpx = importlib.import_module("httpx")
    url, received = model

    @spanframe.trace
    def fetch() -> Any:
        return httpx.get(url).json()["model"]

    with instrumented(contrib.HTTPXClientInstrumentor()):
        assert fetch() == "small"
    assert spanframe.flush()
    root, call = sink.span("fetch"), sink.span("GET")
    assert call.parent_id == root.span_id
    assert received[0]["traceparent"].startswith(f"00-{root.trace_id}-{call.span_id}-")
