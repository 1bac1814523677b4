"""What is special to HTTP: encodings, bodies, paths, browsers, sockets, TLS."""

import asyncio
import gzip
import http.client
import json
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import grpc
import pytest
import trustme
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import (
    ExportLogsServiceRequest,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor, SpanExportResult

from spanframe_collector.receivers import http as http_receiver
from tests.plugins import receivers
from tests.plugins.collector import Collector
from tests.plugins.exports import EXPORT
from tests.plugins.http_exports import JSON, PROTOBUF, Answer, raw, send
from tests.plugins.observed import rows
from tests.plugins.otlp import request, span
from tests.plugins.otlp_json import full_request, in_json
from tests.plugins.store import Store

MAX_KEPT_SECONDS = 0.02
"""Half of what Linux delays an acknowledgement; the answer itself takes 1 ms."""


def trace(number: int, **fields: Any) -> ExportTraceServiceRequest:
    """Make a request of one span in a trace of its own."""
    return request(span(1, trace_id=number.to_bytes(16, "big"), **fields))


def count(collector: Collector) -> int:
    [[spans]] = rows(collector, "SELECT count(*) FROM spans")
    return int(spans)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Collector]:
    """A collector for tests that leave it as it was, or send traces of their own."""
    with Collector.running(tmp_path_factory.mktemp("http")) as collector:
        yield collector


# --- what is taken --------------------------------------------------------------------


def test_every_way_in_stores_the_same(tmp_path: Path) -> None:
    """Catalogue 3."""
    message = full_request()
    protobuf, text = message.SerializeToString(), in_json(message)
    found = []
    for number, (body, media_type, encoding) in enumerate(
        [
            (protobuf, "grpc", "identity"),
            (protobuf, PROTOBUF, "identity"),
            (gzip.compress(protobuf), PROTOBUF, "gzip"),
            (text, f"{JSON}; charset=utf-8", "identity"),
            (gzip.compress(text), JSON, "gzip"),
        ]
    ):
        with Collector.running(tmp_path / str(number)) as collector:
            if media_type == "grpc":
                with grpc.insecure_channel(collector.target) as channel:
                    channel.unary_unary(EXPORT)(body, timeout=20)
            else:
                url = collector.http_endpoint
                answer = send(url, body, media_type, content_encoding=encoding)
                assert answer.status == 200
            tables = ("traces", "spans", "resources", "scopes", "attribute_index")
            found.append({t: rows(collector, f"SELECT * FROM {t}") for t in tables})  # noqa: S608
    assert len(found[0]["spans"]) == 4
    assert found.count(found[0]) == len(found)


@pytest.mark.parametrize("compression", [Compression.NoCompression, Compression.Gzip])
def test_the_official_exporter_is_understood(
    collector: Collector, compression: Compression
) -> None:
    """Catalogue 2."""
    exporter = OTLPSpanExporter(
        f"{collector.http_endpoint}/v1/traces", compression=compression
    )
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    tracer = provider.get_tracer("tests", "1", attributes={"scope": True})
    with tracer.start_as_current_span("work", attributes={"n": [1, 2]}) as work:
        work.add_event("event", {"e": 1.5})
    assert isinstance(work, ReadableSpan)
    again = exporter.export([work])
    provider.shutdown()
    assert again is SpanExportResult.SUCCESS
    [expected] = encode_spans([work]).resource_spans[0].scope_spans[0].spans
    assert [s.body for s in collector.stored()] == [expected.SerializeToString()]


@pytest.mark.parametrize(
    ("body", "media_type"),
    [
        (b"", PROTOBUF),
        (request().SerializeToString(), PROTOBUF),
        (b"{}", JSON),
        (b'{"resourceSpans": [{"scopeSpans": []}]}', JSON),
    ],
)
def test_an_answer_is_in_the_encoding_of_its_request(
    shared: Collector, body: bytes, media_type: str
) -> None:
    answer = send(shared.http_endpoint, body, media_type)
    assert answer.status == 200
    assert answer.headers["content-type"] == media_type
    assert answer.body == (b"" if media_type == PROTOBUF else b"{}")


def test_a_body_in_chunks_is_taken(shared: Collector) -> None:
    body = trace(2).SerializeToString()
    pieces = iter([body[:10], body[10:]])
    assert send(shared.http_endpoint, pieces).status == 200


