"""The receiver over real gRPC on loopback, with a real store behind it."""

import asyncio
import json
import sqlite3
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.rpc.error_details_pb2 import RetryInfo
from google.rpc.status_pb2 import Status
from grpc_health.v1 import health_pb2, health_pb2_grpc
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)

from spanframe_collector.receivers import grpc as grpc_receiver
from tests.plugins import receivers
from tests.plugins.collector import Collector
from tests.plugins.exports import EXPORT, export, export_at_last, refusal
from tests.plugins.http2 import connect, read_until, status_of_a_call
from tests.plugins.observed import rows
from tests.plugins.otlp import request, span
from tests.plugins.store import Store


def test_ok_means_committed(collector: Collector) -> None:
    answer = export(collector.target, request(span(1)).SerializeToString())
    collector.kill9()
    assert not answer.HasField("partial_success")
    assert rows(collector, "SELECT span_id FROM spans") == [(1,)]


@pytest.mark.parametrize(
    "message", [ExportTraceServiceRequest(), request(), request(resource={"a": 1})]
)
def test_a_request_without_spans_is_fine(
    collector: Collector, message: ExportTraceServiceRequest
) -> None:
    answer = export(collector.target, message.SerializeToString())
    assert answer == ExportTraceServiceResponse()
    assert rows(collector, "SELECT * FROM spans") == []


def test_bad_spans_are_counted_and_the_others_stored(collector: Collector) -> None:
    bad = [span(0), span(trace_id=bytes(16)), span(trace_id=b"short")]
    message = request(*(span(n) for n in range(1, 11)), *bad)
    answer = export(collector.target, message.SerializeToString())
    assert answer.partial_success.rejected_spans == 3
    assert answer.partial_success.error_message == (
        "Spans that cannot be stored: 1 invalid_span_id, 2 invalid_trace_id."
    )
    assert rows(collector, "SELECT count(*) FROM spans") == [(10,)]


@pytest.mark.parametrize(
    "compression", [grpc.Compression.NoCompression, grpc.Compression.Gzip]
)
def test_gzip_and_plain_store_the_same(
    collector: Collector, compression: grpc.Compression
) -> None:
    message = span(1, attributes={"long": "x" * 5000})
    export(
        collector.target, request(message).SerializeToString(), compression=compression
    )
    assert [s.body for s in collector.stored()] == [message.SerializeToString()]


@pytest.mark.parametrize("garbage", [b"garbage", b"\x0a\xff\xff", bytes(9)])
def test_garbage_is_an_invalid_argument(collector: Collector, garbage: bytes) -> None:
    error = refusal(collector.target, garbage)
    assert error.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert error.details().startswith("The request is not an OTLP Export")
    export(collector.target, request(span(1)).SerializeToString())


def test_a_locked_store_is_unavailable_with_a_hint_and_recovers(
    collector: Collector,
) -> None:
    blocker = sqlite3.connect(collector.store.removeprefix("sqlite:///"))
    blocker.execute("BEGIN IMMEDIATE")
    message = request(span(1)).SerializeToString()
    error = refusal(collector.target, message)
    assert error.code() == grpc.StatusCode.UNAVAILABLE
    trailers = dict(error.trailing_metadata())
    bare = RetryInfo.FromString(trailers["google.rpc.retryinfo-bin"])
    status = Status.FromString(trailers["grpc-status-details-bin"])
    packed = RetryInfo()
    assert status.details[0].Unpack(packed)
    assert packed == bare
    assert 1 <= bare.retry_delay.ToTimedelta().total_seconds() <= 2
    blocker.close()
    export_at_last(collector.target, message)
    assert rows(collector, "SELECT count(*) FROM spans") == [(1,)]


@pytest.mark.alone
def test_no_sender_waits_past_its_deadline(collector: Collector) -> None:
    blocker = sqlite3.connect(collector.store.removeprefix("sqlite:///"))
    blocker.execute("BEGIN IMMEDIATE")
    error = refusal(collector.target, request(span(1)).SerializeToString(), timeout=2)
    assert error.code() == grpc.StatusCode.UNAVAILABLE
    blocker.close()


def test_too_large_a_request_is_refused_for_good(tmp_path: Path) -> None:
    options = ("--max-request-bytes", "10000", "--max-in-flight-bytes", "10000")
    with Collector.running(tmp_path, *options) as collector:
        whole = request(span(1, attributes={"x": "y" * 20_000})).SerializeToString()
        error = refusal(collector.target, whole)
        assert error.code() == grpc.StatusCode.RESOURCE_EXHAUSTED
        assert "google.rpc.retryinfo-bin" not in dict(error.trailing_metadata())
        bomb = refusal(collector.target, whole, compression=grpc.Compression.Gzip)
        assert bomb.code() == grpc.StatusCode.RESOURCE_EXHAUSTED
        export(collector.target, request(span(2)).SerializeToString())


