"""The benchmarks measure what they say: their workload, their checks, their runs."""

import math
import sqlite3
import statistics
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from itertools import pairwise
from pathlib import Path

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
)
from opentelemetry.proto.trace.v1.trace_pb2 import Span

import spanframe
from benchmarks import (
    aggregate,
    contention,
    ingest,
    postgresql,
    search,
    searches,
    workload,
)
from benchmarks.load import Sent
from benchmarks.report import Claim, at_least, at_most, write
from benchmarks.stores import Growth, fill
from benchmarks.verify import differences
from spanframe import keys
from spanframe._runtime import runtime

TRACES = 2000


@pytest.fixture(scope="module")
def requests() -> list[workload.Request]:
    return list(workload.requests(0, TRACES))


@pytest.fixture(scope="module")
def arrived(requests: list[workload.Request]) -> list[Span]:
    """Every span, in the order of its arrival."""
    return [
        span
        for request in requests
        for resource in ExportTraceServiceRequest.FromString(
            request.body
        ).resource_spans
        for scope in resource.scope_spans
        for span in scope.spans
    ]


@pytest.fixture
def _no_settings() -> Iterator[None]:
    """Forget which store the test has searched."""
    yield
    runtime.reset()


def test_one_seed_makes_one_workload(requests: list[workload.Request]) -> None:
    assert list(workload.requests(0, TRACES)) == requests
    assert list(workload.requests(0, TRACES, seed=1)) != requests


def test_a_trace_can_be_made_again_from_its_number(arrived: list[Span]) -> None:
    sent = {span.SerializeToString() for span in arrived}
    made = {
        Span.FromString(span).SerializeToString()
        for number in range(TRACES)
        for span in workload.spans_of(number)
    }
    assert sent == made


def test_requests_hold_512_spans_of_700_bytes(
    requests: list[workload.Request], arrived: list[Span]
) -> None:
    assert {request.spans for request in requests[:-1]} == {512}
    assert sum(request.spans for request in requests) == len(arrived)
    size = sum(len(request.body) for request in requests) / len(arrived)
    assert 650 < size < 750


def test_a_trace_has_eight_spans_within_its_root() -> None:
    for number in range(100):
        root, *children = map(Span.FromString, workload.spans_of(number))
        assert len(children) == 7
        assert not root.parent_span_id
        by_id = {span.span_id: span for span in (root, *children)}
        for child in children:
            parent = by_id[child.parent_span_id]
            assert child.trace_id == root.trace_id
            assert parent.start_time_unix_nano <= child.start_time_unix_nano
            assert child.start_time_unix_nano <= child.end_time_unix_nano
            assert child.end_time_unix_nano <= parent.end_time_unix_nano


def test_one_span_in_a_hundred_comes_twice(arrived: list[Span]) -> None:
    times = Counter(span.span_id for span in arrived)
    assert len(times) == TRACES * len(workload.SHAPE)
    again = sum(count - 1 for count in times.values())
    assert again / len(times) == pytest.approx(0.01, rel=0.3)


def test_spans_arrive_out_of_order_and_some_children_late(arrived: list[Span]) -> None:
    starts = [span.start_time_unix_nano for span in arrived]
    backwards = sum(later < earlier for earlier, later in pairwise(starts))
    assert backwards / len(starts) == pytest.approx(0.5, abs=0.05)
    first: dict[bytes, int] = {}
    for place, span in enumerate(arrived):
        first.setdefault(span.span_id, place)
    roots = {s.trace_id: first[s.span_id] for s in arrived if not s.parent_span_id}
    window = workload.WINDOW_TRACES * len(workload.SHAPE) * 1.03
    apart = [first[s.span_id] - roots[s.trace_id] for s in arrived if s.parent_span_id]
    late = sum(distance > window for distance in apart)
    assert late / len(apart) == pytest.approx(0.01, rel=0.3)


def test_the_facts_have_the_stated_distributions() -> None:
    facts = [workload.draw(number)[0] for number in range(5 * TRACES)]
    count = len(facts)
    assert sum(f.failed for f in facts) / count == pytest.approx(0.05, rel=0.15)
    assert sum(f.session is not None for f in facts) / count == pytest.approx(
        1 / 6, rel=0.1
    )
    for values, sizes in (
        ({f.environment for f in facts}, {3}),
        ({f.version for f in facts}, {2}),
        ({f.customer for f in facts}, {1000}),
        ({f.user for f in facts}, range(4000, 5001)),
    ):
        assert len(values) in sizes
    logarithms = [math.log(f.duration_ns / 1e9) for f in facts]
    assert statistics.mean(logarithms) == pytest.approx(0.18, abs=0.05)
    assert statistics.stdev(logarithms) == pytest.approx(0.9, rel=0.05)


def test_a_root_carries_the_facts_of_its_trace() -> None:
    facts = next(f for f in map(_facts, range(100)) if f.session and f.failed)
    root = Span.FromString(workload.spans_of(facts.number)[0])
    attributes = {pair.key: pair.value.string_value for pair in root.attributes}
    assert attributes[keys.TAG_PREFIX + "environment"] == facts.environment
    assert attributes[keys.TAG_PREFIX + "customer_id"] == facts.customer
    assert attributes[keys.TAG_PREFIX + "app_version"] == facts.version
    assert attributes[keys.USER_ID] == facts.user
    assert attributes[keys.SESSION_ID] == facts.session
    assert root.status.code == root.status.STATUS_CODE_ERROR