def test_snake_case_is_warned_of(shared: Collector) -> None:
    """Catalogue 6."""
    answer = send(shared.http_endpoint, b'{"resource_spans": []}', JSON)
    assert answer.status == 200
    assert json.loads(answer.body) == {
        "partialSuccess": {
            "errorMessage": "Nothing was stored: the request has keys in "
            "snake_case: write them in lowerCamelCase."
        }
    }


def test_other_signals_are_not_taken_for_spans(collector: Collector) -> None:
    """Catalogue 9."""
    logs = ExportLogsServiceRequest()
    record = logs.resource_logs.add().scope_logs.add().log_records.add()
    record.time_unix_nano = 1
    record.trace_id, record.span_id = b"t" * 16, b"s" * 8
    answer = send(collector.http_endpoint, logs.SerializeToString())
    told = ExportTraceServiceResponse.FromString(answer.body).partial_success
    assert (answer.status, told.rejected_spans) == (200, 1)
    assert send(collector.http_endpoint, b'{"resourceLogs": []}', JSON).status == 400
    assert count(collector) == 0


# --- what is refused ------------------------------------------------------------------


WHOLE = full_request().SerializeToString()


@given(st.data())
def test_damaged_requests_break_nothing(shared: Collector, data: st.DataObject) -> None:
    """Catalogue 11."""
    as_text = data.draw(st.booleans())
    damaged = bytearray(in_json(full_request()) if as_text else WHOLE)
    for position in data.draw(st.lists(st.integers(0, len(damaged) - 1), max_size=9)):
        damaged[position] ^= data.draw(st.integers(1, 255))
    end = data.draw(st.integers(0, len(damaged)))
    media_type = JSON if as_text else PROTOBUF
    answer = send(shared.http_endpoint, bytes(damaged[:end]), media_type)
    assert answer.status in {200, 400}
    assert len(answer.body) < 4096
    assert b"Traceback" not in answer.body


REFUSALS: list[tuple[dict[str, Any], int, str]] = [
    ({"media_type": ""}, 415, JSON),
    ({"media_type": "text/plain"}, 415, JSON),
    ({"media_type": "application/protobuf"}, 415, JSON),
    ({"content_encoding": "zstd"}, 415, PROTOBUF),
    ({"content_encoding": "deflate"}, 415, PROTOBUF),
    ({"content_encoding": "gzip, gzip", "media_type": JSON}, 415, JSON),
    ({"content_encoding": "gzip"}, 400, PROTOBUF),
    ({"method": "GET"}, 405, PROTOBUF),
    ({"method": "PUT", "media_type": JSON}, 405, JSON),
    ({"method": "OPTIONS"}, 405, PROTOBUF),
    ({"path": "/"}, 404, PROTOBUF),
    ({"path": "/v1/traces/"}, 404, PROTOBUF),
    ({"path": "/V1/traces"}, 404, PROTOBUF),
    ({"path": "/v1%2Ftraces"}, 404, PROTOBUF),
    ({"path": "/v1/profiles", "media_type": JSON}, 404, JSON),
    ({"path": "//v1/traces"}, 404, PROTOBUF),
]


@pytest.mark.parametrize(("how", "status", "media_type"), REFUSALS)
def test_other_requests_are_refused_in_their_own_encoding(
    shared: Collector, how: dict[str, Any], status: int, media_type: str
) -> None:
    """Catalogue 12 and 17."""
    answer = send(shared.http_endpoint, trace(3).SerializeToString(), **how)
    assert answer.status == status
    assert answer.headers["content-type"] == media_type
    assert 0 < len(answer.text) < 200
    assert "retry-after" not in answer.headers


def test_a_query_changes_nothing(shared: Collector) -> None:
    answer = send(shared.http_endpoint, path="/v1/traces?x=1")
    assert answer.status == 200


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Collector]:
    options = ("--max-request-bytes", "10000", "--max-in-flight-bytes", "20000")
    with Collector.running(tmp_path_factory.mktemp("small"), *options) as collector:
        yield collector


def of_size(size: int) -> bytes:
    """Make a request of exactly that many bytes."""
    padding = size
    while True:
        whole = trace(4, attributes={"x": "y" * padding}).SerializeToString()
        if len(whole) == size:
            return whole
        padding -= len(whole) - size


