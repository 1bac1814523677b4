"""OTLP over HTTP: what arrives, what is retried, what is lost and said to be."""

import os
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import trustme
from google.rpc.status_pb2 import Status
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTracePartialSuccess,
    ExportTraceServiceResponse,
)

import spanframe
from spanframe._destination import Destination, destination, proxy_of
from spanframe._otlp_client import Refusal
from spanframe._otlp_http import HttpTransport, retry_after_s
from spanframe.settings import ClientSettings
from tests.plugins import http_sink
from tests.plugins.http_sink import PROTOBUF, HttpAnswer, HttpSink
from tests.plugins.otlp_sink import OtlpSink


@pytest.fixture
def web() -> Iterator[HttpSink]:
    """Where the test's spans go, over HTTP."""
    spanframe.tracing.reset()
    with http_sink.serving() as sink:
        spanframe.configure(endpoint=sink.endpoint, protocol="http/protobuf")
        yield sink
        spanframe.tracing.reset()


@spanframe.trace
def work(x: int = 0) -> int:
    return x


BASE = "OTEL_EXPORTER_OTLP_ENDPOINT"
TRACES = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"
OWN = "SPANFRAME_ENDPOINT"
PROTOCOL = "OTEL_EXPORTER_OTLP_PROTOCOL"
HTTP = "http/protobuf"


@pytest.mark.parametrize(
    ("environ", "url"),
    [
        ({}, "grpc http://127.0.0.1:4317"),
        ({PROTOCOL: HTTP}, "http://127.0.0.1:4318/v1/traces"),
        (
            {"OTEL_EXPORTER_OTLP_TRACES_PROTOCOL": HTTP},
            "http://127.0.0.1:4318/v1/traces",
        ),
        ({"SPANFRAME_PROTOCOL": HTTP}, "http://127.0.0.1:4318/v1/traces"),
        ({PROTOCOL: HTTP, BASE: "http://h:4318"}, "http://h:4318/v1/traces"),
        ({PROTOCOL: HTTP, BASE: "https://h/otel/"}, "https://h/otel/v1/traces"),
        ({PROTOCOL: HTTP, BASE: "http://h/v1/traces"}, "http://h/v1/traces"),
        ({PROTOCOL: HTTP, TRACES: "http://h:1/own/way"}, "http://h:1/own/way"),
        ({PROTOCOL: HTTP, TRACES: "http://h:4318"}, "http://h:4318/v1/traces"),
        ({PROTOCOL: HTTP, BASE: "h:4318"}, "http://h:4318/v1/traces"),
        ({PROTOCOL: "grpc", BASE: "http://h:4318"}, "grpc http://h:4318"),
        ({BASE: "http://h:4318"}, "http://h:4318/v1/traces"),
        ({OWN: "http://h:4318"}, "http://h:4318/v1/traces"),
        ({TRACES: "https://h/v1/traces"}, "https://h/v1/traces"),
        ({BASE: "http://h:4317"}, "grpc http://h:4317"),
        ({PROTOCOL: HTTP, OWN: "http://h:4317"}, "grpc http://h:4317"),
        ({PROTOCOL: HTTP, OWN: "http://h:8080"}, "http://h:8080/v1/traces"),
        ({PROTOCOL: HTTP, BASE: "http://h:4317"}, "http://h:4317/v1/traces"),
        ({PROTOCOL: HTTP, OWN: "unix:/run/otlp.sock"}, "grpc unix:/run/otlp.sock"),
    ],
)
def test_protocol_and_url_follow_from_the_variables(
    environ: dict[str, str], url: str
) -> None:
    found = destination(ClientSettings.load(environ=environ))
    assert ("" if found.over_http else "grpc ") + found.url == url


def test_spans_arrive_over_one_connection(web: HttpSink) -> None:
    for n in range(3):
        work(n)
        assert spanframe.flush()
    assert web.names == ["work"] * 3
    assert web.targets == ["/v1/traces"] * 3
    assert web.connections == 1
    assert web.headers[0]["content-type"] == PROTOBUF
    assert web.headers[0]["user-agent"].startswith("spanframe/")
    assert spanframe.stats().exported == 3


def test_token_headers_and_compression_go_with_every_request(web: HttpSink) -> None:
    spanframe.configure(
        token="let me in",  # noqa: S106 - no password
        headers={"X-Team": "a b"},
        compression="gzip",
    )
    work()
    assert spanframe.flush()
    assert web.names == ["work"]
    sent = web.headers[0]
    assert sent["authorization"] == "Bearer let me in"
    assert (sent["x-team"], sent["content-encoding"]) == ("a b", "gzip")


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_a_retryable_status_is_retried_when_the_server_says(
    web: HttpSink, status: int
) -> None:
    wait = {"retry-after": "0.01", "content-type": PROTOBUF}
    web.answers = [HttpAnswer(status, b"", wait)] * 4
    work()
    assert spanframe.flush(timeout=5)
    assert web.names == ["work"]
    assert spanframe.stats().lost == 0


