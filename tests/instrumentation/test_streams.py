"""`trace` on generators and async generators, however their life ends."""

import asyncio
import gc
import json
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import pytest

import spanframe
from tests.plugins.otlp_sink import OtlpSink, ReceivedSpan


def outputs(span: ReceivedSpan) -> Any:
    return json.loads(span.attributes["mlflow.spanOutputs"])


def chunks(span: ReceivedSpan) -> list[tuple[str, Any]]:
    return [
        (event.name, json.loads(event.attributes["mlflow.chunk.value"]))
        for event in span.events
        if event.name.startswith("mlflow.chunk")
    ]


@spanframe.trace
def count(n: int) -> Iterator[int]:
    yield from range(n)


@spanframe.trace
async def count_async(n: int) -> AsyncIterator[int]:
    for i in range(n):
        await asyncio.sleep(0)
        yield i


async def drained(stream: AsyncIterator[int]) -> list[int]:
    return [item async for item in stream]


def test_a_generator_yields_its_items_and_records_them(sink: OtlpSink) -> None:
    assert list(count(3)) == [0, 1, 2]
    spanframe.flush()
    span = sink.span("count")
    assert json.loads(span.attributes["mlflow.spanInputs"]) == {"n": 3}
    assert outputs(span) == [0, 1, 2]
    assert chunks(span) == [(f"mlflow.chunk.item.{i}", i) for i in range(3)]
    assert span.status == "OK"


def test_an_async_generator_yields_its_items_and_records_them(sink: OtlpSink) -> None:
    assert asyncio.run(drained(count_async(3))) == [0, 1, 2]
    spanframe.flush()
    span = sink.span("count_async")
    assert outputs(span) == [0, 1, 2]
    assert len(chunks(span)) == 3
    assert span.status == "OK"


def test_a_reducer_makes_the_outputs(sink: OtlpSink) -> None:
    @spanframe.trace(output_reducer=sum)
    def numbers() -> Iterator[int]:
        yield 3
        yield 4

    list(numbers())
    spanframe.flush()
    assert outputs(sink.span("numbers")) == 7


def test_a_reducer_that_raises_leaves_the_items(sink: OtlpSink) -> None:
    @spanframe.trace(output_reducer=lambda items: items[99])
    def numbers() -> Iterator[int]:
        yield 3

    assert list(numbers()) == [3]
    spanframe.flush()
    assert outputs(sink.span("numbers")) == [3]


def test_a_generator_that_raises_is_an_error_with_what_it_yielded(
    sink: OtlpSink,
) -> None:
    @spanframe.trace
    def broken() -> Iterator[int]:
        yield 1
        raise ValueError("spilled")

    with pytest.raises(ValueError, match="spilled"):
        list(broken())
    spanframe.flush()
    span = sink.span("broken")
    assert span.status == "ERROR"
    assert outputs(span) == [1]
    assert span.events[-1].attributes["exception.type"] == "ValueError"


def test_a_generator_closed_early_ends_its_span_and_is_no_error(sink: OtlpSink) -> None:
    stream = count(10)
    assert next(stream) == 0
    stream.close()  # type: ignore[attr-defined]  # generators can be closed
    spanframe.flush()
    span = sink.span("count")
    assert outputs(span) == [0]
    assert span.status == "OK"


@pytest.mark.parametrize("steps", [0, 1])
def test_a_forgotten_generator_ends_its_span(sink: OtlpSink, steps: int) -> None:
    stream = count(10)
    for _ in range(steps):
        next(stream)
    del stream
    gc.collect()
    spanframe.flush()
    assert outputs(sink.span("count")) == list(range(steps))


@pytest.mark.parametrize("steps", [0, 1])
def test_a_forgotten_async_generator_ends_its_span(sink: OtlpSink, steps: int) -> None:
    async def forget() -> None:
        stream = count_async(10)
        for _ in range(steps):
            await anext(stream)
        del stream
        gc.collect()
        await asyncio.sleep(0)

    asyncio.run(forget())
    spanframe.flush()
    assert outputs(sink.span("count_async")) == list(range(steps))


def test_an_async_generator_closed_early_ends_its_span(sink: OtlpSink) -> None:
    async def close() -> None:
        stream = count_async(10)
        await anext(stream)
        await stream.aclose()  # type: ignore[attr-defined]  # generators can be closed

    asyncio.run(close())
    spanframe.flush()
    assert outputs(sink.span("count_async")) == [0]
    assert sink.span("count_async").status == "OK"


def test_send_and_throw_reach_the_generator(sink: OtlpSink) -> None:
    @spanframe.trace
    def echo() -> Any:
        received = yield "ready"
        try:
            yield received
        except LookupError:
            yield "caught"

    stream = echo()
    assert next(stream) == "ready"
    assert stream.send("hello") == "hello"
    assert stream.throw(LookupError()) == "caught"
    stream.close()
    spanframe.flush()
    assert outputs(sink.span("echo")) == ["ready", "hello", "caught"]


def test_the_span_is_current_only_while_the_body_runs(sink: OtlpSink) -> None:
    inside = []

    @spanframe.trace
    def body() -> Iterator[int]:
        for i in range(2):
            with spanframe.start_span(f"step {i}"):
                inside.append(spanframe.get_active_trace_id())
            yield i

    with spanframe.start_span("caller") as caller:
        for _ in body():
            assert spanframe.get_current_active_span() is caller
    assert spanframe.get_current_active_span() is None
    spanframe.flush()
    stream = sink.span("body")
    assert stream.parent_id == caller.span_id
    assert sink.span("step 0").parent_id == stream.span_id
    assert sink.span("step 1").parent_id == stream.span_id
    assert set(inside) == {caller.trace_id}


def test_a_stream_driven_from_other_threads_keeps_its_trace(sink: OtlpSink) -> None:
    @spanframe.trace
    def answer() -> Iterator[str]:
        spanframe.update_current_trace(tags={"kind": "stream"})
        with spanframe.start_span("token"):
            yield "a"

    with spanframe.start_span("request"):
        stream = answer()
    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(list, stream).result() == ["a"]
    spanframe.flush()
    assert sink.span("answer").parent_id == sink.span("request").span_id
    assert sink.span("token").parent_id == sink.span("answer").span_id
    # The root had ended: the tag rides on the span that was current.
    assert sink.span("answer").attributes["mlflow.traceTag.kind"] == "stream"


def test_an_endless_stream_is_recorded_up_to_the_limit(sink: OtlpSink) -> None:
    spanframe.configure(capture_limit=64)

    @spanframe.trace
    def words() -> Iterator[str]:
        for _ in range(100):
            yield "0123456789"

    assert len(list(words())) == 100
    spanframe.flush()
    span = sink.span("words")
    assert len(chunks(span)) < 10
    assert "truncated" in span.attributes["mlflow.spanOutputs"]


def test_a_traced_generator_serves_as_a_context_manager(sink: OtlpSink) -> None:
    @contextmanager
    @spanframe.trace
    def session() -> Iterator[str]:
        yield "open"

    with session() as state:
        assert state == "open"
    spanframe.flush()
    assert sink.span("session").status == "OK"


def test_nothing_inside_an_unsampled_stream_is_recorded(sink: OtlpSink) -> None:
    @spanframe.trace(sampling_ratio_override=0.0)
    def quiet() -> Iterator[int]:
        with spanframe.start_span("inside"):
            yield 1

    assert list(quiet()) == [1]
    spanframe.flush()
    assert sink.spans == []