@pytest.mark.parametrize("size", [9_999, 10_000])
def test_up_to_the_limit_requests_are_taken(small: Collector, size: int) -> None:
    """Catalogue 10."""
    body = of_size(size)
    assert send(small.http_endpoint, body).status == 200
    zipped = gzip.compress(body)
    assert send(small.http_endpoint, zipped, content_encoding="gzip").status == 200


@pytest.mark.parametrize("media_type", [PROTOBUF, JSON])
def test_larger_requests_are_refused_for_good(
    small: Collector, media_type: str
) -> None:
    """Catalogue 10."""
    body = of_size(10_001)
    for sent, headers in (
        (body, {}),
        (iter([body[:5000], body[5000:]]), {}),
        (gzip.compress(body), {"content_encoding": "gzip"}),
        (gzip.compress(body[:5001]) * 2, {"content_encoding": "gzip"}),
    ):
        answer = send(small.http_endpoint, sent, media_type, **headers)
        assert answer.status == 413
        assert answer.headers["content-type"] == media_type
        assert "send smaller batches" in answer.text
        assert "retry-after" not in answer.headers
    assert send(small.http_endpoint).status == 200


def test_json_has_a_limit_of_its_own(tmp_path: Path) -> None:
    with Collector.running(tmp_path, "--max-json-bytes", "2000") as collector:
        message = trace(5, attributes={"x": "y" * 3000})
        url = collector.http_endpoint
        assert send(url, message.SerializeToString()).status == 200
        assert send(url, in_json(message), JSON).status == 413


def test_too_many_objects_of_json_are_refused_by_name(shared: Collector) -> None:
    body = b'{"x":[' + b"{}," * 300_000 + b"{}]}"
    answer = send(shared.http_endpoint, body, JSON)
    assert answer.status == 413
    assert "300000 objects and arrays" in answer.text


def test_a_gzip_bomb_takes_no_memory(collector: Collector) -> None:
    """Catalogue 49."""

    def peak_bytes() -> int:
        status = Path(f"/proc/{collector._running.pid}/status").read_text()
        [line] = [x for x in status.splitlines() if x.startswith("VmHWM")]
        return int(line.split()[1]) << 10

    bomb = gzip.compress(bytes(50 << 20)) * 20
    send(collector.http_endpoint, trace(6).SerializeToString())
    before = peak_bytes()
    for media_type in (PROTOBUF, JSON):
        answer = send(
            collector.http_endpoint, bomb, media_type, content_encoding="gzip"
        )
        assert answer.status == 413
    assert peak_bytes() - before < 128 << 20
    assert send(collector.http_endpoint).status == 200


def test_a_slow_sender_holds_its_room_and_nobody_up(small: Collector) -> None:
    """Catalogue 18 and 51."""
    head = (
        f"POST /v1/traces HTTP/1.1\r\nhost: x\r\ncontent-type: {PROTOBUF}\r\n"
        "content-length: 10000\r\n\r\n"
    )
    body = of_size(10_000)
    with raw(small.http_endpoint) as one, raw(small.http_endpoint) as two:
        for slow in (one, two):
            slow.sendall(head.encode() + body[:9_990])
        while (answer := send(small.http_endpoint, body)).status == 200:
            time.sleep(0.02)  # until what the slow ones have sent is read
        assert answer.status == 503
        assert answer.headers["retry-after"] in {"1", "2"}
        assert answer.text.startswith("The collector has no room")
        assert send(small.http_endpoint, trace(8).SerializeToString()[:0]).status == 200
        two.close()
        one.sendall(body[9_990:])
        assert one.recv(15) == b"HTTP/1.1 200 OK"
    while send(small.http_endpoint, body).status == 503:
        time.sleep(0.02)


def test_idle_connections_lock_nobody_out(collector: Collector) -> None:
    """Catalogue 51."""
    with ExitStack() as stack:
        for _ in range(600):
            idle = stack.enter_context(raw(collector.http_endpoint))
            idle.sendall(b"POST /v1/")
        assert (
            send(collector.http_endpoint, trace(10).SerializeToString()).status == 200
        )
        assert send(collector.http_endpoint, method="GET", path="/readyz").status == 200


