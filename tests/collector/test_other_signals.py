"""Logs and metrics are accepted, and GenAI events are joined to their spans."""

import json
from typing import Any

import grpc
import pytest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import (
    ExportLogsServiceRequest,
)
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord, ResourceLogs, ScopeLogs
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from spanframe.client import SpanframeClient
from spanframe_collector import log_events
from spanframe_collector.log_events import LogEvents
from spanframe_query.stores import close_stores
from spanframe_store.contract.spans import SpanRow
from spanframe_store.otlp import EnvelopeError, decode_request
from tests.plugins.collector import Collector
from tests.plugins.http_exports import JSON, PROTOBUF, send
from tests.plugins.otlp import START, TRACE, any_value, pairs, request, span

DETAILS = "gen_ai.client.inference.operation.details"
ASKED = {"gen_ai.input.messages": [{"role": "user", "content": "hi"}]}
MODEL = {"gen_ai.operation.name": "chat"}


def record(number: int = 1, name: str = DETAILS, **fields: Any) -> LogRecord:
    found = LogRecord(
        time_unix_nano=START,
        trace_id=TRACE,
        span_id=number.to_bytes(8, "big"),
        event_name=name,
        attributes=pairs(ASKED),
    )
    found.MergeFrom(LogRecord(**fields))
    return found


def logs(*records: LogRecord) -> ExportLogsServiceRequest:
    scope = ScopeLogs(log_records=records)
    return ExportLogsServiceRequest(resource_logs=[ResourceLogs(scope_logs=[scope])])


def rows_of(message: bytes) -> list[SpanRow]:
    return decode_request(message).rows


def sent(*spans: Span) -> bytes:
    return request(*spans, resource={"service.name": "shop"}).SerializeToString()


def events_of(message: bytes) -> list[list[str]]:
    bodies = [Span.FromString(row.body) for row in rows_of(message)]
    return [[event.name for event in body.events] for body in bodies]


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_an_event_waits_for_its_span() -> None:
    waiting = LogEvents()
    assert waiting.take(logs(record(), record(2)).SerializeToString()) == (b"", 2, 0)
    rows = rows_of(sent(span(3), span(1, attributes=MODEL)))
    found = waiting.requests_of(rows)
    assert list(found) == [1]
    assert events_of(found[1]) == [[DETAILS]]
    [joined] = rows_of(found[1])
    assert joined.resource == rows[1].resource
    assert (joined.end_ns, joined.span_id) == (rows[1].end_ns, 1)
    assert waiting.requests_of(rows) == {}


def test_a_span_that_came_first_is_stored_again_as_the_newer_one() -> None:
    waiting = LogEvents()
    rows = rows_of(sent(span(1, attributes=MODEL)))
    assert waiting.requests_of(rows) == {}
    again, joined, dropped = waiting.take(logs(record()).SerializeToString())
    assert (joined, dropped) == (1, 0)
    assert events_of(again) == [[DETAILS]]
    [newer] = rows_of(again)
    assert newer.end_ns == rows[0].end_ns + 1


def test_an_older_event_keeps_its_message_in_the_body() -> None:
    waiting = LogEvents()
    body = any_value({"content": "hi"})
    older = record(name="", attributes=pairs({"event.name": "gen_ai.user.message"}))
    older.body.CopyFrom(body)
    waiting.take(logs(older).SerializeToString())
    found = waiting.requests_of(rows_of(sent(span(1, attributes=MODEL))))
    [event] = Span.FromString(rows_of(found[0])[0].body).events
    assert event.name == "gen_ai.user.message"
    assert [kv.key for kv in event.attributes][-1] == "content"


@pytest.mark.parametrize(
    "other",
    [
        LogRecord(),
        LogRecord(body=any_value("gen_ai.user.message")),
        record(name="app.started"),
        LogRecord(event_name=DETAILS, trace_id=TRACE, span_id=b"1"),
    ],
    ids=["empty", "words", "another event", "a short id"],
)
def test_other_records_are_dropped(other: LogRecord) -> None:
    assert LogEvents().take(logs(other).SerializeToString()) == (b"", 0, 1)


