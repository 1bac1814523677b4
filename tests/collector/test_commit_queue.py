"""Group commit: many requests in one transaction, each with its own answer."""

import asyncio
import threading
from collections.abc import Awaitable, Callable, Sequence

import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from spanframe_collector.commit_queue import CommitQueue, Committed
from spanframe_collector.telemetry import Telemetry
from spanframe_store.contract.errors import RowsRefusedError, StoreUnavailableError
from spanframe_store.contract.spans import SpanRow
from spanframe_store.contract.store import Written
from spanframe_store.otlp import decode_request
from tests.plugins.otlp import request, span

POISON = "poison"


class Writer:
    """A store at the seam of the pipeline: it can wait, refuse, or hold no poison."""

    dropped_entries = 0

    def __init__(self) -> None:
        self.open = threading.Event()
        self.open.set()
        self.entered = threading.Event()
        self.fault: Exception | None = None
        self.transactions: list[int] = []
        self.stored: list[str] = []

    def write(self, requests: Sequence[Sequence[SpanRow]]) -> list[Written]:
        self.entered.set()
        assert self.open.wait(10)
        if self.fault is not None:
            raise self.fault
        names = [row.signature.name for rows in requests for row in rows]
        if POISON in names:
            raise RowsRefusedError("DataError")
        self.transactions.append(len(requests))
        self.stored += names
        return [Written(len(rows), 0) for rows in requests]

    def probe(self) -> None:
        if self.fault is not None:
            raise self.fault

    def release(self) -> None:
        """Hold nothing."""

    def close(self) -> None:
        """Hold nothing."""


def rows(*names: str) -> list[SpanRow]:
    spans = [span(n, name=name) for n, name in enumerate(names, 1)]
    return decode_request(request(*spans).SerializeToString()).rows


async def commit(pipeline: CommitQueue, decoded: list[SpanRow]) -> Committed:
    return await pipeline.commit(pipeline.pack(decoded))


def run(use: Callable[[CommitQueue, Writer], Awaitable[None]]) -> Writer:
    writer = Writer()

    async def main() -> None:
        pipeline = CommitQueue(writer, Telemetry())
        try:
            await use(pipeline, writer)
        finally:
            writer.open.set()
            await pipeline.close()

    asyncio.run(main())
    return writer


def test_what_arrives_during_a_commit_shares_the_next() -> None:
    async def use(pipeline: CommitQueue, writer: Writer) -> None:
        writer.open.clear()
        first = asyncio.create_task(commit(pipeline, rows("first")))
        await asyncio.to_thread(writer.entered.wait, 10)
        others = [
            asyncio.create_task(commit(pipeline, rows("x", "y"))) for _ in range(9)
        ]
        await asyncio.sleep(0)
        writer.open.set()
        assert await first == Committed(1, 0)
        assert await asyncio.gather(*others) == [Committed(2, 0)] * 9

    assert run(use).transactions == [1, 9]


@pytest.mark.parametrize(
    "large",
    [
        [span(n) for n in range(1, 6001)],
        [
            span(n, attributes={f"mlflow.traceTag.{key}": "" for key in range(800)})
            for n in range(1, 51)
        ],
    ],
    ids=["spans", "tags"],
)
def test_a_large_request_takes_turns_with_others(large: list[Span]) -> None:
    """Catalogue 49: what takes seconds to commit must not hold up the others."""

    async def use(pipeline: CommitQueue, writer: Writer) -> None:
        writer.open.clear()
        many = decode_request(request(*large).SerializeToString()).rows
        of_large = asyncio.create_task(commit(pipeline, many))
        await asyncio.to_thread(writer.entered.wait, 10)
        of_small = asyncio.create_task(commit(pipeline, rows("small")))
        await asyncio.sleep(0)
        writer.open.set()
        assert await of_small == Committed(1, 0)
        assert not of_large.done()
        assert await of_large == Committed(len(large), 0)

    stored = run(use).stored
    assert [name for name in stored if name != "small"] == [s.name for s in large]
    assert stored.index("small") < len(large) / 2


