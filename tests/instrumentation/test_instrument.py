"""Installed instrumentors of other libraries record with our provider."""

import importlib
import logging
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

import spanframe
from spanframe.testing import capture_spans


class _Answers(BaseHTTPRequestHandler):
    """Answers every request with nothing."""

    def do_GET(self) -> None:
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Print nothing."""


@pytest.fixture
def address() -> Iterator[str]:
    server = HTTPServer(("127.0.0.1", 0), _Answers)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(autouse=True)
def _uninstrumented() -> Iterator[None]:
    yield
    for module, name in (
        ("openinference.instrumentation.openai", "OpenAIInstrumentor"),
        ("opentelemetry.instrumentation.httpx", "HTTPXClientInstrumentor"),
        ("opentelemetry.instrumentation.httpx", "HTTPX2ClientInstrumentor"),
    ):
        instrumentor = getattr(importlib.import_module(module), name)()
        if instrumentor.is_instrumented_by_opentelemetry:
            instrumentor.uninstrument()


def is_on(module: str, name: str) -> bool:
    instrumentor = getattr(importlib.import_module(module), name)()
    return bool(instrumentor.is_instrumented_by_opentelemetry)


def openai_is_on() -> bool:
    return is_on("openinference.instrumentation.openai", "OpenAIInstrumentor")


def httpx_is_on() -> bool:
    return is_on("opentelemetry.instrumentation.httpx", "HTTPXClientInstrumentor")


def test_calls_of_a_library_are_recorded_with_ours(address: str) -> None:
    httpx = importlib.import_module("httpx")
    with capture_spans() as spans:
        found = spanframe.instrument("httpx")
        with spanframe.start_span("ours"):
            httpx.get(address)
    assert found["httpx"].startswith("opentelemetry-instrumentation-httpx 0.")
    assert spans.tree() == "ours\n  GET"


def test_a_library_without_an_instrumentor_is_named_with_what_to_install(
    caplog: pytest.LogCaptureFixture,
) -> None:
    found = spanframe.instrument("no-such-library", "openai")
    assert list(found) == ["openai"]
    assert found["openai"].startswith("openinference-instrumentation-openai ")
    [record] = caplog.records
    assert record.getMessage() == (
        "no-such-library is not recorded: no instrumentor of it is installed that fits "
        "its version. Install one, for example with pip install "
        "openinference-instrumentation-no-such-library."
    )


def test_all_are_all_that_are_installed() -> None:
    assert {"httpx", "openai"} <= spanframe.instrument_all().keys()
    assert spanframe.instrument_all().keys() >= {"httpx", "openai"}  # once more is fine
    assert openai_is_on()
    assert httpx_is_on()


def test_autolog_takes_the_ai_libraries_and_switches_them_off_again() -> None:
    spanframe.autolog()
    assert openai_is_on()
    assert not httpx_is_on()
    spanframe.autolog(disable=True)
    assert not openai_is_on()
    spanframe.autolog(log_traces=False)
    assert not openai_is_on()


def test_autolog_of_a_library_takes_mlflows_arguments(
    caplog: pytest.LogCaptureFixture,
) -> None:
    openai = importlib.import_module("spanframe.openai")
    openai.autolog(exclusive=False, disable_for_unsupported_versions=True)
    assert openai_is_on()
    spanframe.openai.autolog(disable=True)
    assert not openai_is_on()
    openai.autolog(log_traces=False)
    assert not openai_is_on()
    importlib.import_module("spanframe.groq").autolog(silent=True)
    assert not caplog.records
    importlib.import_module("spanframe.groq").autolog()
    assert "pip install openinference-instrumentation-groq" in caplog.text


def test_an_instrumentor_that_cannot_start_leaves_the_app_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    written = tmp_path / "broken_instrumentor-1.0.dist-info"
    written.mkdir()
    (written / "METADATA").write_text("Name: broken-instrumentor\nVersion: 1.0\n")
    (written / "entry_points.txt").write_text(
        "[opentelemetry_instrumentor]\n"
        "llama-index = broken_instrumentor:Broken\n"
        "needy = broken_instrumentor:Needy\n"
        "groq = no_such_module:Missing\n"
    )
    (tmp_path / "broken_instrumentor.py").write_text(
        "class Broken:\n"
        "    is_instrumented_by_opentelemetry = False\n"
        "    def instrument(self, **kwargs):\n"
        "        raise RuntimeError('broken')\n"
        "class DependencyConflictError(Exception): pass\n"
        "class Needy(Broken):\n"
        "    def instrument(self, **kwargs):\n"
        "        assert kwargs['raise_exception_on_conflict']\n"
        "        raise DependencyConflictError('needs another version')\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    caplog.set_level(logging.WARNING)
    found = spanframe.instrument_all()
    assert not {"llama_index", "needy", "groq"} & found.keys()
    [record] = caplog.records
    assert record.getMessage() == (
        "The instrumentor broken_instrumentor:Broken does not start: broken"
    )
    assert spanframe.instrument("llama_index", "groq") == {}


def test_a_program_without_instrumentors_is_told_so() -> None:
    code = """
import importlib.metadata, sys, tomllib
import spanframe
sys.path.clear()  # where installed packages are looked for
spanframe.autolog(silent=True)
spanframe.autolog()
print(spanframe.instrument_all())
"""
    command = [sys.executable, "-c", code]
    ended = subprocess.run(command, capture_output=True, text=True, check=True)
    assert ended.stdout == "{}\n"
    assert ended.stderr.startswith("autolog() records nothing: no instrumentor is inst")
    assert ended.stderr.count("autolog()") == 1