@pytest.mark.parametrize(
    ("value", "delay_s"),
    [
        (None, 0),
        ("1.5", 1.5),
        ("3600", 60),
        ("-1", 0),
        ("soon", 0),
        ("Fri, 01 Jan 2021 00:00:00 GMT", 0),
        ("Fri, 01 Jan 2100 00:00:00 GMT", 60),
    ],
    ids=["none", "seconds", "too long", "negative", "no date", "past", "future"],
)
def test_the_delay_of_a_retry_after_header(value: str | None, delay_s: float) -> None:
    assert retry_after_s(value) == delay_s


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (HttpAnswer(400, Status(message="bad").SerializeToString()), "HTTP 400: bad"),
        (
            HttpAnswer(401, b'{"message": "no"}', {"content-type": "application/json"}),
            "HTTP 401: no",
        ),
        (HttpAnswer(404, b"not here", {"content-type": "text/plain"}), "404: not here"),
        (HttpAnswer(500, b"<p>", {"content-type": "text/html"}), "HTTP 500)"),
        (HttpAnswer(307, b"", {"location": "https://x/"}), "redirected to https://x/"),
        (
            HttpAnswer(200, b"<p>", {"content-type": "text/html"}),
            "HTTP 200: a web page",
        ),
    ],
    ids=["protobuf", "JSON", "text", "HTML", "redirect", "a page"],
)
def test_a_refusal_for_good_is_a_counted_loss(
    web: HttpSink, answer: HttpAnswer, told: str, caplog: pytest.LogCaptureFixture
) -> None:
    web.answers = [answer]
    work()
    assert not spanframe.flush()
    assert len(web.targets) == 1
    assert spanframe.stats().failed == 1
    assert told in caplog.text


def test_a_batch_too_large_for_the_collector_is_sent_in_parts(web: HttpSink) -> None:
    web.answers = [HttpAnswer(413)]
    with spanframe.start_span("root"):
        for n in range(3):
            work(n)
    assert spanframe.flush()
    assert sorted(web.names) == ["root", "work", "work", "work"]
    assert len(web.targets) == 3
    assert spanframe.stats().lost == 0


def test_spans_rejected_one_by_one_are_counted(web: HttpSink) -> None:
    partial = ExportTracePartialSuccess(rejected_spans=1, error_message="empty ids")
    response = ExportTraceServiceResponse(partial_success=partial)
    web.answers = [HttpAnswer(200, response.SerializeToString())]
    with spanframe.start_span("root"):
        work()
    assert not spanframe.flush()
    assert (spanframe.stats().exported, spanframe.stats().rejected) == (1, 1)


def test_a_connection_that_was_closed_meanwhile_is_opened_again(web: HttpSink) -> None:
    web.answers = [HttpAnswer(200, b"", {"connection": "close"})]
    for n in range(2):
        work(n)
        assert spanframe.flush()
    assert (web.names, web.connections) == (["work"] * 2, 2)


def test_a_silent_collector_is_retried_and_the_variable_named(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as environment, socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        port = silent.getsockname()[1]
        environment.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://127.0.0.1:{port}")
        environment.setenv("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf")
        environment.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "20")
        environment.setenv("SPANFRAME_RETRY_FOR", "0.05")
        spanframe.tracing.reset()
        work()
        assert not spanframe.flush()
    assert spanframe.stats().failed == 1
    told = "The endpoint is that of OTEL_EXPORTER_OTLP_ENDPOINT. A response is awaited "
    assert told + "for 0.02 s, as OTEL_EXPORTER_OTLP_TIMEOUT says." in caplog.text


@pytest.mark.parametrize(
    "said", [b"", b"HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\n"]
)
def test_a_response_that_drips_ends_with_the_timeout(said: bytes) -> None:
    """The timeout bounds the export, not each read."""
    spanframe.tracing.reset()
    with socket.create_server(("127.0.0.1", 0)) as dripping:
        ended = threading.Event()

        def drip() -> None:
            connection, _ = dripping.accept()
            with connection, suppress(OSError):
                connection.sendall(said)
                while not ended.wait(0.02):
                    connection.sendall(b"H")

        thread = threading.Thread(target=drip)
        thread.start()
        try:
            port = dripping.getsockname()[1]
            settings = ClientSettings.load({"export_timeout": 0.2})
            url = f"http://127.0.0.1:{port}/v1/traces"
            transport = HttpTransport(Destination(url, True), settings, {}, None)
            begun = time.monotonic()
            refusal = transport.send(b"")
            took = time.monotonic() - begun
        finally:
            ended.set()
            thread.join()
    assert isinstance(refusal, Refusal)
    assert (refusal.is_timeout, refusal.is_retryable) == (True, True)
    assert 0.2 <= took < 10


