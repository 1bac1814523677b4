"""`trace` on generators and async generators, however their life ends."""

import asyncio
import gc
import json
import sqlite3
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

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


class Replies:
    """An iterator with more than items, as clients of models return them."""

    def __init__(self, *items: str) -> None:
        self._items = iter(items)
        self.status = 200
        self.closed = False

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> str:
        with spanframe.start_span("receive"):
            return next(self._items)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self.closed = True


class AsyncReplies:
    """The same for coroutines."""

    def __init__(self, *items: str) -> None:
        self._items = iter(items)
        self.closed = False

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> str:
        with spanframe.start_span("receive"):
            for item in self._items:
                return item
            raise StopAsyncIteration

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        self.closed = True


@spanframe.trace
def ask(stream: Any) -> Any:
    return stream[0]


@spanframe.trace
async def ask_async(stream: Any) -> Any:
    return stream[0]


@pytest.mark.parametrize(
    "make",
    [
        lambda: (item for item in ("a", "b")),
        lambda: Replies("a", "b"),
        lambda: map(str, ["a", "b"]),
        lambda: iter(["a", "b"]),
    ],
    ids=["generator", "object", "map", "iterator"],
)
@pytest.mark.parametrize("in_coroutine", [False, True], ids=["function", "coroutine"])
def test_a_stream_that_a_function_returns_is_recorded(
    sink: OtlpSink, make: Any, in_coroutine: bool
) -> None:
    stream = asyncio.run(ask_async([make()])) if in_coroutine else ask([make()])
    assert type(stream) is type(make()) or isinstance(stream, type(make()))
    assert spanframe.get_current_active_span() is None
    assert list(stream) == ["a", "b"]
    spanframe.flush()
    (span,) = [s for s in sink.spans if s.name != "receive"]
    assert outputs(span) == ["a", "b"]
    assert chunks(span) == [("mlflow.chunk.item.0", "a"), ("mlflow.chunk.item.1", "b")]
    assert {s.parent_id for s in sink.spans if s.name == "receive"} <= {span.span_id}


@pytest.mark.parametrize(
    "make",
    [lambda: count_async(2), lambda: AsyncReplies("0", "1")],
    ids=["generator", "object"],
)
def test_an_async_stream_that_a_function_returns_is_recorded(
    sink: OtlpSink, make: Any
) -> None:
    async def main() -> list[str]:
        stream = ask([make()])
        return [str(item) async for item in stream]

    assert asyncio.run(main()) == ["0", "1"]
    spanframe.flush()
    assert [str(item) for item in outputs(sink.span("ask"))] == ["0", "1"]


def test_a_returned_stream_is_closed_as_it_would_be(sink: OtlpSink) -> None:
    replies = Replies("a", "b")
    with ask([replies]) as stream:
        assert isinstance(stream, Replies)
        assert (stream.status, next(stream)) == (200, "a")
        stream.status = 201
    assert (replies.closed, replies.status) == (True, 201)
    spanframe.flush()
    assert outputs(sink.span("ask")) == ["a"]

    async def main() -> None:
        replies = AsyncReplies("a", "b")
        async with ask([replies]) as stream:
            assert await anext(stream) == "a"
        assert replies.closed
        again = AsyncReplies("a")
        await ask([again]).close()
        assert again.closed

    asyncio.run(main())
    spanframe.flush()
    assert [outputs(s) for s in sink.spans if s.name == "ask"] == [["a"], ["a"], []]


def test_a_returned_stream_that_fails_is_an_error(sink: OtlpSink) -> None:
    class Broken(Replies):
        def __next__(self) -> str:
            raise ValueError("spilled")

    with pytest.raises(ValueError, match="spilled"):
        list(ask([Broken()]))
    spanframe.flush()
    assert sink.span("ask").status_message == "ValueError: spilled"


def test_what_is_read_otherwise_is_no_stream(sink: OtlpSink, tmp_path: Path) -> None:
    @spanframe.trace
    def the_same(stream: Any) -> Any:
        return stream

    (tmp_path / "f").write_text("a")
    cursor = sqlite3.connect(":memory:").execute("SELECT 1")
    replies = Replies()
    with (tmp_path / "f").open() as file:
        for result in (file, cursor, [1], "ab", range(2)):
            assert ask([result]) is result
    cursor.connection.close()
    assert the_same(replies) is replies
    spanframe.flush()
    assert len(sink.spans) == 6


def test_nothing_inside_an_unsampled_stream_that_is_returned_is_recorded(
    sink: OtlpSink,
) -> None:
    @spanframe.trace(sampling_ratio_override=0.0)
    def quiet() -> Replies:
        return Replies("a")

    assert list(quiet()) == ["a"]
    spanframe.flush()
    assert sink.spans == []


def test_a_stream_that_is_left_open_is_closed_once_by_the_loop(sink: OtlpSink) -> None:
    closed = []

    @spanframe.trace
    async def forever() -> AsyncIterator[int]:
        try:
            while True:
                yield 1
        finally:
            await asyncio.sleep(0)
            closed.append(True)

    async def main() -> AsyncIterator[int]:
        stream = forever()
        await anext(stream)
        return stream  # kept, so that the end of the loop closes it

    with asyncio.Runner() as runner:
        told: list[Any] = []
        runner.get_loop().set_exception_handler(lambda _, context: told.append(context))
        kept = runner.run(main())
    assert (closed, told) == ([True], [])
    del kept
    spanframe.flush()
    assert sink.span("forever").status == "OK"