def _facts(number: int) -> workload.Facts:
    return workload.draw(number)[0]


@pytest.mark.parametrize(
    ("claim", "verdict"),
    [
        (at_most("time", 4.0, " ms", 10, 5), "goal"),
        (at_most("time", 10.0, " ms", 10, 5), "met"),
        (at_most("time", 10.1, " ms", 10, 5), "MISSED"),
        (at_least("rate", 60.0, "x", 30, 60), "goal"),
        (at_least("rate", 30.0, "x", 30, 60), "met"),
        (at_least("rate", 29.9, "x", 30, 60), "MISSED"),
    ],
)
def test_a_claim_says_what_it_reaches(claim: Claim, verdict: str) -> None:
    assert claim.verdict == verdict
    assert claim.row().endswith(f"| {verdict} |")


def test_growth_compares_the_ends_of_a_run() -> None:
    portions = [Sent(100, 1000, seconds) for seconds in (1, 1, 1, 1, 9, 2, 2, 2, 2)]
    growth = Growth(portions, peak_mib=90.0, cpu_seconds=0.9, file_bytes=4500)
    assert (growth.first_rate, growth.last_rate) == (100, 50)
    assert growth.bytes_share == 0.5
    assert growth.cpu_us_of_a_span == 1000
    peers = {"mlflow==3": ingest.Beside(peer=4.0, ours=100.0, ratio=26.0)}
    ratios = {c.text: c.value for c in ingest.claims(growth, 3.0, peers)}
    assert ratios["spans/s against mlflow"] == 26
    assert ratios["one span, export → ack, p50"] == 3.0


@pytest.mark.slow
@pytest.mark.usefixtures("_no_settings")
def test_a_store_is_compared_with_what_was_sent(tmp_path: Path) -> None:
    store = tmp_path / "store.db"
    growth = fill(store, 200)
    assert growth.peak_mib > 10
    assert growth.cpu_seconds > 0
    assert sum(sent.spans for sent in growth.portions) >= 1600
    assert differences(store, 200) == []

    with closing(sqlite3.connect(store)) as connection, connection:
        connection.execute("UPDATE traces SET status = 'IN_PROGRESS'")
        connection.execute("DELETE FROM spans WHERE trace_key = 1")
    spans, *others = differences(store, 200)
    assert spans == "spans: 1592 are stored, 1600 were sent"
    assert len([line for line in others if "status is 'IN_PROGRESS'" in line]) == 10


@pytest.mark.slow
@pytest.mark.deep
@pytest.mark.usefixtures("_no_settings")
def test_searches_run_from_store_to_page(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store = tmp_path / "store.db"
    fill(store, 200)
    url = f"sqlite:///{store}"
    [timings] = searches.time_searches([(url, 200)], repeats=1)
    facts = [_facts(number) for number in range(200)]
    rows = {name: timing.rows for name, timing in timings.items()}
    assert len(rows) == 14
    assert rows["newest 100"] == rows["last hour"] == 100
    assert rows["status"] == rows["failed span by name"] == sum(f.failed for f in facts)
    assert rows["duration > 5 s"] == sum(f.duration_ns >= 5_001_000_000 for f in facts)
    name = workload.ROOT_NAMES[0]
    assert rows["name"] == sum(f.name == name for f in facts)
    assert rows["session, oldest first"] >= 1

    assert search.seconds_of_newest(200, 1, include_spans=False) > 0
    assert search.seconds_of_driver(store, 200, 1) > 0
    runs = [each.run for each in searches.searches(200)]
    measured = contention.while_ingesting(store, 200, runs)
    assert differences(store, 200, compared=0) == []

    spanframe.set_tracking_uri(url)
    aggregates = aggregate.time_calls(200, repeats=1)
    assert aggregates["error rate by version"].groups == 2
    assert [claim.unit for claim in aggregate.claims(aggregates)] == [" ms"]
    assert aggregate.pandas_ms(200, repeats=1) > 0

    page = tmp_path / "results" / "page.md"
    claims = search.claims(timings, timings, measured)
    write(page, "Title", claims, {"figure": "1"}, search.details(timings, timings))
    text = page.read_text()
    assert "load average" in text
    assert text in capsys.readouterr().out
    assert all(f"| {claim.text} |" in text for claim in claims)
    assert all(f"| {name} |" in text for name in timings)


@pytest.mark.slow
@pytest.mark.deep
@pytest.mark.timeout(300)  # it initialises servers of its own
@pytest.mark.usefixtures("_no_settings")
def test_postgresql_is_measured_beside_sqlite(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgresql, "WORK", tmp_path)
    monkeypatch.setattr(postgresql, "store_of", lambda traces: tmp_path / f"{traces}")
    monkeypatch.setattr(postgresql, "REPEATS", 2)
    monkeypatch.setattr(postgresql, "PASSES", 1)
    assert postgresql.ingest(200, tmp_path, ingest.settled, peers=False) == 0
    assert postgresql.search(200, tmp_path) == 0
    ingested = (tmp_path / "postgresql-ingest-200.md").read_text()
    assert "| stored as sent | yes |" in ingested
    searched = (tmp_path / "postgresql-search-200.md").read_text()
    assert "| newest 100 | 100 |" in searched
    assert "| newest 100, with spans | 100 |" in searched
    assert searched.count("| ≤ 3 |") == 2 * 14 + 2
