"""Delivery: what arrives, what waits, what is lost and said to be."""

import logging
import re
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import grpc
import pytest
import trustme
from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.duration_pb2 import Duration
from google.rpc.error_details_pb2 import RetryInfo
from google.rpc.status_pb2 import Status
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTracePartialSuccess,
    ExportTraceServiceResponse,
)
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

import spanframe
from spanframe import testing
from spanframe._runtime import runtime
from spanframe.errors import SettingsError
from tests.plugins.otlp_sink import Answer, OtlpSink


@spanframe.trace
def work(x: int = 0) -> int:
    return x


def refusing(code: grpc.StatusCode, *trailers: tuple[str, bytes]) -> Answer:
    """Make an answer that refuses the request."""

    def answer(
        request: Any, context: grpc.ServicerContext
    ) -> ExportTraceServiceResponse:
        context.set_trailing_metadata(trailers)
        context.abort(code, "not now")
        raise AssertionError("abort raises")

    return answer


def retry_info(seconds: float) -> RetryInfo:
    delay = Duration()
    delay.FromMilliseconds(int(seconds * 1000))
    return RetryInfo(retry_delay=delay)


def in_status_details(info: RetryInfo) -> bytes:
    packed = AnyMessage()
    packed.Pack(info)
    return bytes(Status(code=8, details=[packed]).SerializeToString())


@pytest.mark.parametrize("code", ["UNAVAILABLE", "DEADLINE_EXCEEDED", "ABORTED"])
def test_a_retryable_refusal_is_tried_again(sink: OtlpSink, code: str) -> None:
    sink.answers = [refusing(grpc.StatusCode[code])] * 2
    work()
    assert spanframe.flush()
    assert sink.calls == 3
    assert len(sink.spans) == 1
    assert spanframe.stats().exported == 1
    assert spanframe.stats().lost == 0


@pytest.mark.parametrize(
    "trailer",
    [
        ("google.rpc.retryinfo-bin", retry_info(0.01).SerializeToString()),
        ("grpc-status-details-bin", in_status_details(retry_info(0.01))),
    ],
    ids=["trailer", "status details"],
)
def test_a_full_collector_that_says_when_is_tried_again(
    sink: OtlpSink, trailer: tuple[str, bytes]
) -> None:
    sink.answers = [refusing(grpc.StatusCode.RESOURCE_EXHAUSTED, trailer)] * 3
    work()
    assert spanframe.flush()
    assert len(sink.spans) == 1


@pytest.mark.parametrize(
    "code", ["INVALID_ARGUMENT", "UNAUTHENTICATED", "RESOURCE_EXHAUSTED", "UNKNOWN"]
)
def test_a_refusal_for_good_is_a_counted_loss(
    sink: OtlpSink, code: str, caplog: pytest.LogCaptureFixture
) -> None:
    sink.answers = [refusing(grpc.StatusCode[code])]
    work()
    assert not spanframe.flush()
    assert sink.calls == 1
    assert spanframe.stats().failed == 1
    assert f"1 not delivered (last: {code}: not now)" in caplog.text


def test_a_batch_too_large_for_the_collector_is_sent_in_parts(sink: OtlpSink) -> None:
    sink.answers = [refusing(grpc.StatusCode.RESOURCE_EXHAUSTED)]
    with spanframe.start_span("root"):
        for n in range(9):
            work(n)
    assert spanframe.flush()
    assert len(sink.spans) == 10
    assert sink.calls == 3
    assert spanframe.stats().lost == 0


def test_requests_stay_below_the_usual_limit(sink: OtlpSink) -> None:
    with spanframe.start_span("root"):
        for _ in range(20):
            with spanframe.start_span("large") as span:
                span.set_outputs("x" * 250_000)
    assert spanframe.flush()
    assert len(sink.spans) == 21
    assert len(sink.requests) > 1
    assert all(r.ByteSize() < 4 * 1024 * 1024 for r in sink.requests)