@pytest.mark.parametrize("mutual", [False, True], ids=["TLS", "mutual TLS"])
def test_an_https_endpoint_is_reached_over_tls(tmp_path: Path, mutual: bool) -> None:
    authority = trustme.CA()
    issued = authority.issue_cert("localhost")
    ca, chain, key = (tmp_path / name for name in ("ca", "chain", "key"))
    authority.cert_pem.write_to_path(ca)
    chain.write_bytes(b"".join(part.bytes() for part in issued.cert_chain_pems))
    issued.private_key_pem.write_to_path(key)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(chain, key)
    if mutual:
        context.load_verify_locations(ca)
        context.verify_mode = ssl.CERT_REQUIRED
    spanframe.tracing.reset()
    with http_sink.serving(context) as sink:
        spanframe.configure(
            endpoint=sink.endpoint,
            protocol="http/protobuf",
            certificate=str(ca),
            client_certificate=str(chain) if mutual else None,
            client_key=str(key) if mutual else None,
        )
        work()
        assert spanframe.flush()
        spanframe.tracing.reset()
    assert sink.names == ["work"]


def test_a_forked_child_has_a_connection_of_its_own(web: HttpSink) -> None:
    work(1)
    assert spanframe.flush()
    pid = os.fork()
    if pid == 0:
        work(2)
        os._exit(0 if spanframe.flush() else 1)
    assert os.waitpid(pid, 0)[1] == 0
    work(3)
    assert spanframe.flush()
    assert (web.names, web.connections) == (["work"] * 3, 2)


PROXIES = ("http_proxy", "https_proxy", "grpc_proxy", "HTTP_PROXY", "all_proxy")


@pytest.mark.parametrize("over_http", [False, True], ids=["gRPC", "HTTP"])
def test_loopback_is_never_reached_through_a_proxy(
    web: HttpSink, sink: OtlpSink, monkeypatch: pytest.MonkeyPatch, over_http: bool
) -> None:
    with monkeypatch.context() as environment:
        for name in PROXIES:
            environment.setenv(name, "http://127.0.0.1:1")
        spanframe.configure(
            endpoint=web.endpoint if over_http else sink.endpoint,
            protocol="http/protobuf" if over_http else "grpc",
        )
        work()
        assert spanframe.flush()
    assert len(web.names) + len(sink.spans) == 1


@pytest.mark.parametrize("over_http", [False, True], ids=["gRPC", "HTTP"])
def test_a_failure_behind_a_proxy_names_its_variable(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, over_http: bool
) -> None:
    spanframe.tracing.reset()
    with monkeypatch.context() as environment:
        environment.setenv("https_proxy", "http://ada:hunter2@127.0.0.1:1")
        spanframe.configure(
            endpoint="https://collector.invalid",
            protocol="http/protobuf" if over_http else "grpc",
            retry_for=0.05,
        )
        work()
        assert not spanframe.flush()
    told = "through http://ada:***@127.0.0.1:1, which https_proxy names"
    assert told in caplog.text
    assert "hunter2" not in caplog.text


def test_requests_go_through_a_proxy(
    web: HttpSink, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as environment:
        proxy = f"ada:s%20t@127.0.0.1:{urlsplit(web.endpoint).port}"
        environment.setenv("http_proxy", proxy)
        spanframe.configure(endpoint="http://collector.invalid:4318")
        work()
        assert spanframe.flush()
    assert web.targets == ["http://collector.invalid:4318/v1/traces"]
    assert web.headers[0]["proxy-authorization"] == "Basic YWRhOnMgdA=="


def test_no_proxy_excepts_a_host_and_another_kind_is_told(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    to = destination(ClientSettings.load({"endpoint": "http://a.b:4318"}, {}))
    with monkeypatch.context() as environment:
        environment.setenv("http_proxy", "proxy:8080")
        assert proxy_of(to) == ("http_proxy", "http://proxy:8080")
        environment.setenv("no_proxy", ".b")
        assert proxy_of(to) is None
        environment.delenv("no_proxy")
        environment.setenv("http_proxy", "socks5://proxy:1080")
        assert proxy_of(to) is None
    assert "The proxy that http_proxy names is not used for spans" in caplog.text


@pytest.mark.parametrize(
    ("exporters", "arrived", "printed"),
    [("none", 0, 0), ("console", 0, 1), ("otlp,console", 1, 1), ("otlp", 1, 0)],
)
def test_exporters_of_the_standard_variable(
    sink: OtlpSink,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    exporters: str,
    arrived: int,
    printed: int,
) -> None:
    with monkeypatch.context() as environment:
        environment.setenv("OTEL_TRACES_EXPORTER", exporters)
        with spanframe.start_span("recorded") as span:
            assert span.is_recording
        assert spanframe.flush()
        spanframe.tracing.reset()
    assert len(sink.spans) == arrived
    assert capsys.readouterr().out.count('"name": "recorded"') == printed
    assert spanframe.stats().lost == 0
