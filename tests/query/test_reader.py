"""Pages of a search: as large as they may be, whole, in order."""

import json
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from spanframe_query import reader
from spanframe_query.entities import Trace
from spanframe_query.entities.found import FoundTraces
from spanframe_query.filter import parse_filter
from spanframe_query.order import parse_order
from spanframe_query.stores import close_stores, reading
from spanframe_store.contract.search import Search
from spanframe_store.otlp.content import loads
from spanframe_store.otlp.previews import MAX_METADATA_CHARS, cut
from spanframe_store.sql import reader as sql_reader
from tests.plugins.sample_spans import otlp_span, request_id
from tests.plugins.store import Store

_numbers = count(1)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """One store for all examples; each writes traces of its own."""
    path: Path = tmp_path_factory.mktemp("shared") / "spanframe.db"
    with Store(path) as store:
        yield store
        close_stores()


def search_one(store: Store, number: int) -> FoundTraces:
    search = Search(filter=parse_filter(f"request_id = '{request_id(number)}'"))
    return reader.read(reading(store.url), search, include_spans=True)


def one(store: Store, number: int) -> Trace:
    [trace] = search_one(store, number)
    return trace


_TEXTS = st.sampled_from(
    [
        '{"q": 1}',
        '"text"',
        "[1, 2]",
        "not json",
        '"\\ud83d"',
        "x" * 248,
        "x" * 249,
        json.dumps("y" * 248),
        json.dumps("y" * 249),
        "null",
        "",
        7,
        None,
    ]
)


@st.composite
def traces(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Draw what the spans of one trace have, ids 1, 2, …; parents need not exist."""
    size = draw(st.integers(1, 5))
    return [
        {
            "span": n,
            "parent": draw(st.sampled_from([0, 0, *range(1, 8)])),
            "name": draw(st.sampled_from(["a", "b", "näme"])),
            "start_ms": draw(st.integers(0, 3)),
            "duration_ms": draw(st.none() | st.integers(0, 3)),
            "status": draw(st.sampled_from(["UNSET", "OK", "ERROR"])),
            "flags": draw(st.sampled_from([0, 0x100, 0x300])),
            "attributes": {
                key: value
                for key in ("mlflow.spanInputs", "mlflow.spanOutputs", "input.value")
                if (value := draw(_TEXTS)) is not None
            },
        }
        for n in range(1, size + 1)
    ]


@given(spans=traces(), order=st.randoms(use_true_random=False))
def test_the_first_span_is_the_one_the_trace_row_speaks_of(
    shared: Store, spans: list[dict[str, Any]], order: Any
) -> None:
    number = next(_numbers)
    messages: list[Span] = [otlp_span(number, **span) for span in spans]
    order.shuffle(messages)
    for message in messages:
        shared.write(message)
    trace = one(shared, number)
    first = trace.data.spans[0]
    assert trace.info.name == first.name
    assert trace.info.request_time == first.start_time_ns // 1_000_000
    inputs = trace.info.metadata["mlflow.traceInputs"]
    request, response = trace.data.request, trace.data.response
    assert inputs == cut(request or "", MAX_METADATA_CHARS)
    said = tuple(None if t is None else loads(t) for t in (request, response))
    found = search_one(shared, number)
    assert [*found.root_values, found[0].data.root_values()] == [said, said]
    assert len(trace.data.spans) == len(spans)


def test_pages_of_any_size_are_the_whole(shared: Store) -> None:
    numbers = [next(_numbers) for _ in range(7)]
    model = f"page-{numbers[0]}"
    attributes = {"spanframe.metadata.mlflow.modelId": model}
    shared.write(*(otlp_span(n, start_ms=n, attributes=attributes) for n in numbers))
    engine = reading(shared.url)
    search = Search(
        filter=parse_filter(f"metadata.mlflow.modelId = '{model}'"),
        order=parse_order("timestamp_ms ASC"),
    )
    for size in range(1, 9):
        pages = reader.read_pages(engine, search, include_spans=True, size=size)
        found = [trace.trace_id for page in pages for trace in page.traces]
        assert found == [request_id(n) for n in numbers]


def test_a_page_says_where_it_ends_only_when_more_follow(shared: Store) -> None:
    numbers = [next(_numbers) for _ in range(3)]
    model = f"end-{numbers[0]}"
    attributes = {"spanframe.metadata.mlflow.modelId": model}
    shared.write(*(otlp_span(n, attributes=attributes) for n in numbers))
    engine = reading(shared.url)
    filter_ = parse_filter(f"metadata.mlflow.modelId = '{model}'")
    ends = [
        reader.read_page(
            engine, Search(filter=filter_, limit=limit), include_spans=False
        ).end
        is not None
        for limit in (0, 1, 2, 3, 4, None)
    ]
    assert ends == [False, True, True, False, False, False]


def test_spans_of_more_traces_than_one_select_takes_are_read(
    shared: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sql_reader, "PORTION_TRACES", 2)
    numbers = [next(_numbers) for _ in range(5)]
    model = f"batch-{numbers[0]}"
    attributes = {"spanframe.metadata.mlflow.modelId": model}
    shared.write(*(otlp_span(n, attributes=attributes) for n in numbers))
    filter_ = parse_filter(f"metadata.mlflow.modelId = '{model}'")
    found = reader.read(reading(shared.url), Search(filter=filter_), include_spans=True)
    assert [len(trace.data.spans) for trace in found] == [1] * 5
