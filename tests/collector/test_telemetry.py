"""What the collector tells of itself is exact, bounded, and gives nothing away."""

import json
import sqlite3
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.plugins.collector import Collector, StartedCollector
from tests.plugins.exports import EXPORT, export, export_at_last, refusal
from tests.plugins.http2 import status_of_a_call
from tests.plugins.observed import metrics, total
from tests.plugins.otlp import request, span

CANARY = "canary-5ecret"


def test_every_span_is_accounted_for(collector: Collector) -> None:
    """Exactly: received = stored + duplicate + rejected{reason} + refused{reason}."""
    batch = [span(n) for n in range(1, 11)]
    export(collector.target, request(*batch).SerializeToString())
    export(collector.target, request(*batch, span(11)).SerializeToString())
    bad = [span(0), span(trace_id=b"x"), span(start_time_unix_nano=1 << 63)]
    export(collector.target, request(span(12), *bad).SerializeToString())
    blocker = sqlite3.connect(collector.store.removeprefix("sqlite:///"))
    blocker.execute("BEGIN IMMEDIATE")
    refusal(collector.target, request(span(13), span(14)).SerializeToString())
    blocker.close()
    export_at_last(collector.target, request(span(13)).SerializeToString())
    refusal(collector.target, b"garbage")

    found = metrics(collector)

    assert total(found, "spanframe_stored_spans") == 13
    assert total(found, "spanframe_duplicate_spans") == 10
    assert found['spanframe_rejected_spans_total{reason="invalid_trace_id"}'] == 1
    assert found['spanframe_rejected_spans_total{reason="invalid_span_id"}'] == 1
    assert total(found, "spanframe_rejected_spans") == 3
    assert total(found, "spanframe_refused_spans") == 2
    assert total(found, "spanframe_received_spans") == 13 + 10 + 3 + 2
    assert total(found, "otelcol_receiver_accepted_spans") == 23
    assert total(found, "otelcol_receiver_refused_spans") == 2
    assert found['otelcol_receiver_requests_total{outcome="undecodable"}'] == 1


def test_the_gauges_are_there(collector: Collector) -> None:
    export(collector.target, request(span(1)).SerializeToString())
    found = metrics(collector)
    assert found["spanframe_store_wal_bytes"] > 0
    assert found["spanframe_in_flight_bytes"] == 0
    assert abs(found["spanframe_last_commit_timestamp_seconds"] - time.time()) < 60
    assert found["otelcol_process_uptime"] > 0
    assert found["otelcol_process_memory_rss"] > 1_000_000
    assert found["spanframe_commit_seconds_count"] == 1


def test_names_that_senders_choose_make_no_series(collector: Collector) -> None:
    """Catalogue 58: series stay constant whatever senders call themselves."""
    export(collector.target, request(span(1)).SerializeToString())
    before = metrics(collector).keys()
    message = request()
    for n in range(200):
        message.MergeFrom(
            request(
                span(1, trace_id=n.to_bytes(16, "little")[:-1] + b"x", name=f"n{n}"),
                resource={"service.name": f"service {n}", f"key {n}": n},
                scope=f"scope {n}",
            )
        )
    export(collector.target, message.SerializeToString())
    assert metrics(collector).keys() == before


@pytest.fixture
def guarded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Collector]:
    with monkeypatch.context() as patch:
        patch.setenv("SPANFRAME_TOKEN", CANARY)
        # Not a fork: what keeps gRPC quiet works before gRPC is loaded, or not at all.
        collector = StartedCollector(tmp_path / "guarded", "--log-format", "json")
        collector.start()
        patch.undo()
        yield collector
        collector.kill9()


def test_metrics_want_the_token(guarded: Collector) -> None:
    with pytest.raises(urllib.error.HTTPError) as caught:
        metrics(guarded)
    assert caught.value.code == 401
    caught.value.close()
    assert metrics(guarded, CANARY)


def test_the_log_is_an_object_a_line_without_secrets(guarded: Collector) -> None:
    """Catalogue 56: the token is in no log line and no metric."""
    secret = {"password": CANARY, "line\r\nbreak": "\x1b[31m"}
    message = request(span(1, attributes=secret), span(0), resource=secret)
    shown = (("authorization", f"Bearer {CANARY}"),)
    export(guarded.target, message.SerializeToString(), metadata=shown)
    refusal(guarded.target, b"garbage", metadata=shown)
    refusal(guarded.target, b"", metadata=(("authorization", "Bearer wrong"),))
    status_of_a_call(guarded.target, EXPORT, "of which gRPC itself complains")
    pages = str(metrics(guarded, CANARY))
    assert guarded.terminate() == 0
    lines = [json.loads(line) for line in guarded.log.splitlines()]
    assert {"time", "level", "name", "message"} <= lines[0].keys()
    assert any("1 invalid_span_id" in line["message"] for line in lines)
    assert CANARY not in guarded.log + pages