def test_no_rows_need_no_commit() -> None:
    async def use(pipeline: CommitQueue, writer: Writer) -> None:
        writer.open.clear()
        assert await commit(pipeline, []) == Committed(0, 0)

    assert run(use).transactions == []


def test_one_poison_span_costs_that_span_alone() -> None:
    async def use(pipeline: CommitQueue, writer: Writer) -> None:
        writer.open.clear()
        first = asyncio.create_task(commit(pipeline, rows("first")))
        await asyncio.to_thread(writer.entered.wait, 10)
        good = [asyncio.create_task(commit(pipeline, rows(f"g{n}"))) for n in range(50)]
        bad = asyncio.create_task(commit(pipeline, rows("a", POISON, "b", "c")))
        await asyncio.sleep(0)
        writer.open.set()
        await first
        assert await asyncio.gather(*good) == [Committed(1, 0)] * 50
        assert await bad == Committed(3, 0, refused=1)

    stored = run(use).stored
    assert sorted(stored) == sorted(
        ["first", "a", "b", "c", *(f"g{n}" for n in range(50))]
    )


def test_a_store_that_refuses_is_unavailable_until_it_serves_again() -> None:
    async def use(pipeline: CommitQueue, writer: Writer) -> None:
        writer.fault = StoreUnavailableError("database is locked")
        with pytest.raises(StoreUnavailableError):
            await commit(pipeline, rows("a"))
        assert pipeline.health.is_down
        writer.fault = None
        assert await commit(pipeline, rows("a")) == Committed(1, 0)

    assert run(use).stored == ["a"]


def test_a_fault_of_our_own_does_not_end_the_thread() -> None:
    async def use(pipeline: CommitQueue, writer: Writer) -> None:
        writer.fault = KeyError("a bug")
        with pytest.raises(StoreUnavailableError):
            await commit(pipeline, rows("a", "b"))
        counts = pipeline._telemetry.render()
        assert b"otelcol_receiver_failed_spans_total 2.0" in counts
        writer.fault = None
        assert await commit(pipeline, rows("a")) == Committed(1, 0)

    run(use)


def test_a_caller_that_gave_up_early_leaves_nothing_behind() -> None:
    async def use(pipeline: CommitQueue, writer: Writer) -> None:
        writer.open.clear()
        first = asyncio.create_task(commit(pipeline, rows("first")))
        await asyncio.to_thread(writer.entered.wait, 10)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(commit(pipeline, rows("late")), 0.01)
        writer.open.set()
        await first

    assert run(use).stored == ["first"]


def test_closing_commits_what_was_taken_in() -> None:
    async def use(pipeline: CommitQueue, writer: Writer) -> None:
        writer.open.clear()
        tasks = [asyncio.create_task(commit(pipeline, rows(f"r{n}"))) for n in range(5)]
        await asyncio.sleep(0)
        writer.open.set()
        await pipeline.close()
        assert await asyncio.gather(*tasks) == [Committed(1, 0)] * 5

    writer = run(use)
    assert sorted(writer.stored) == [f"r{n}" for n in range(5)]


def test_a_store_that_is_back_is_noticed_without_a_request(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def use(pipeline: CommitQueue, writer: Writer) -> None:
        writer.fault = StoreUnavailableError("disk is full")
        for _ in range(3):
            with pytest.raises(StoreUnavailableError):
                await commit(pipeline, rows("a"))
        writer.fault = None
        async with asyncio.timeout(10):
            while pipeline.health.is_down:  # noqa: ASYNC110 - nothing else tells
                await asyncio.sleep(0.01)
        assert pipeline.health.seconds_down == 0

    run(use)
    told = [record.message for record in caplog.records]
    assert told[0].startswith("The store does not take spans: disk is full. Senders ")
    assert told[1].startswith("The store takes spans again after")
    assert len(told) == 2