def test_spans_refused_one_by_one_are_counted(
    sink: OtlpSink, caplog: pytest.LogCaptureFixture
) -> None:
    partial = ExportTracePartialSuccess(rejected_spans=2, error_message="empty ids")
    sink.answers = [lambda *_: ExportTraceServiceResponse(partial_success=partial)]
    with spanframe.start_span("root"):
        work()
        work()
    assert not spanframe.flush()
    stats = spanframe.stats()
    assert (stats.exported, stats.rejected, stats.lost) == (1, 2, 2)
    assert "2 rejected by the collector (last: empty ids)" in caplog.text


def test_a_span_that_cannot_be_encoded_does_not_take_others_along(
    sink: OtlpSink,
) -> None:
    tracer = spanframe.tracing.get_tracer_provider().get_tracer("careless")
    with spanframe.start_span("before"):
        pass
    with tracer.start_as_current_span("\ud800"):
        pass
    with spanframe.start_span("after"):
        pass
    assert not spanframe.flush()
    assert {s.name for s in sink.spans} == {"before", "after"}
    assert spanframe.stats().failed == 1


def test_spans_wait_for_a_collector_that_is_away(sink: OtlpSink) -> None:
    sink.stop()
    for n in range(3000):
        work(n)
    assert not spanframe.flush(timeout=0.2)
    assert spanframe.stats().waiting == 3000
    sink.start()
    assert spanframe.flush()
    inputs = {s.attributes["mlflow.spanInputs"] for s in sink.spans}
    assert len(inputs) == len(sink.spans) == 3000
    assert spanframe.stats().lost == 0


def test_nobody_waits_long_where_nothing_listens(
    sink: OtlpSink, caplog: pytest.LogCaptureFixture
) -> None:
    """Neither a flush nor the end of the program; both say what to do."""
    sink.stop()
    work()
    begun = time.monotonic()
    assert not spanframe.flush()
    spanframe.shutdown()
    assert time.monotonic() - begun < 10  # 30 and 5 where something listens
    told = caplog.messages
    assert (
        "Nothing listens there: start a collector with `spanframe collector`"
        in (told[0])
    )
    assert told[-1].startswith(
        "At the end, 1 of 1 spans are lost: 1 not sent before the end of the program. "
        "Check that the collector is running (`spanframe collector`)"
    )
    assert spanframe.stats().closed == 1


@pytest.mark.parametrize(
    ("token", "remedy"),
    [
        ("wrong", "The token is not one of the collector's: set SPANFRAME_TOKEN."),
        (None, "Set SPANFRAME_TOKEN to a token of the collector: none is sent."),
    ],
)
def test_a_refused_token_is_told_with_the_remedy(
    sink: OtlpSink, caplog: pytest.LogCaptureFixture, token: str | None, remedy: str
) -> None:
    spanframe.configure(token=token)
    sink.answers.append(refusing(grpc.StatusCode.UNAUTHENTICATED))
    work()
    assert not spanframe.flush()
    [told] = caplog.messages
    assert told.endswith(remedy)
    work()
    assert spanframe.flush()


OTHER_PROTOCOL = (
    "What listens there speaks another protocol: set SPANFRAME_PROTOCOL to grpc, or "
    "the endpoint to the other port of the collector."
)
NO_TLS = "What listens there does not speak TLS: write http:// in the endpoint."


@pytest.mark.parametrize(
    ("scheme", "protocol", "exporters", "remedy"),
    [
        ("http", "http/protobuf", ["otlp"], OTHER_PROTOCOL),
        ("https", "http/protobuf", ["otlp"], NO_TLS),
        ("https", "grpc", ["console", "otlp"], NO_TLS),
    ],
)
def test_the_port_of_something_else_is_told_with_the_remedy(
    caplog: pytest.LogCaptureFixture,
    sink: OtlpSink,
    scheme: str,
    protocol: str,
    exporters: list[str],
    remedy: str,
) -> None:
    """Nobody waits longer for it than where nothing listens."""
    endpoint = sink.endpoint.replace("http:", f"{scheme}:")
    spanframe.configure(
        endpoint=endpoint, protocol=protocol, exporters=exporters, exit_timeout=0.1
    )
    work()
    assert not spanframe.flush(timeout=0.5)
    assert runtime.delivery is not None
    assert runtime.delivery.is_unheard(time.monotonic() - 10)
    spanframe.shutdown()
    first, *_, last = caplog.messages
    assert remedy in first
    assert last.endswith(f"1 not sent before the end of the program. {remedy}")


