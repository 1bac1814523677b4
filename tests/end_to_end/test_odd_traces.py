"""Traces of odd shapes are stored and found: out of order, huge, deep, in a circle."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

import spanframe
from spanframe.entities import Trace
from spanframe_store.sql.usage import totals_of_traces
from tests.plugins.collector import Collector
from tests.plugins.exports import export
from tests.plugins.observed import pid_of, resident_mib
from tests.plugins.otlp import MS, REMOTE_PARENT, START, request, span
from tests.plugins.store import Store

HOUR_MS = 3_600_000
TRACE = bytes(range(1, 17))
REQUEST_ID = f"tr-{TRACE.hex()}"


@pytest.fixture
def searched(store: Store, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    """A store that searches look into."""
    monkeypatch.setenv("SPANFRAME_STORE", store.url)
    yield store
    monkeypatch.undo()


def found() -> dict[str, Any]:
    """Return the only trace as the DataFrame shows it."""
    [row] = spanframe.search_traces().to_dict("records")
    return {str(name): value for name, value in row.items()}


def read() -> Trace:
    trace = spanframe.get_trace(REQUEST_ID)
    assert trace is not None
    return trace


def sorted_by_id() -> list[Any]:
    return sorted(read().data.spans, key=lambda s: str(s.span_id))


def names() -> list[str]:
    return sorted(s.name for s in read().data.spans)


# --- late, early, never ---------------------------------------------------------------


def test_a_trace_is_readable_at_every_step_of_its_arrival(searched: Store) -> None:
    """Catalogue 43: leaves first, the root last; until then it is in progress."""
    arriving = [span(4, parent=3), span(3, parent=2), span(2, parent=1)]
    for number, late in enumerate(arriving, 1):
        searched.write(late)
        assert found()["status"] == "IN_PROGRESS"
        assert found()["request_id"] == REQUEST_ID
        assert len(names()) == number
    searched.write(span(1, name="root"))
    assert found()["status"] == "OK"
    assert names() == ["root", "span 2", "span 3", "span 4"]
    frame = spanframe.search_traces("name = 'root' AND status = 'OK'")
    assert list(frame["request_id"]) == [REQUEST_ID]


def test_a_span_24_h_late_joins_its_trace(searched: Store) -> None:
    """Catalogue 43: it changes neither the start nor the duration."""
    searched.write(span(1))
    before = found()
    searched.write(span(2, parent=1, start_ms=24 * HOUR_MS))
    after = found()
    assert names() == ["span 1", "span 2"]
    for column in ("timestamp_ms", "execution_time_ms", "status"):
        assert after[column] == before[column]


def test_a_root_that_never_arrives_leaves_a_usable_trace(searched: Store) -> None:
    """Catalogue 43: the span that came from another process stands in."""
    searched.write(span(2, parent=1, flags=REMOTE_PARENT), span(3, parent=2))
    assert found()["status"] == "OK"
    assert found()["execution_time_ms"] == 10


def test_a_trace_from_the_future_is_found(searched: Store) -> None:
    """Catalogue 43: a sender whose clock is an hour ahead."""
    ahead = time.time_ns() + HOUR_MS * MS
    early = span(1, start_time_unix_nano=ahead, end_time_unix_nano=ahead + MS)
    searched.write(early)
    assert found()["timestamp_ms"] == ahead // MS
    assert len(spanframe.search_traces("status = 'OK'")) == 1


def test_a_clock_that_steps_back_loses_nothing(searched: Store) -> None:
    """Catalogue 45: children before their parents, ends before starts."""
    searched.write(
        span(1, start_ms=0, ms=-HOUR_MS),
        span(2, parent=1, start_ms=-HOUR_MS, ms=5),
        span(3, parent=1, start_ms=5, ms=-HOUR_MS),
    )
    assert found()["timestamp_ms"] == START // MS
    assert found()["execution_time_ms"] == 0
    assert names() == ["span 1", "span 2", "span 3"]
    assert len(spanframe.search_traces("execution_time_ms >= 0")) == 1
    ends = [START - HOUR_MS * MS, START - HOUR_MS * MS + 5 * MS]
    ends.append(START + 5 * MS - HOUR_MS * MS)
    assert [s.end_time_ns for s in sorted_by_id()] == ends


# --- long, deep, round ----------------------------------------------------------------


def chain(length: int) -> Iterator[Span]:
    usage = {"gen_ai.usage.input_tokens": 1, "openinference.span.kind": "LLM"}
    for n in range(1, length + 1):
        yield span(n, parent=n - 1 if n > 1 else None, attributes=usage)


def circle(length: int) -> Iterator[Span]:
    for n in range(1, length + 1):
        yield span(n, parent=n % length + 1)


def parent_of_itself(_: int) -> Iterator[Span]:
    yield span(1, parent=1)


@pytest.mark.parametrize(
    ("shape", "length", "status"),
    [
        (chain, 10_000, "OK"),
        (circle, 10_000, "IN_PROGRESS"),
        (circle, 2, "IN_PROGRESS"),
        (parent_of_itself, 1, "IN_PROGRESS"),
    ],
)
def test_a_trace_of_any_shape_is_stored_searched_and_read(
    searched: Store, shape: Callable[[int], Iterator[Span]], length: int, status: str
) -> None:
    """Catalogue 44: nothing recurses along parents, nothing runs in circles."""
    searched.write(*shape(length))
    assert found()["status"] == status
    trace = read()
    assert len({s.span_id for s in trace.data.spans}) == length
    assert trace.to_json()
    assert len(spanframe.search_traces(f"span.name = 'span {length}'")) == 1
    with searched.engine.connect() as connection:
        assert len(totals_of_traces(connection, [1])) <= 1


@pytest.mark.slow
@pytest.mark.deep
def test_a_trace_of_100_000_spans_is_stored_searched_and_read(tmp_path: Path) -> None:
    """Catalogue 44: within the bounds of memory that hold for every sender."""
    with Collector.running(tmp_path / "c") as collector:
        export(collector.target, request(span(1)).SerializeToString())
        base = resident_mib(pid_of(collector))
        for begin in range(2, 100_001, 5_000):
            numbers = range(begin, min(begin + 5_000, 100_001))
            batch = [span(n, parent=1) for n in numbers]
            export(collector.target, request(*batch).SerializeToString())
        assert resident_mib(pid_of(collector)) - base <= 256
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("SPANFRAME_STORE", collector.store)
            assert len(read().data.spans) == 100_000
            [row] = spanframe.search_traces(max_results=1).to_dict("records")
            assert len(row["spans"]) == 100_000
            assert len(spanframe.search_traces("span.name = 'span 77777'")) == 1