def test_too_many_spans_are_refused_for_good(tmp_path: Path) -> None:
    """As too many bytes are, so that senders know to part their batch."""
    with Collector.running(tmp_path, "--max-request-spans", "10") as collector:
        few = request(*[span(n) for n in range(1, 6)]).SerializeToString()
        export(collector.target, few)
        error = refusal(collector.target, few * 2)
        assert error.code() == grpc.StatusCode.RESOURCE_EXHAUSTED
        assert "send smaller batches" in str(error.details())
        assert "google.rpc.retryinfo-bin" not in dict(error.trailing_metadata())


def test_a_call_without_a_message_is_no_request(collector: Collector) -> None:
    with grpc.insecure_channel(collector.target) as channel:
        with pytest.raises(grpc.RpcError) as caught:
            channel.stream_unary(EXPORT)(iter(()), timeout=20)
        assert caught.value.code() == grpc.StatusCode.UNAVAILABLE
    export(collector.target, request(span(1)).SerializeToString())


def test_other_services_are_unimplemented(collector: Collector) -> None:
    metrics = "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export"
    with (
        grpc.insecure_channel(collector.target) as channel,
        pytest.raises(grpc.RpcError) as caught,
    ):
        channel.unary_unary(metrics)(b"", timeout=20)
    assert caught.value.code() == grpc.StatusCode.UNIMPLEMENTED


@pytest.mark.parametrize("compression", ["zstd", "snappy"])
def test_an_unknown_compression_is_refused_for_good(
    collector: Collector, compression: str
) -> None:
    """Senders that are set to one read that sending again is useless."""
    status = status_of_a_call(collector.target, EXPORT, compression)
    assert status == grpc.StatusCode.INTERNAL.value[0]
    export(collector.target, request(span(1)).SerializeToString())


def test_a_second_collector_on_the_port_fails(
    collector: Collector, tmp_path: Path
) -> None:
    """Catalogue 16."""
    second = Collector(tmp_path / "second", "--grpc", collector.target)
    why = r"cannot listen on 127\.0\.0\.1:\d+: Address already in use"
    with pytest.raises(pytest.fail.Exception, match=why):
        second.start()