def test_a_connection_serves_many_requests(shared: Collector) -> None:
    target = urlsplit(shared.http_endpoint).netloc
    with closing(http.client.HTTPConnection(target, timeout=20)) as connection:
        for number in range(20, 40):
            headers = {"content-type": PROTOBUF if number % 3 else "text/plain"}
            body = trace(number).SerializeToString()
            connection.request("POST", "/v1/traces", body, headers)
            answer = connection.getresponse()
            answer.read()
            assert answer.status == (200 if number % 3 else 415)


def test_a_body_that_does_not_come_is_to_be_sent_again(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Catalogue 51."""
    monkeypatch.setattr(http_receiver, "_MAX_BODY_SECONDS", 0.1)

    async def talk() -> bytes:
        async with receivers.over_http(store) as (url, _):
            target = urlsplit(url)
            reader, writer = await asyncio.open_connection(target.hostname, target.port)
            writer.write(
                b"POST /v1/traces HTTP/1.1\r\nhost: x\r\ncontent-length: 1000\r\n"
                b"content-type: application/json\r\n\r\nhalf"
            )
            answer = await reader.readuntil(b"}")
            writer.close()
            await writer.wait_closed()
            return answer

    answer = asyncio.run(talk())
    assert answer.startswith(b"HTTP/1.1 503 ")
    assert b"\r\nretry-after: " in answer
    assert b"The request did not arrive whole in time" in answer


def test_a_fault_of_ours_shows_nothing_and_is_to_be_sent_again(store: Store) -> None:
    """Catalogue 17."""

    async def talk() -> Answer:
        async with receivers.over_http(store) as (url, decoders):
            decoders.close()
            return await asyncio.to_thread(send, url, WHOLE, JSON)

    answer = asyncio.run(talk())
    assert (answer.status, answer.text) == (503, "The collector failed; send it again.")
    assert answer.headers["retry-after"] in {"1", "2"}


# --- who may send ---------------------------------------------------------------------


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Collector]:
    folder = tmp_path_factory.mktemp("guarded")
    tokens = folder / "tokens"
    tokens.write_text("s3cret\n")
    origins = "https://shop.example http://localhost:8080 http://127.0.0.1:*"
    options = ("--token-file", str(tokens), "--cors-origins", origins)
    with Collector.running(folder / "collector", *options) as collector:
        yield collector


@pytest.mark.parametrize("media_type", [PROTOBUF, JSON, "text/plain"])
@pytest.mark.parametrize(
    "shown",
    [
        {},
        {"authorization": ""},
        {"authorization": "Bearer"},
        {"authorization": "Bearer s3cre"},
        {"authorization": "Bearer s3cret2"},
        {"authorization": "Bearer S3CRET"},
        {"authorization": "bearer s3cret"},
        {"authorization": "Basic s3cret"},
        {"authorization": "Bearer s3cret\xff"},
        {"proxy_authorization": "Bearer s3cret"},
    ],
)
def test_without_the_token_no_path_and_no_method_is_served(
    guarded: Collector, shown: dict[str, str], media_type: str
) -> None:
    """Catalogue 52."""
    for how in ({}, {"path": "/metrics"}, {"method": "GET"}, {"method": "OPTIONS"}):
        answer = send(guarded.http_endpoint, WHOLE, media_type, **how, **shown)
        assert answer.status == 401
        assert answer.headers["www-authenticate"] == "Bearer"
        assert "`authorization: Bearer …`" in answer.text
    assert count(guarded) == 0
    assert "s3cret" not in guarded.log


def test_the_token_shown_twice_is_refused(guarded: Collector) -> None:
    """Catalogue 52."""
    head = (
        "POST /v1/traces HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\n"
        f"content-type: {PROTOBUF}\r\n"
    )
    with raw(guarded.http_endpoint) as connection:
        connection.sendall(
            (head + "authorization: Bearer s3cret\r\n" * 2 + "\r\n").encode()
        )
        assert connection.recv(13) == b"HTTP/1.1 401 "


def test_with_the_token_requests_are_taken_and_health_is_two_pages(
    guarded: Collector,
) -> None:
    token = {"authorization": "Bearer s3cret"}
    assert send(guarded.http_endpoint, **token).status == 200
    for path in ("/healthz", "/readyz"):
        answer = send(guarded.http_endpoint, method="GET", path=path)
        assert (answer.status, answer.body) == (200, b"ok\n")
        head = send(guarded.http_endpoint, method="HEAD", path=path)
        assert (head.status, head.body) == (200, b"")
        assert send(guarded.http_endpoint, path=path).status == 405


PREFLIGHT = {
    "method": "OPTIONS",
    "media_type": "",
    "access_control_request_method": "POST",
    "access_control_request_headers": "content-type,authorization,x-team",
}


@pytest.mark.parametrize(
    "origin",
    ["https://shop.example", "http://localhost:8080", "http://127.0.0.1:5173"],
)
def test_pages_of_listed_origins_may_send(guarded: Collector, origin: str) -> None:
    asked = send(guarded.http_endpoint, origin=origin, **PREFLIGHT)
    assert asked.status == 200
    assert asked.headers["access-control-allow-origin"] == origin
    assert asked.headers["access-control-allow-methods"] == "POST"
    allowed = asked.headers["access-control-allow-headers"].split(", ")
    assert {"authorization", "content-type", "x-mlflow-run-id"} <= set(allowed)
    assert allowed[-1] == "content-type,authorization,x-team"
    sent = send(
        guarded.http_endpoint, b"{}", JSON, origin=origin, authorization="Bearer s3cret"
    )
    assert sent.status == 200
    assert sent.headers["access-control-allow-origin"] == origin
    for answer in (asked, sent):
        assert answer.headers["vary"] == "origin"
        assert answer.headers["access-control-expose-headers"] == "retry-after"
        assert answer.headers["access-control-allow-credentials"] == "true"


@pytest.mark.parametrize(
    "origin",
    [
        "https://evil.example",
        "https://shop.example.evil.example",
        "https://shop.example:444",
        "http://127.0.0.1",
        "http://127.0.0.1.evil.example:80",
        "http://localhost:8081",
        "http://shop.example",
        "null",
        "*",
    ],
)
def test_pages_of_other_origins_may_not(guarded: Collector, origin: str) -> None:
    asked = send(guarded.http_endpoint, origin=origin, **PREFLIGHT)
    assert asked.status == 401
    assert "access-control-allow-origin" not in asked.headers


def test_by_default_no_page_may_send(shared: Collector) -> None:
    asked = send(shared.http_endpoint, origin="https://shop.example", **PREFLIGHT)
    assert asked.status == 405
    assert not [name for name in asked.headers if name.startswith("access-control")]


# --- where it listens, and how it stops -----------------------------------------------


class Certificates:
    """The files of a listener's certificate; the authority signs senders' as well."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.options: list[str] = []
        for option, name in (
            ("--tls-cert", "cert"),
            ("--tls-key", "key"),
            ("--tls-client-ca", "ca"),
        ):
            self.options += [option, str(folder / name)]
        self.renew()

    def renew(self) -> None:
        """Write another certificate of another authority over the old one."""
        self.authority = trustme.CA()
        served = self.authority.issue_cert("localhost")
        for name, blobs in (
            ("key", [served.private_key_pem]),
            ("ca", [self.authority.cert_pem]),
            ("cert", served.cert_chain_pems),
        ):
            partial = self.folder / f"{name}.new"
            partial.write_bytes(b"".join(blob.bytes() for blob in blobs))
            partial.replace(self.folder / name)

    def sender(self) -> ssl.SSLContext:
        """Make the context of a sender that this authority knows, and that knows it."""
        context = ssl.create_default_context()
        self.authority.configure_trust(context)
        self.authority.issue_cert("sender").configure_cert(context)
        return context


def status_over_tls(collector: Collector, context: ssl.SSLContext) -> int:
    port = urlsplit(collector.http_endpoint).port
    with closing(
        http.client.HTTPSConnection("localhost", port, context=context, timeout=20)
    ) as connection:
        connection.request("POST", "/v1/traces", b"", {"content-type": PROTOBUF})
        return connection.getresponse().status


def test_over_tls_only_known_senders_are_heard(tmp_path: Path) -> None:
    """Catalogue 52."""
    files = Certificates(tmp_path)
    with Collector.running(tmp_path / "collector", *files.options) as collector:
        assert status_over_tls(collector, files.sender()) == 200
        anonymous = ssl.create_default_context()
        files.authority.configure_trust(anonymous)
        stranger = ssl.create_default_context()
        files.authority.configure_trust(stranger)
        trustme.CA().issue_cert("sender").configure_cert(stranger)
        for context in (anonymous, stranger):
            with pytest.raises((ssl.SSLError, ConnectionError)):
                status_over_tls(collector, context)
        with pytest.raises((OSError, http.client.HTTPException)):
            send(collector.http_endpoint)  # in plain text


def test_a_renewed_certificate_is_served_without_a_restart(tmp_path: Path) -> None:
    files = Certificates(tmp_path)
    with Collector.running(tmp_path / "collector", *files.options) as collector:
        before = files.sender()
        assert status_over_tls(collector, before) == 200
        files.renew()
        assert status_over_tls(collector, files.sender()) == 200
        with pytest.raises(ssl.SSLError):
            status_over_tls(collector, before)


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=20)
        self.path = str(path)

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(self.path)


