"""Group commit: many requests in one transaction, each with its own answer."""

import asyncio
import threading
from collections.abc import Awaitable, Callable, Sequence

import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from spanframe_collector import commit_queue, store_health
from spanframe_collector.commit_queue import CommitQueue, Committed
from spanframe_collector.store_health import StoreHealth
from spanframe_collector.telemetry import Telemetry
from spanframe_store.contract.errors import (
    RowsRefusedError,
    StoreUnavailableError,
    StoreUnusableError,
)
from spanframe_store.contract.spans import SpanRow
from spanframe_store.contract.store import Written
from spanframe_store.otlp import decode_request
from tests.plugins.otlp import request, span

POISON = "poison"
BUG = "bug"


class Writer:
    """A store at the seam of the pipeline: it can wait, refuse, or hold no poison."""

    dropped_entries = 0

    def __init__(self) -> None:
        self.open = threading.Event()
        self.open.set()
        self.entered = threading.Event()
        self.fault: Exception | None = None
        self.is_away = False
        self.probe_fits = False
        self.probes = 0
        self.transactions: list[int] = []
        self.stored: list[str] = []

    def write(self, requests: Sequence[Sequence[SpanRow]]) -> list[Written]:
        self.entered.set()
        assert self.open.wait(10)
        if self.fault is not None:
            raise self.fault
        names = [row.signature.name for rows in requests for row in rows]
        if BUG in names:
            raise KeyError("a bug")
        if POISON in names:
            raise RowsRefusedError("DataError")
        self.transactions.append(len(requests))
        self.stored += names
        return [Written(len(rows), 0) for rows in requests]

    def check(self) -> None:
        if self.is_away:
            raise StoreUnavailableError("connection refused")

    def probe(self) -> None:
        self.probes += 1
        if self.fault is not None and not self.probe_fits:
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


def test_a_fault_of_our_own_costs_the_request_that_meets_it_alone() -> None:
    async def use(pipeline: CommitQueue, writer: Writer) -> None:
        writer.open.clear()
        first = asyncio.create_task(commit(pipeline, rows("first")))
        await asyncio.to_thread(writer.entered.wait, 10)
        good = [asyncio.create_task(commit(pipeline, rows(f"g{n}"))) for n in range(9)]
        bad = asyncio.create_task(commit(pipeline, rows("a", BUG)))
        await asyncio.sleep(0)
        writer.open.set()
        await first
        assert await asyncio.gather(*good) == [Committed(1, 0)] * 9
        with pytest.raises(StoreUnavailableError):
            await bad
        counts = pipeline._telemetry.render()
        assert b"otelcol_receiver_failed_spans_total 2.0" in counts

    assert len(run(use).stored) == 10


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


def test_a_store_that_is_back_is_noticed_without_a_request() -> None:
    async def use(pipeline: CommitQueue, writer: Writer) -> None:
        writer.fault = StoreUnavailableError("disk is full")
        for _ in range(3):
            with pytest.raises(StoreUnavailableError):
                await commit(pipeline, rows("a"))
        writer.fault = None
        async with asyncio.timeout(10):
            while pipeline.health.is_down:  # noqa: ASYNC110 - nothing else tells
                await asyncio.sleep(0.01)
        assert pipeline.health.is_ready

    run(use)


# --- what health checks and the log say ---------------------------------------------


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """What takes seconds takes tenths of them."""
    monkeypatch.setattr(commit_queue, "_PERIOD_SECONDS", 0.02)
    monkeypatch.setattr(store_health, "MAX_OWED_SECONDS", 0.2)
    monkeypatch.setattr(store_health, "_DOUBT_SECONDS", 0.3)


async def told(pipeline: CommitQueue, until: Callable[[StoreHealth], bool]) -> None:
    """Have the log told of the store, as the service does, until something is true."""
    async with asyncio.timeout(10):
        while not until(pipeline.health):
            pipeline.health.tell()
            await asyncio.sleep(0.01)
    pipeline.health.tell()


def is_not_ready(health: StoreHealth) -> bool:
    return not health.is_ready


def is_well(health: StoreHealth) -> bool:
    return health.is_ready and not health.is_in_doubt and not health.is_down


def lines(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.message for record in caplog.records]


@pytest.mark.usefixtures("quick")
def test_a_commit_that_hangs_is_down_and_said_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def use(pipeline: CommitQueue, writer: Writer) -> None:
        writer.open.clear()
        first = asyncio.create_task(commit(pipeline, rows("first")))
        await told(pipeline, is_not_ready)
        assert pipeline.health.is_down  # no request is decoded to wait behind it
        assert len(lines(caplog)) == 1
        writer.open.set()
        assert await first == Committed(1, 0)
        assert pipeline.health.is_ready
        await told(pipeline, is_well)

    run(use)
    hangs, back = lines(caplog)
    assert "does not take spans: it has not answered for" in hangs
    assert "takes spans again after" in back


@pytest.mark.usefixtures("quick")
def test_a_store_that_refuses_batches_but_no_probe_does_not_flap(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """A probe fits the last page of a disk, and a batch does not."""

    async def use(pipeline: CommitQueue, writer: Writer) -> None:
        writer.fault, writer.probe_fits = StoreUnavailableError("disk is full"), True
        for _ in range(40):
            with pytest.raises(StoreUnavailableError):
                await commit(pipeline, rows("a"))
            pipeline.health.tell()
            await asyncio.sleep(0.02)
        assert not pipeline.health.is_ready
        assert len(lines(caplog)) == 1
        writer.fault = None
        await told(pipeline, is_well)

    run(use)
    down, back = lines(caplog)
    assert "does not take spans: disk is full. Senders" in down
    assert "takes spans again after" in back


@pytest.mark.usefixtures("quick")
def test_a_store_that_goes_while_nobody_sends_is_noticed() -> None:
    async def use(pipeline: CommitQueue, writer: Writer) -> None:
        writer.is_away, writer.fault = True, StoreUnavailableError("connection refused")
        await told(pipeline, is_not_ready)
        writer.is_away, writer.fault = False, None
        await told(pipeline, is_well)
        assert writer.probes > 1

    run(use)


@pytest.mark.usefixtures("quick")
def test_a_store_that_cannot_be_used_is_not_tried_again(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def use(pipeline: CommitQueue, writer: Writer) -> None:
        writer.fault = StoreUnusableError("spans.db was deleted")
        with pytest.raises(StoreUnavailableError):
            await commit(pipeline, rows("a"))
        assert not pipeline.health.is_ready  # at once
        writer.fault = None
        await asyncio.sleep(0.1)
        pipeline.health.tell()
        assert pipeline.health.is_down
        assert not pipeline.health.is_ready

    assert run(use).probes == 0
    [line] = lines(caplog)
    assert line.startswith("The store does not take spans: spans.db was deleted. ")
    assert line.endswith("nothing more is written until the collector is restarted.")
