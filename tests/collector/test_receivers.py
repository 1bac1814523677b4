"""What every way in promises: gRPC, HTTP with protobuf, HTTP with JSON."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
)

from tests.plugins.collector import Collector
from tests.plugins.observed import locked, rows
from tests.plugins.otlp import request, span
from tests.plugins.senders import EVERY_SENDER, SENDERS, Sender, Told

pytestmark = EVERY_SENDER
TAKEN = Told("taken")
TOKEN = {"authorization": "Bearer s3cret"}


def trace(number: int, **fields: Any) -> ExportTraceServiceRequest:
    """Make a request of one span in a trace of its own."""
    return request(span(number, trace_id=number.to_bytes(16, "big"), **fields))


def count(collector: Collector) -> int:
    [[spans]] = rows(collector, "SELECT count(*) FROM spans")
    return int(spans)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Collector]:
    """A collector for tests that do not ask what it has stored before."""
    with Collector.running(tmp_path_factory.mktemp("shared")) as collector:
        yield collector


# --- what is taken --------------------------------------------------------------------


def test_ok_means_committed(collector: Collector, sender: Sender) -> None:
    assert sender(collector, trace(1)) == TAKEN
    collector.kill9()
    assert rows(collector, "SELECT span_id FROM spans") == [(1,)]


@pytest.mark.parametrize(
    "message",
    [ExportTraceServiceRequest(), request(), request(resource={"a": 1})],
    ids=["empty", "no spans", "a resource"],
)
def test_a_request_without_spans_is_fine(
    shared: Collector, sender: Sender, message: ExportTraceServiceRequest
) -> None:
    """Catalogue 1."""
    before = count(shared)
    assert sender(shared, message) == TAKEN
    assert count(shared) == before


def test_bad_spans_are_counted_and_the_others_stored(
    collector: Collector, sender: Sender
) -> None:
    """Catalogue 7."""
    bad = [span(0), span(trace_id=bytes(16)), span(trace_id=b"short")]
    message = request(*(span(n) for n in range(1, 11)), *bad)
    sentence = (
        "Spans that cannot be stored: 1 invalid_span_id, 2 invalid_trace_id. Rejected: "
        "span_id of span 11 of the request is all zeros; trace_id of span "
        "0000000000000001 is all zeros; trace_id of span 0000000000000001 has 5 bytes, "
        "not 16."
    )
    for _ in range(2):
        assert sender(collector, message) == Told("taken", sentence, 3)
    assert count(collector) == 10
    assert collector.terminate() == 0
    assert (
        "2 requests, 26 spans received, 10 stored, 10 delivered before, "
        "2 rejected (invalid_span_id), 4 rejected (invalid_trace_id)"
    ) in collector.log


@pytest.mark.parametrize("compressed", [False, True], ids=["plain", "gzip"])
def test_gzip_and_plain_store_the_same(
    collector: Collector, sender: Sender, compressed: bool
) -> None:
    message = span(1, attributes={"long": "x" * 5000})
    assert sender(collector, request(message), compressed=compressed) == TAKEN
    assert [s.body for s in collector.stored()] == [message.SerializeToString()]


def test_the_experiment_header_places_traces(
    collector: Collector, sender: Sender
) -> None:
    named = request(span(1), resource={"spanframe.experiment": "e"})
    assert sender(collector, named) == TAKEN
    for number, header in ((2, "1"), (3, "77"), (4, "words")):
        told = sender(
            collector, trace(number), headers={"x-mlflow-experiment-id": header}
        )
        assert told == TAKEN
    query = "SELECT experiment_id FROM traces ORDER BY trace_key"
    assert rows(collector, query) == [(1,), (1,), (0,), (0,)]


def test_the_run_header_names_the_run_of_traces(
    collector: Collector, sender: Sender
) -> None:
    for number, headers in ((1, {"x-mlflow-run-id": "r-1"}), (2, {})):
        assert sender(collector, trace(number), headers=headers) == TAKEN
    query = "SELECT metadata FROM traces ORDER BY trace_key"
    assert [said for (said,) in rows(collector, query)] == [
        '{"mlflow.sourceRun":"r-1"}',
        "{}",
    ]


# --- what is refused ------------------------------------------------------------------


@pytest.mark.parametrize("garbage", [b"garbage", b"\x0a\xff\xff", bytes(9)])
def test_garbage_is_undecodable(
    shared: Collector, sender: Sender, garbage: bytes
) -> None:
    """Catalogue 11."""
    told = sender(shared, garbage)
    assert told.outcome == "undecodable"
    assert told.text.startswith("The request is not an OTLP Export")
    assert told.retry_seconds is None
    assert sender(shared, trace(1)) == TAKEN


def test_a_locked_store_is_unavailable_with_a_hint_and_recovers(
    collector: Collector, sender: Sender
) -> None:
    """Catalogue 18."""
    with locked(collector):
        told = sender(collector, trace(1))
        assert told.outcome == "unavailable"
        assert told.text.startswith("The store")
        assert told.retry_seconds is not None
        assert 1 <= told.retry_seconds <= 2
    deadline = time.monotonic() + 20
    while sender(collector, trace(1)).outcome == "unavailable":
        assert time.monotonic() < deadline
        time.sleep(0.1)
    assert count(collector) == 1


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Collector]:
    options = ["--max-request-bytes", "10000", "--max-in-flight-bytes", "20000"]
    options += ["--max-request-spans", "10"]
    with Collector.running(tmp_path_factory.mktemp("small"), *options) as collector:
        yield collector


@pytest.mark.parametrize("compressed", [False, True], ids=["plain", "gzip"])
def test_too_large_a_request_is_refused_for_good(
    small: Collector, sender: Sender, compressed: bool
) -> None:
    """Catalogue 10: a bomb is as large as what it becomes."""
    large = request(span(1, attributes={"x": "y" * 20_000}))
    told = sender(small, large, compressed=compressed)
    assert (told.outcome, told.retry_seconds) == ("too large", None)
    assert sender(small, trace(2)) == TAKEN


def test_too_many_spans_are_refused_for_good(small: Collector, sender: Sender) -> None:
    """As too many bytes are, so that senders know to part their batch."""
    few = request(*[span(n) for n in range(1, 6)])
    assert sender(small, few) == TAKEN
    many = ExportTraceServiceRequest(resource_spans=[*few.resource_spans] * 2)
    told = sender(small, many)
    assert (told.outcome, told.retry_seconds) == ("too large", None)
    assert "send smaller batches" in told.text


# --- who may send ---------------------------------------------------------------------


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Collector]:
    folder = tmp_path_factory.mktemp("guarded")
    tokens = folder / "tokens"
    tokens.write_text("s3cret\n")
    with Collector.running(folder / "c", "--token-file", str(tokens)) as collector:
        yield collector


@pytest.mark.parametrize(
    "shown",
    [
        None,
        "",
        "Bearer",
        "Bearer s3cre",
        "Bearer s3cret2",
        "Bearer S3CRET",
        "bearer s3cret",
        "Basic s3cret",
    ],
)
def test_without_the_token_nothing_is_taken(
    guarded: Collector, sender: Sender, shown: str | None
) -> None:
    """Catalogue 52."""
    headers = {} if shown is None else {"authorization": shown}
    told = sender(guarded, trace(99), headers=headers)
    assert (told.outcome, told.retry_seconds) == ("unauthenticated", None)
    assert rows(guarded, "SELECT 1 FROM spans WHERE span_id = 99") == []
    assert "s3cret" not in guarded.log


def test_with_the_token_spans_are_taken_and_health_needs_none(
    guarded: Collector, sender: Sender
) -> None:
    number = 1 + SENDERS.index(sender)
    assert sender(guarded, trace(number), headers=TOKEN) == TAKEN
    assert rows(guarded, f"SELECT 1 FROM spans WHERE span_id = {number}") == [(1,)]  # noqa: S608
    assert sender.serves(guarded)


# --- how it stops ---------------------------------------------------------------------


def test_what_an_app_flushes_after_the_common_signal_is_stored(
    tmp_path: Path, sender: Sender
) -> None:
    """Catalogue 36: spans flushed 2 s after SIGTERM are stored."""
    with (
        Collector.running(tmp_path, "--drain-seconds", "6") as collector,
        ThreadPoolExecutor(1) as stopper,
    ):
        exit_code = stopper.submit(collector.terminate)
        time.sleep(2)
        assert sender(collector, trace(1)) == TAKEN
        assert exit_code.result() == 0
        assert count(collector) == 1