def test_a_unix_socket_outlives_a_crash_and_not_a_stop(tmp_path: Path) -> None:
    path = tmp_path / "http.sock"
    with Collector.running(
        tmp_path / "collector", "--http", f"unix:{path}"
    ) as collector:
        for _ in range(2):
            with closing(UnixConnection(path)) as connection:
                connection.request("GET", "/readyz")
                assert connection.getresponse().status == 200
            collector.kill9()
            assert path.exists()
            collector.restart()
        assert collector.terminate() == 0
        assert not path.exists()


def test_a_second_collector_on_the_port_fails(
    shared: Collector, tmp_path: Path
) -> None:
    """Catalogue 16."""
    target = urlsplit(shared.http_endpoint).netloc
    second = Collector(tmp_path / "second", "--http", target)
    with pytest.raises(pytest.fail.Exception, match="cannot listen on 127"):
        second.start()


def test_http_can_be_left_out(tmp_path: Path) -> None:
    with Collector.running(tmp_path, "--http", "off") as collector:
        assert "OTLP over gRPC" in collector.log
        assert "OTLP over HTTP" not in collector.log


def test_while_draining_it_says_so_and_still_takes_spans(tmp_path: Path) -> None:
    """Catalogue 36."""
    with Collector.running(tmp_path, "--drain-seconds", "6") as collector:
        url = collector.http_endpoint
        with ending(collector) as stopped:
            while send(url, method="GET", path="/readyz").status == 200:
                time.sleep(0.02)
            assert send(url, method="GET", path="/healthz").status == 200
            assert send(url, trace(9).SerializeToString()).status == 200
        assert stopped == [0]
        assert count(collector) == 1


