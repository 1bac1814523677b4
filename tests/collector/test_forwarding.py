"""Requests passed on to a second endpoint: masked, retried, never in the way."""

import asyncio
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import grpc
import grpc.aio
import pytest
from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.duration_pb2 import Duration
from google.rpc.error_details_pb2 import RetryInfo
from google.rpc.status_pb2 import Status
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTracePartialSuccess,
    ExportTraceServiceResponse,
)

from spanframe.errors import SettingsError
from spanframe_collector import forwarding
from spanframe_collector.forwarding import Forwarder
from spanframe_collector.receivers.grpc import TRACE_SERVICE
from spanframe_collector.settings import CollectorSettings
from spanframe_collector.telemetry import Telemetry
from tests.plugins.collector import Collector
from tests.plugins.exports import export
from tests.plugins.observed import metrics, rows, total
from tests.plugins.otlp import request, span


def eventually(holds: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + 20
    while not holds():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def spans_in(collector: Collector) -> list[tuple[int]]:
    return rows(collector, "SELECT span_id FROM spans ORDER BY span_id")


def test_what_is_accepted_is_passed_on_masked(tmp_path: Path) -> None:
    with Collector.running(tmp_path / "behind") as behind:
        options = ["--forward-endpoint", behind.endpoint, "--mask-keys", "*password*"]
        with Collector.running(tmp_path / "front", *options) as front:
            secret = {"password": "hunter2", "open": "kept"}
            message = request(span(1, attributes=secret), span(0))
            answer = export(front.target, message.SerializeToString())
            assert answer.partial_success.rejected_spans == 1
            assert eventually(lambda: spans_in(behind) == [(1,)])
            for collector in (front, behind):
                [body] = [stored.body for stored in collector.stored()]
                assert b"hunter2" not in body
                assert b"[redacted]" in body
                assert b"kept" in body


def test_an_endpoint_that_is_away_delays_nothing_and_gets_it_later(
    tmp_path: Path,
) -> None:
    behind = Collector(tmp_path / "behind")
    behind.start()
    behind.kill9()
    options = ["--forward-endpoint", behind.endpoint]
    with Collector.running(tmp_path / "front", *options) as front:
        for n in (1, 2, 3):
            export(front.target, request(span(n)).SerializeToString())
        assert spans_in(front) == [(1,), (2,), (3,)]
        behind.restart()
        try:
            assert eventually(lambda: spans_in(behind) == [(1,), (2,), (3,)])
        finally:
            behind.kill9()


def test_a_full_queue_leaves_out_and_counts(tmp_path: Path) -> None:
    options = ["--forward-endpoint", "http://127.0.0.1:9"]
    options += ["--forward-queue-bytes", "6000"]
    with Collector.running(tmp_path / "front", *options) as front:
        for n in (1, 2, 3):
            big = request(span(n, attributes={"filling": "x" * 5000}))
            export(front.target, big.SerializeToString())
        left_out = total(metrics(front), "otelcol_exporter_enqueue_failed_spans")
        assert left_out == 2
        assert front.terminate() == 0
        told = "1 requests were not forwarded to http://127.0.0.1:9 before the stop"
        assert told in front.log
        assert "Cannot forward to http://127.0.0.1:9: UNAVAILABLE: " in front.log
        assert "Connection refused; 1 requests are queued" in front.log
        assert "2 forwarded (queue_full)" in front.log
        assert spans_in(front) == [(1,), (2,), (3,)]


def test_what_the_endpoint_refuses_for_good_holds_up_nothing(tmp_path: Path) -> None:
    limits = ("--max-request-bytes", "10000", "--max-in-flight-bytes", "10000")
    with Collector.running(tmp_path / "behind", *limits) as behind:
        options = ("--forward-endpoint", behind.endpoint)
        with Collector.running(tmp_path / "front", *options) as front:
            large = request(*(span(n, name="x" * 200) for n in range(1, 101)))
            export(front.target, large.SerializeToString())
            export(front.target, request(span(101)).SerializeToString())
            assert eventually(lambda: spans_in(behind) == [(101,)])
            assert "refused a forwarded request: RESOURCE_EXHAUSTED: " in front.log
            assert "its 100 spans are in the store of this collector" in front.log
            found = metrics(front)
            assert total(found, "otelcol_exporter_send_failed_spans") == 100
            assert eventually(
                lambda: total(metrics(front), "otelcol_exporter_sent_spans") == 1
            )


def throttled(trailer: str) -> tuple[tuple[str, bytes]]:
    """Make the trailing metadata that asks for a moment's pause."""
    info = RetryInfo(retry_delay=Duration(nanos=10_000_000))
    if trailer == "google.rpc.retryinfo-bin":
        return ((trailer, info.SerializeToString()),)
    detail = AnyMessage()
    detail.Pack(info)
    return ((trailer, Status(details=[detail]).SerializeToString()),)


@pytest.mark.parametrize(
    "trailer", ["google.rpc.retryinfo-bin", "grpc-status-details-bin"]
)
def test_an_endpoint_that_says_when_is_asked_again(
    trailer: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(forwarding, "_PAUSES_S", (0.01,))
    telemetry = Telemetry()
    calls = 0

    async def take(_request: bytes, context: Any) -> bytes:
        nonlocal calls
        calls += 1
        if calls == 1:
            await context.abort(
                grpc.StatusCode.RESOURCE_EXHAUSTED, "", throttled(trailer)
            )
        told = ExportTracePartialSuccess(rejected_spans=1, error_message="no id")
        answer = ExportTraceServiceResponse(partial_success=told)
        return answer.SerializeToString()

    async def talk() -> None:
        server = grpc.aio.server()
        handler = grpc.unary_unary_rpc_method_handler(take)
        generic = grpc.method_handlers_generic_handler(
            TRACE_SERVICE, {"Export": handler}
        )
        server.add_generic_rpc_handlers((generic,))
        port = server.add_insecure_port("127.0.0.1:0")
        await server.start()
        forwarder = Forwarder(f"http://127.0.0.1:{port}", "", 1 << 20, telemetry)
        forwarder.offer(request(span(1), span(2), span(3)).SerializeToString())
        await forwarder.close(20)
        await server.stop(0)

    asyncio.run(talk())
    assert calls == 2
    page = telemetry.render()
    assert b'forwarded_requests_total{outcome="sent"} 1.0' in page
    assert b"otelcol_exporter_sent_spans_total 2.0" in page
    assert b"otelcol_exporter_send_failed_spans_total 1.0" in page
    assert "rejected 1 of 3 forwarded spans: partial success: no id" in caplog.text


@pytest.mark.parametrize(
    ("setting", "value", "why"),
    [
        ("mask_keys", "(", "is not a regular expression"),
        ("forward_endpoint", "elsewhere", "write http://HOST:PORT"),
    ],
)
def test_bad_settings_are_told(setting: str, value: str, why: str) -> None:
    with pytest.raises(SettingsError, match=why) as caught:
        CollectorSettings.load({setting: value}, {})
    assert setting in str(caught.value)