def test_the_collector_may_come_back_in_between(sink: OtlpSink) -> None:
    for n in range(4):
        work(n)
        assert spanframe.flush()
        sink.stop()
        sink.start()
    assert len(sink.spans) == 4
    assert spanframe.stats().lost == 0


def test_spans_that_wait_for_one_collector_go_to_the_next(sink: OtlpSink) -> None:
    with OtlpSink.serving() as gone:
        nowhere = gone.endpoint
    spanframe.configure(endpoint=nowhere)
    for n in range(600):
        work(n)
    assert not spanframe.flush(timeout=0.1)
    spanframe.configure(endpoint=sink.endpoint)
    assert spanframe.flush()
    inputs = {s.attributes["mlflow.spanInputs"] for s in sink.spans}
    assert len(inputs) == len(sink.spans) == 600
    assert spanframe.stats().lost == 0


def test_what_shutdown_leaves_behind_is_counted(
    sink: OtlpSink, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    sink.stop()
    with monkeypatch.context() as environment:
        environment.setenv("SPANFRAME_EXIT_TIMEOUT", "0.2")
        environment.setenv("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "4")
        for n in range(10):
            work(n)
        spanframe.shutdown()
    assert spanframe.stats().closed == 10
    told = "At the end, 10 of 10 spans are lost: 10 not sent before the end"
    assert caplog.messages[-1].startswith(told)


def test_a_collector_that_stays_away_is_given_up(
    sink: OtlpSink, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    sink.stop()
    with monkeypatch.context() as environment:
        environment.setenv("SPANFRAME_RETRY_FOR", "0.2")
        spanframe.tracing.reset()
        spanframe.configure(endpoint=sink.endpoint)
        work()
        assert not spanframe.flush()
    assert spanframe.stats().failed == 1
    told = f"Cannot deliver spans to the collector at {sink.endpoint}: UNAVAILABLE: "
    assert told in caplog.text
    told = "Connection refused; 1 spans are queued and will be retried for 0.2 s"
    assert told in caplog.text
    assert "1 not delivered (last: UNAVAILABLE: " in caplog.text


class Blocked(SpanExporter):
    """An exporter that waits until it is let go."""

    def __init__(self) -> None:
        self.go = threading.Event()
        self.entered = threading.Event()
        self.batches: list[int] = []

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        self.entered.set()
        self.go.wait(30)
        self.batches.append(len(spans))
        return SpanExportResult.SUCCESS

    def shutdown(self) -> None:
        self.go.set()


def test_a_full_queue_drops_new_spans_and_counts_them(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    exporter = Blocked()
    with monkeypatch.context() as environment:
        environment.setenv("OTEL_BSP_MAX_QUEUE_SIZE", "10")
        environment.setenv("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "4")
        spanframe.tracing.reset()
        spanframe.configure(exporter=exporter)
        for _ in range(4):
            work()
        assert exporter.entered.wait(30)
        for _ in range(13):
            work()
        stats = spanframe.stats()
        assert (stats.waiting, stats.queue_full) == (14, 3)
        assert not spanframe.flush(timeout=0.01)
        exporter.go.set()
        assert spanframe.flush()
    assert exporter.batches == [4, 4, 4, 2]
    lines = [r for r in caplog.records if r.levelno == logging.WARNING]
    assert len(lines) == 1


def test_the_text_of_waiting_spans_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    exporter = Blocked()
    with monkeypatch.context() as environment:
        environment.setenv("SPANFRAME_QUEUE_CHARACTERS", "100000")
        environment.setenv("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "1")
        spanframe.tracing.reset()
        spanframe.configure(exporter=exporter)
        work()
        assert exporter.entered.wait(30)
        for _ in range(20):
            with spanframe.start_span("large") as span:
                span.set_attribute("texts", ["x" * 5_000, "x" * 5_000])
                span.set_attribute("text", "x" * 10_000)
        assert spanframe.stats().queue_full == 16
        exporter.go.set()
        assert not spanframe.flush()
        work()
        assert spanframe.flush()
    assert len(exporter.batches) == 6


def test_a_span_larger_than_the_bound_goes_alone(
    sink: OtlpSink, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as environment:
        environment.setenv("SPANFRAME_QUEUE_CHARACTERS", "10")
        with spanframe.start_span("large") as span:
            span.set_inputs("x" * 1000)
        assert spanframe.flush()
    assert len(sink.spans) == 1


@pytest.mark.timeout(20)
def test_a_span_may_end_while_its_own_thread_is_queueing_another(
    sink: OtlpSink,
) -> None:
    work()
    delivery = runtime.delivery
    assert delivery is not None
    # As when the garbage collector closes a forgotten stream in there.
    with delivery._lock, delivery._start_lock, runtime.losses._lock:
        work()
    assert spanframe.flush()
    assert len(sink.spans) == 2


def test_giving_an_endpoint_goes_back_to_the_collector(sink: OtlpSink) -> None:
    exporter = Blocked()
    exporter.go.set()
    spanframe.configure(exporter=exporter)
    work()
    assert spanframe.flush()
    spanframe.configure(endpoint=sink.endpoint)
    work()
    assert spanframe.flush()
    assert (exporter.batches, len(sink.spans)) == ([1], 1)


def test_an_exporter_that_raises_loses_its_batch_only(sink: OtlpSink) -> None:
    class Broken(SpanExporter):
        calls = 0

        def export(self, _: Sequence[ReadableSpan]) -> SpanExportResult:
            self.calls += 1
            if self.calls == 1:
                raise RuntimeError("spilled")
            return SpanExportResult.SUCCESS

        def shutdown(self) -> None:
            pass

    with testing.faults_logged():
        spanframe.configure(exporter=Broken())
        work()
        assert not spanframe.flush()
        work()
        assert spanframe.flush()
    assert spanframe.stats().failed == 1


def test_the_token_and_headers_go_with_every_request(
    sink: OtlpSink, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as environment:
        environment.setenv("OTEL_EXPORTER_OTLP_HEADERS", "X-Team=a%20b,id-bin=c")
        spanframe.configure(token="let me in")  # noqa: S106 - no password
        work()
        assert spanframe.flush()
    assert sink.metadata[0]["authorization"] == "Bearer let me in"
    assert sink.metadata[0]["x-team"] == "a b"
    assert sink.metadata[0]["id-bin"] == b"c"  # type: ignore[comparison-overlap]


@pytest.mark.parametrize(
    ("endpoint", "told"),
    [
        ("http://collector.example:4317", True),
        ("https://collector.example:4317", False),
        ("http://localhost:4317", False),
        ("http://[::1]:4317", False),
        ("unix:/run/otlp.sock", False),
    ],
)
def test_a_token_that_others_can_read_on_the_way_is_warned_of(
    caplog: pytest.LogCaptureFixture, endpoint: str, told: bool
) -> None:
    spanframe.tracing.reset()
    spanframe.configure(endpoint=endpoint, token="let-me-in")  # noqa: S106
    spanframe.tracing.get_tracer_provider()
    assert ("unencrypted" in caplog.text) is told
    assert "let-me-in" not in caplog.text


@pytest.mark.parametrize("token", ["two\nlines", "schlüssel"])
def test_a_token_that_no_header_can_carry_is_refused(token: str) -> None:
    with pytest.raises(SettingsError, match="printable ASCII") as refused:
        spanframe.configure(token=token)
    assert token not in str(refused.value)


def test_a_unix_socket_serves_as_well(sink: OtlpSink, tmp_path: Path) -> None:
    sink.stop()
    sink.address = f"unix:{tmp_path / 'otlp.sock'}"
    sink.start()
    spanframe.configure(endpoint=f"unix:{tmp_path / 'otlp.sock'}")
    work(5)
    assert spanframe.flush()
    assert len(sink.spans) == 1


@pytest.fixture
def files(tmp_path: Path) -> dict[str, Path]:
    """An authority, a certificate of its for localhost, and the key of that."""
    authority = trustme.CA()
    issued = authority.issue_cert("localhost")
    chain = b"".join(part.bytes() for part in issued.cert_chain_pems)
    contents = {
        "CERTIFICATE": authority.cert_pem.bytes(),
        "CLIENT_CERTIFICATE": chain,
        "CLIENT_KEY": issued.private_key_pem.bytes(),
    }
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content)
    return {name: tmp_path / name for name in contents}


@pytest.mark.parametrize("mutual", [False, True], ids=["TLS", "mutual TLS"])
def test_an_https_endpoint_is_reached_over_tls(
    files: dict[str, Path], monkeypatch: pytest.MonkeyPatch, mutual: bool
) -> None:
    authority, chain, key = (file.read_bytes() for file in files.values())
    sink = OtlpSink()
    sink.credentials = grpc.ssl_server_credentials(
        [(key, chain)], authority if mutual else None, mutual
    )
    sink.address = "localhost:0"
    sink.start()
    names = ["CERTIFICATE"]
    names += ["CLIENT_CERTIFICATE", "CLIENT_KEY"] if mutual else []
    with monkeypatch.context() as environment:
        for name in names:
            environment.setenv(f"OTEL_EXPORTER_OTLP_{name}", str(files[name]))
        spanframe.configure(endpoint=sink.endpoint)
        work()
        assert spanframe.flush()
        spanframe.tracing.reset()
    sink.stop()
    assert len(sink.spans) == 1


@pytest.mark.parametrize("alone", ["client_certificate", "client_key"])
@pytest.mark.parametrize("protocol", ["grpc", "http/protobuf"])
def test_half_of_a_client_certificate_is_not_used(
    files: dict[str, Path], protocol: str, alone: str, caplog: pytest.LogCaptureFixture
) -> None:
    spanframe.tracing.reset()
    settings: dict[str, Any] = {alone: str(files[alone.upper()])}
    spanframe.configure(
        endpoint="https://127.0.0.1:1", protocol=protocol, retry_for=0.05, **settings
    )
    work()
    assert not spanframe.flush()
    assert spanframe.stats().failed == 1
    assert "Mutual TLS needs a client certificate and its key" in caplog.text


def test_compressed_requests_arrive(
    sink: OtlpSink, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as environment:
        environment.setenv("OTEL_EXPORTER_OTLP_COMPRESSION", "gzip")
        work()
        assert spanframe.flush()
    assert len(sink.spans) == 1


def test_a_certificate_that_is_not_there_is_refused() -> None:
    with pytest.raises(SettingsError, match="there is no such file"):
        spanframe.configure(certificate="/nowhere/ca.pem")


def test_settings_that_do_not_change_the_way_leave_the_connection(
    sink: OtlpSink,
) -> None:
    work()
    assert spanframe.flush()
    sink.stop()
    work()
    # Neither waits for the collector, which is away.
    spanframe.configure(capture_limit=1000, experiment="shop")
    spanframe.set_tracking_uri("sqlite:///elsewhere.db")
    assert spanframe.stats().waiting == 1
    sink.start()
    assert spanframe.flush()
    assert len(sink.spans) == 2


def test_every_bad_setting_is_told_at_once() -> None:
    with pytest.raises(SettingsError) as refused:
        spanframe.configure(endpoint="ftp://x", store="nonsense", sampler="sometimes")
    assert len(refused.value.problems) == 3


def test_the_log_says_how_long_all_waiting_spans_are_retried(
    sink: OtlpSink, caplog: pytest.LogCaptureFixture
) -> None:
    sink.stop()
    spanframe.configure(batch_size=2)
    for n in range(6):
        work(n)
    assert not spanframe.flush(timeout=0.5)
    assert re.search(
        r"; [2-6] spans are queued and will be retried for 5 min", caplog.text
    )


def test_bounds_can_be_changed_while_spans_are_recorded(sink: OtlpSink) -> None:
    work()
    assert spanframe.flush()
    sink.stop()
    spanframe.configure(queue_size=3, batch_size=3, retry_for=0.1)
    for n in range(10):
        work(n)
    assert spanframe.stats().queue_full >= 4


def test_a_flush_without_spans_is_done(sink: OtlpSink) -> None:
    assert spanframe.flush()
    assert sink.calls == 0