def test_what_waits_too_long_is_dropped() -> None:
    clock = Clock()
    waiting = LogEvents(clock)
    waiting.take(logs(record()).SerializeToString())
    clock.now = 61.0
    waiting.take(logs(record(2)).SerializeToString())
    spans = (span(1, attributes=MODEL), span(2, attributes=MODEL))
    assert list(waiting.requests_of(rows_of(sent(*spans)))) == [1]


def test_what_takes_too_much_room_is_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_events, "_MAX_WAITING_BYTES", 150)
    waiting = LogEvents()
    for number in (1, 2, 3):
        waiting.take(logs(record(number)).SerializeToString())
    spans = [span(number, attributes=MODEL) for number in (1, 2, 3)]
    assert list(waiting.requests_of(rows_of(sent(*spans)))) == [2]


def test_garbage_is_no_request() -> None:
    with pytest.raises(EnvelopeError):
        LogEvents().take(b"\x0a\xff\xff")


# --- over the wire --------------------------------------------------------------------


def found(collector: Collector) -> Any:
    try:
        [trace] = SpanframeClient(collector.store).search_traces(["0"])
        [shown] = trace.data.spans
        return trace.info.request_preview, shown.inputs
    finally:
        close_stores()


@pytest.mark.parametrize("first", ["logs", "traces"])
def test_the_content_of_a_log_record_is_shown_on_its_span(
    collector: Collector, first: str
) -> None:
    bodies = {
        "logs": logs(record()).SerializeToString(),
        "traces": sent(span(1, attributes=MODEL)),
    }
    for signal in sorted(bodies, key=lambda each: each != first):
        answer = send(
            collector.http_endpoint, bodies[signal], PROTOBUF, path=f"/v1/{signal}"
        )
        assert (answer.status, answer.body) == (200, b"")
    assert found(collector) == ("hi", [{"role": "user", "content": "hi"}])


def test_log_records_in_json_are_joined(collector: Collector) -> None:
    text = json.dumps([{"role": "user", "content": "hi"}])
    attribute = {"key": "gen_ai.input.messages", "value": {"stringValue": text}}
    one = {
        "traceId": TRACE.hex(),
        "spanId": "0000000000000001",
        "eventName": DETAILS,
        "attributes": [attribute],
    }
    whole = {"resourceLogs": [{"scopeLogs": [{"logRecords": [one, {"traceId": 5}]}]}]}
    answer = send(
        collector.http_endpoint, json.dumps(whole).encode(), JSON, path="/v1/logs"
    )
    assert (answer.status, answer.body) == (200, b"{}")
    send(collector.http_endpoint, sent(span(1, attributes=MODEL)), PROTOBUF)
    assert found(collector) == ("hi", [{"role": "user", "content": "hi"}])


def test_other_signals_are_accepted_dropped_and_counted(collector: Collector) -> None:
    metrics = ExportMetricsServiceRequest()
    metrics.resource_metrics.add().scope_metrics.add().metrics.add(name="m")
    bodies: dict[str, Any] = {
        "logs.v1.LogsService": logs(LogRecord(), LogRecord()),
        "metrics.v1.MetricsService": metrics,
    }
    with grpc.insecure_channel(collector.endpoint.removeprefix("http://")) as channel:
        for service, body in bodies.items():
            method = f"/opentelemetry.proto.collector.{service}/Export"
            call: Any = channel.unary_unary(method)
            assert call(body.SerializeToString(), timeout=10) == b""
    for media_type, sent_body in (
        (PROTOBUF, metrics.SerializeToString()),
        (JSON, b"{}"),
    ):
        answer = send(
            collector.http_endpoint, sent_body, media_type, path="/v1/metrics"
        )
        assert answer.status == 200
    shown = send(collector.http_endpoint, method="GET", path="/metrics").body.decode()
    assert 'spanframe_dropped_records_total{signal="logs"} 2.0' in shown
    assert 'spanframe_dropped_records_total{signal="metrics"} 2.0' in shown
    assert collector.log.count("OTEL_METRICS_EXPORTER=none") == 1