class ending:  # noqa: N801 - reads as the statement it is
    """Ask a collector to stop; wait for it at the end of the block."""

    def __init__(self, collector: Collector) -> None:
        self._codes: list[int] = []
        self._thread = threading.Thread(
            target=lambda: self._codes.append(collector.terminate())
        )

    def __enter__(self) -> list[int]:
        self._thread.start()
        return self._codes

    def __exit__(self, *_: object) -> None:
        self._thread.join()


@pytest.mark.alone
def test_an_answer_on_a_kept_connection_waits_for_no_acknowledgement(
    shared: Collector,
) -> None:
    """Nagle's algorithm would hold its body back until a delayed ACK, for 40 ms."""
    target = urlsplit(shared.http_endpoint).netloc
    seconds = []
    with closing(http.client.HTTPConnection(target, timeout=20)) as kept:
        for _ in range(50):
            begun = time.perf_counter()
            kept.request("POST", "/nowhere", b"{}", {"content-type": JSON})
            assert kept.getresponse().read().startswith(b"{")
            seconds.append(time.perf_counter() - begun)
    assert sorted(seconds)[25] < MAX_KEPT_SECONDS


def test_a_stopping_collector_waits_for_no_idle_connection(
    collector: Collector,
) -> None:
    target = urlsplit(collector.http_endpoint).netloc
    with closing(http.client.HTTPConnection(target, timeout=20)) as kept:
        kept.request("GET", "/healthz")
        kept.getresponse().read()
        with raw(collector.http_endpoint):
            try:
                assert collector.terminate() == 0
            except subprocess.TimeoutExpired:
                pytest.fail("the collector waits for connections nobody uses")