def test_a_connection_has_an_end(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """A certificate that is not accepted any more is not of use for ever."""
    monkeypatch.setattr(grpc_receiver, "_MAX_CONNECTION_SECONDS", 0.2)

    def stay(target: str) -> None:
        with connect(target) as connection:
            read_until(connection, b"max_age")

    async def talk() -> None:
        async with receivers.over_grpc(store) as target:
            await asyncio.to_thread(stay, target)

    asyncio.run(talk())


def test_health_says_serving(collector: Collector) -> None:
    with grpc.insecure_channel(collector.target) as channel:
        check = health_pb2_grpc.HealthStub(channel).Check
        for service in ("", "opentelemetry.proto.collector.trace.v1.TraceService"):
            answer = check(health_pb2.HealthCheckRequest(service=service), timeout=20)
            assert answer.status == health_pb2.HealthCheckResponse.SERVING


def test_health_knows_no_other_service(collector: Collector) -> None:
    """Catalogue 15: Check refuses a name, Watch waits for it to become known."""
    other = health_pb2.HealthCheckRequest(service="another.Service")
    with grpc.insecure_channel(collector.target) as channel:
        health = health_pb2_grpc.HealthStub(channel)
        with pytest.raises(grpc.RpcError) as caught:
            health.Check(other, timeout=20)
        assert caught.value.code() == grpc.StatusCode.NOT_FOUND
        unknown = health_pb2.HealthCheckResponse.SERVICE_UNKNOWN
        assert next(health.Watch(other, timeout=20)).status == unknown


@pytest.mark.slow
def test_health_follows_the_store_and_the_drain(tmp_path: Path) -> None:
    """Catalogue 15: Watch pushes start, store loss, recovery and drain."""
    with (
        Collector.running(tmp_path, "--drain-seconds", "2") as collector,
        grpc.insecure_channel(collector.target) as channel,
    ):
        watch = health_pb2_grpc.HealthStub(channel).Watch
        seen = watch(health_pb2.HealthCheckRequest(), timeout=60)
        assert next(seen).status == health_pb2.HealthCheckResponse.SERVING
        blocker = sqlite3.connect(collector.store.removeprefix("sqlite:///"))
        blocker.execute("BEGIN IMMEDIATE")
        refusal(collector.target, request(span(1)).SerializeToString())
        assert next(seen).status == health_pb2.HealthCheckResponse.NOT_SERVING
        blocker.close()
        assert next(seen).status == health_pb2.HealthCheckResponse.SERVING
        with ThreadPoolExecutor(1) as stopper:
            exit_code = stopper.submit(collector.terminate)
            assert next(seen).status == health_pb2.HealthCheckResponse.NOT_SERVING
            assert exit_code.result() == 0


@pytest.fixture
def guarded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    with monkeypatch.context() as patch:
        patch.setenv("SPANFRAME_TOKEN", "s3cret")
        with Collector.running(tmp_path / "guarded") as collector:
            patch.undo()
            yield collector


@pytest.mark.parametrize(
    "shown",
    [
        (),
        (("authorization", ""),),
        (("authorization", "Bearer"),),
        (("authorization", "Bearer s3cre"),),
        (("authorization", "Bearer s3cret2"),),
        (("authorization", "Bearer S3CRET"),),
        (("authorization", "bearer s3cret"),),
        (("authorization", "Basic s3cret"),),
        (("authorization", "Bearer s3cret"), ("authorization", "Bearer s3cret")),
    ],
)
def test_without_the_token_nothing_is_taken(guarded: Collector, shown: Any) -> None:
    error = refusal(
        guarded.target, request(span(1)).SerializeToString(), metadata=shown
    )
    assert error.code() == grpc.StatusCode.UNAUTHENTICATED
    assert rows(guarded, "SELECT * FROM spans") == []
    assert "s3cret" not in guarded.log


@pytest.mark.parametrize(
    "path",
    [
        EXPORT,
        EXPORT.removeprefix("/"),
        f"/{EXPORT}",
        f"{EXPORT}/",
        f"{EXPORT}?x",
        f"/grpc.health.v1.Health/..{EXPORT}",
        EXPORT.replace("/Export", "%2fExport"),
        "grpc.health.v1.Health/Check",
        "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
    ],
)
def test_no_way_to_write_a_path_goes_past_the_token(
    guarded: Collector, path: str
) -> None:
    """Catalogue 52: what is not allowed letter by letter is denied."""
    status = status_of_a_call(guarded.target, path)
    assert status == grpc.StatusCode.UNAUTHENTICATED.value[0]


def test_with_the_token_spans_are_taken_and_health_needs_none(
    guarded: Collector,
) -> None:
    export(
        guarded.target,
        request(span(1)).SerializeToString(),
        metadata=(("authorization", "Bearer s3cret"),),
    )
    assert rows(guarded, "SELECT count(*) FROM spans") == [(1,)]
    with grpc.insecure_channel(guarded.target) as channel:
        check = health_pb2_grpc.HealthStub(channel).Check
        assert check(health_pb2.HealthCheckRequest(), timeout=20).status


def test_the_experiment_header_places_traces(collector: Collector) -> None:
    named = request(span(1), resource={"spanframe.experiment": "e"})
    export(collector.target, named.SerializeToString())
    for number, header in ((2, "1"), (3, "77"), (4, "words")):
        message = request(span(number, trace_id=bytes([number]) * 16))
        export(
            collector.target,
            message.SerializeToString(),
            metadata=(("x-mlflow-experiment-id", header),),
        )
    query = "SELECT experiment_id FROM traces ORDER BY trace_key"
    assert rows(collector, query) == [(1,), (1,), (0,), (0,)]


def test_a_stopped_collector_tells_its_counts(collector: Collector) -> None:
    message = request(span(1), span(2), span(0)).SerializeToString()
    export(collector.target, message)
    export(collector.target, message)
    assert collector.terminate() == 0
    assert (
        "2 requests, 6 spans received, 2 stored, 2 delivered before, "
        "2 rejected (invalid_span_id)"
    ) in collector.log


def test_the_ready_file_is_json(collector: Collector) -> None:
    path = Path(collector.store.removeprefix("sqlite:///")).with_name("ready.json")
    assert json.loads(path.read_text())["grpc"] == collector.target


@pytest.mark.alone
def test_what_an_app_flushes_after_the_common_signal_is_stored(tmp_path: Path) -> None:
    """Catalogue 36: spans flushed 2 s after SIGTERM are stored."""
    with (
        Collector.running(tmp_path, "--drain-seconds", "3") as collector,
        ThreadPoolExecutor(1) as stopper,
    ):
        exit_code = stopper.submit(collector.terminate)
        time.sleep(2)
        export(collector.target, request(span(1)).SerializeToString())
        assert exit_code.result() == 0
        assert rows(collector, "SELECT count(*) FROM spans") == [(1,)]
