"""When things go wrong: what was answered OK is not lost, nothing is stored twice."""

import asyncio
import os
import random
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from itertools import permutations
from pathlib import Path
from typing import Any

import grpc
import pytest
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from sqlalchemy import select

from spanframe.errors import StoreError
from spanframe_collector.admission import Admission
from spanframe_collector.commit_queue import CommitQueue
from spanframe_collector.decoders import Decoders
from spanframe_collector.ingest import Ingest, Refusal, RefusedError, _wait_seconds
from spanframe_collector.telemetry import Telemetry
from spanframe_store.contract.spans import SpanRow
from spanframe_store.contract.store import Limits, Written
from spanframe_store.sql import schema
from spanframe_store.sql.backend import open_engine
from spanframe_store.sql.inspection import inspect_store
from spanframe_store.sql.migrations import upgrade
from spanframe_store.sql.retention import prune_portion
from spanframe_store.sql.writer import SpanWriter
from tests.plugins.collector import Collector
from tests.plugins.examples import some
from tests.plugins.exports import EXPORT, code_of, export, export_at_last, message
from tests.plugins.load import Load
from tests.plugins.observed import locked, metrics, path_of, rows, total
from tests.plugins.otlp import request, span
from tests.plugins.postgresql import Server
from tests.plugins.store import Store, stored_spans
from tests.plugins.threads import set_at_the_end

OK = grpc.StatusCode.OK


def span_ids(collector: Collector) -> list[int]:
    return [n for (n,) in rows(collector, "SELECT span_id FROM spans ORDER BY span_id")]


def eventually(collector: Collector, count: int) -> list[int]:
    """Return the span ids once there are as many, or at last what there is."""
    deadline = time.monotonic() + 20
    while len(found := span_ids(collector)) < count and time.monotonic() < deadline:
        time.sleep(0.05)
    return found


# --- senders that give up -------------------------------------------------------------


@pytest.mark.parametrize("timeout", [0.05, 1.0])
def test_a_sender_that_gave_up_and_tries_again_stores_once(
    collector: Collector, timeout: float
) -> None:
    """Catalogue 13: the deadline ends before the store has the lock."""
    with locked(collector):
        code = code_of(collector.target, message(1), timeout)
        assert code in {
            grpc.StatusCode.DEADLINE_EXCEEDED,
            grpc.StatusCode.UNAVAILABLE,
        }
    export_at_last(collector.target, message(1))
    export_at_last(collector.target, message(2))
    assert span_ids(collector) == [1, 2]


def test_spans_of_a_sender_that_hung_up_are_accounted_for(
    collector: Collector,
) -> None:
    """Catalogue 13: the identity holds when nobody waits for the answer any more."""
    with (
        locked(collector),
        grpc.insecure_channel(collector.target) as channel,
    ):
        call = channel.unary_unary(EXPORT).future(message(1), timeout=20)
        deadline = time.monotonic() + 10
        while not total(metrics(collector), "spanframe_received_spans"):
            assert time.monotonic() < deadline
            time.sleep(0.02)
        call.cancel()
        time.sleep(0.2)
    export_at_last(collector.target, message(2))
    found = metrics(collector)
    names = ("stored", "duplicate", "rejected", "refused")
    parts = sum(total(found, f"spanframe_{name}_spans") for name in names)
    assert total(found, "spanframe_received_spans") == parts


@pytest.mark.parametrize("left", [None, 60.0, 5.5, 5.0, 1.0, 0.5, 0.05, 0.0, -1.0])
@pytest.mark.parametrize("waited", [0.0, 2.0, 30.0])
def test_no_sender_waits_longer_than_it_can_and_each_is_given_a_chance(
    left: float | None, waited: float
) -> None:
    """Catalogue 13: a deadline of half a second is no reason to refuse at once."""
    patience = _wait_seconds(left, waited)
    assert patience + waited < 5 or patience <= 1
    if left is None or left > 0:
        assert patience > 0
    if left is not None and left > 0:
        assert patience < left


# --- equal keys, poison, slowness -----------------------------------------------------


def contents(store: Store) -> list[Any]:
    with store.engine.connect() as connection:
        tables = [
            sorted(map(repr, connection.execute(select(table)).all()))
            for table in (schema.traces, schema.attribute_index)
        ]
    return [*tables, stored_spans(store.engine)]


def test_versions_of_a_span_make_the_same_store_in_any_order(tmp_path: Path) -> None:
    """Catalogue 34: all are kept, the one that ends last is shown."""
    versions = [
        span(1, ms=None, name="early"),
        span(1, ms=10, name="final"),
        span(1, ms=10, name="final", attributes={"mlflow.traceTag.side": "server"}),
    ]
    found = []
    for number, order in enumerate(permutations(versions)):
        for together in (True, False):
            with Store(tmp_path / f"{number} {together}.db") as store:
                if together:
                    store.write(*order)
                else:
                    for version in order:
                        store.write(version)
                found.append(contents(store))
    assert all(each == found[0] for each in found)
    traces, _, spans = found[0]
    assert len(traces) == 1
    assert len(spans) == 3
    assert "'final'" in traces[0]


def test_a_span_the_store_refuses_costs_the_other_senders_nothing(
    collector: Collector,
) -> None:
    """Catalogue 35: 50 callers in the same commit, one of them with the poison."""
    with closing(sqlite3.connect(path_of(collector))) as connection:
        connection.execute(
            "CREATE TRIGGER poison BEFORE INSERT ON spans WHEN NEW.span_id = 102 "
            "BEGIN SELECT RAISE(ABORT, 'poison'); END"
        )
        connection.commit()
    trace_id = b"p" * 16
    names = {101: "before", 102: "poison", 103: "after"}
    poisoned = request(
        *(span(n, trace_id=trace_id, name=name) for n, name in names.items())
    ).SerializeToString()
    with grpc.insecure_channel(collector.target) as channel:
        call = channel.unary_unary(EXPORT)
        with locked(collector):
            # They gather behind the first, which waits for the lock.
            bodies = [message(n) for n in range(1, 51)]
            pending = [call.future(b, timeout=20) for b in [*bodies[:25], poisoned]]
            pending += [call.future(b, timeout=20) for b in bodies[25:]]
            time.sleep(1)
        answers = [future.result() for future in pending]
    [told] = [answer for answer in answers if answer]
    assert b"1 refused_by_store" in told
    assert span_ids(collector) == [*range(1, 51), 101, 103]
    assert metrics(collector)["spanframe_commit_seconds_count"] < 40


class SlowWriter:
    """A store whose every commit takes its time."""

    dropped_entries = 0

    def __init__(self, store: Store) -> None:
        self._writer = SpanWriter(store.engine)
        self.transactions = 0

    def write(self, requests: Sequence[Sequence[SpanRow]]) -> list[Written]:
        self.transactions += 1
        time.sleep(0.2)
        return self._writer.write(requests)

    def check(self) -> None:
        self._writer.check()

    def probe(self) -> None:
        self._writer.probe()

    def release(self) -> None:
        self._writer.release()

    def close(self) -> None:
        self._writer.close()


def test_a_slow_store_gets_larger_commits_and_the_budget_holds(store: Store) -> None:
    """Catalogue 32: 200 ms a commit, and many more senders than the budget has room."""
    writer = SlowWriter(store)
    bodies = [message(n, 1000) for n in range(1, 401)]
    budget = 100 * len(bodies[-1])
    admission = Admission(budget)
    least = budget

    async def send(intake: Ingest, body: bytes) -> bool:
        nonlocal least
        try:
            with intake.admit() as room:
                room.grow_to(len(body))
                await intake.consume(body, {}, None)
        except RefusedError as error:
            return error.refusal is not Refusal.BUSY
        finally:
            least = min(least, admission.left)
        return True

    async def main(decoders: Decoders) -> list[bool]:
        pipeline = CommitQueue(writer, Telemetry())
        intake = Ingest(pipeline, admission, Telemetry(), decoders)
        taken = await asyncio.gather(*(send(intake, body) for body in bodies))
        await pipeline.close()
        return taken

    with closing(Decoders()) as decoders:
        taken = asyncio.run(main(decoders))
    assert 100 <= taken.count(True) < 400
    assert least >= 0
    assert admission.left == budget
    assert writer.transactions < 20
    with store.engine.connect() as connection:
        stored = connection.execute(select(schema.spans.c.span_id)).scalars().all()
    assert sorted(stored) == [n for n, ok in enumerate(taken, 1) if ok]


# --- kill -9 --------------------------------------------------------------------------


@pytest.mark.slow
def test_kill_9_at_random_moments_loses_and_doubles_nothing(
    collector: Collector,
) -> None:
    """Catalogue 26: six rounds here, fifty in the drill `sigkill`."""
    moments = random.Random(26)  # noqa: S311 - the same moments every time
    load = Load(collector.target)
    for _ in range(6):
        with load.running():
            load.wait_for_answers(5)
            time.sleep(moments.uniform(0, 0.7))
            collector.kill9()
        assert rows(collector, "PRAGMA integrity_check") == [("ok",)]
        collector.restart()
    load.send_unanswered_again()
    stored = dict(rows(collector, "SELECT trace_id, span_count FROM traces"))
    found = dict(
        rows(
            collector,
            "SELECT trace_id, count(DISTINCT span_id) FROM traces "
            "JOIN spans USING (trace_key) GROUP BY trace_id",
        )
    )
    expected = {batch.trace_id: len(batch.span_ids) for batch in load.answered}
    assert stored == found == expected


DIE_AT = """
import os, signal, sys
from sqlalchemy import event
from sqlalchemy.engine import Engine

left = int(sys.argv[2])

@event.listens_for(Engine, "after_cursor_execute")
def count(*_):
    global left
    left -= 1
    if not left:
        os.kill(os.getpid(), signal.SIGKILL)
"""
MIGRATE = """
from spanframe_store.sql.backend import open_engine
from spanframe_store.sql.migrations import upgrade
upgrade(open_engine(sys.argv[1]))
"""
PRUNE = """
from spanframe_store.sql.backend import open_engine
from spanframe_store.sql.mutations import delete_traces_before
delete_traces_before(open_engine(sys.argv[1]), 1 << 60)
"""
CHECKPOINT = """
import sqlite3, sys, threading, os, signal
connection = sqlite3.connect(sys.argv[1])
threading.Timer(int(sys.argv[2]) / 1000, os.kill, (os.getpid(), signal.SIGKILL)).start()
while True:
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
"""


def killed_in(program: str, *arguments: str) -> bool:
    """Run a program that ends itself; return whether it came that far."""
    ended = subprocess.run(
        [sys.executable, "-c", program, *arguments], timeout=60, check=False
    )
    assert ended.returncode in {0, -signal.SIGKILL}
    return ended.returncode != 0


@pytest.mark.slow
@pytest.mark.parametrize(
    "statement",
    [
        2,
        pytest.param(8, marks=pytest.mark.deep),
        pytest.param(14, marks=pytest.mark.deep),
        1000,
    ],
)
def test_a_migration_that_is_killed_can_be_run_again(
    store_engine: str, postgresql: Server, tmp_path: Path, statement: int
) -> None:
    """Catalogue 27: at several of its statements."""
    with postgresql.database() as database:
        url = f"sqlite:///{tmp_path / 'store.db'}"
        if store_engine == "postgresql":
            url = postgresql.url(database)
        killed = killed_in(DIE_AT + MIGRATE, url, str(statement))
        engine = open_engine(url)
        upgrade(engine)
        report = inspect_store(engine)
        engine.dispose()
    assert report.version == report.expected_version
    assert report.problems == []
    assert report.rows["experiments"] == 1
    assert killed == (statement != 1000)


@pytest.mark.slow
def test_a_retention_that_is_killed_leaves_whole_traces(store: Store) -> None:
    """Catalogue 27: a portion goes whole or not at all."""
    for number in range(1, 21):
        trace_id = number.to_bytes(16, "big")
        store.write(span(1, trace_id=trace_id), span(2, trace_id=trace_id))
    for statement in some((2, 3, 4), 3):
        assert killed_in(DIE_AT + PRUNE, store.url, str(statement))
        report = inspect_store(store.engine)
        assert report.problems == []
        assert (report.rows["traces"], report.rows["spans"]) == (20, 40)
    while prune_portion(store.engine, Limits(age_ms=0), 1 << 60):
        pass
    assert inspect_store(store.engine).rows == {
        "experiments": 1,
        "traces": 0,
        "spans": 0,
        "attribute_index": 0,
    }


@pytest.mark.slow
def test_a_checkpoint_that_is_killed_loses_nothing(store: Store) -> None:
    """Catalogue 27: with some 40 MB of log to be moved."""
    with closing(sqlite3.connect(store.path)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT * FROM traces").fetchall()
        for begin in range(1, 401, 100):
            numbers = range(begin, begin + 100)
            # What can be compressed would fill no log.
            fillings = ({"filling": os.urandom(100_000)} for _ in numbers)
            store.write(
                *(
                    span(n, attributes=filling)
                    for n, filling in zip(numbers, fillings, strict=True)
                )
            )
    wal = store.path.with_name(store.path.name + "-wal")
    assert wal.stat().st_size > 30_000_000
    for milliseconds in (1, 10, 30, 100):
        assert killed_in(CHECKPOINT, str(store.path), str(milliseconds))
        report = inspect_store(store.engine)
        assert report.problems == []
        assert report.rows["spans"] == 400


# --- stock exporters and a collector that comes and goes ------------------------------


@contextmanager
def app(collector: Collector) -> Iterator[list[int]]:
    """Run an app with the stock SDK and its defaults: 100 spans a second."""
    provider = TracerProvider()
    exporter = OTLPSpanExporter(collector.endpoint, insecure=True)
    provider.add_span_processor(BatchSpanProcessor(exporter))
    tracer = provider.get_tracer("app")
    sent: list[int] = []
    stop = threading.Event()

    def work() -> None:
        while not stop.wait(0.01):
            with tracer.start_as_current_span("work") as current:
                sent.append(current.get_span_context().span_id)

    worker = threading.Thread(target=work)
    worker.start()
    try:
        yield sent
    finally:
        stop.set()
        worker.join()
        provider.shutdown()


def assert_all_once(collector: Collector, *apps: list[int]) -> None:
    found = rows(collector, "SELECT span_id FROM spans")
    stored = sorted(number % (1 << 64) for (number,) in found)
    assert stored == sorted(number for sent in apps for number in sent)


@pytest.mark.slow
def test_a_collector_away_for_6_s_costs_a_stock_app_nothing(
    collector: Collector,
) -> None:
    """Catalogue 37."""
    with app(collector) as sent:
        time.sleep(2)
        collector.kill9()
        time.sleep(6)
        collector.restart()
        time.sleep(1)
    assert len(sent) > 300
    assert_all_once(collector, sent)


@pytest.mark.slow
def test_a_collector_that_starts_4_s_after_a_stock_app_gets_all(
    collector: Collector,
) -> None:
    """Catalogue 37."""
    collector.kill9()
    with app(collector) as sent:
        time.sleep(4)
        collector.restart()
    assert len(sent) > 100
    assert_all_once(collector, sent)


@pytest.mark.slow
def test_a_collector_that_is_restarted_again_and_again_gets_all_once(
    collector: Collector,
) -> None:
    """Catalogue 38, in short: two apps, three restarts, one of them without warning."""
    with app(collector) as one, app(collector) as two:
        for end in (collector.terminate, collector.kill9, collector.terminate):
            time.sleep(3)
            end()
            collector.restart()
    assert_all_once(collector, one, two)


# --- readers, retention, versions -----------------------------------------------------


def wal_bytes(collector: Collector) -> int:
    path = path_of(collector)
    return path.with_name(path.name + "-wal").stat().st_size


def test_a_reader_that_holds_a_snapshot_stops_nothing(collector: Collector) -> None:
    """Catalogue 41: the log grows while it reads, and no more once it has ended."""
    with closing(sqlite3.connect(path_of(collector))) as reader:
        reader.execute("BEGIN")
        assert reader.execute("SELECT count(*) FROM spans").fetchone() == (0,)
        for number in range(1, 101):
            export(collector.target, message(number, 100_000))
        held = wal_bytes(collector)
        assert held > 10_000_000
        assert reader.execute("SELECT count(*) FROM spans").fetchone() == (0,)
    for number in range(101, 201):
        export(collector.target, message(number, 100_000))
    assert span_ids(collector) == [*range(1, 201)]
    assert wal_bytes(collector) <= held + 5_000_000


def test_retention_disturbs_neither_senders_nor_readers(tmp_path: Path) -> None:
    """Catalogue 46: old traces go while new ones arrive; their space is used again."""
    (tmp_path / "c").mkdir()
    chance = random.Random(46)  # noqa: S311 - filling
    old = [
        span(
            n,
            trace_id=n.to_bytes(16, "big"),
            attributes={"filling": chance.randbytes(2_000)},
        )
        for n in range(1, 3_001)
    ]
    with Store(tmp_path / "c" / "spanframe.db") as store:
        store.write(*old)
    before = store.path.stat().st_size
    faults: list[Exception] = []
    stop = threading.Event()

    def read(collector: Collector) -> None:
        while not stop.is_set():
            try:
                rows(collector, "SELECT count(*), sum(length(body)) FROM span_blocks")
            except sqlite3.Error as error:
                faults.append(error)
            stop.wait(0.01)

    now = time.time_ns()
    with Collector.running(tmp_path / "c", "--keep-age", "1d") as collector:
        with ThreadPoolExecutor(2) as readers, set_at_the_end(stop):
            for _ in range(2):
                readers.submit(read, collector)
            for number in range(10_001, 10_201):
                trace_id = number.to_bytes(16, "big")
                fresh = span(number, trace_id=trace_id, start_time_unix_nano=now)
                export(collector.target, request(fresh).SerializeToString())
            deadline = time.monotonic() + 20
            while "Retention deleted 3000 traces" not in collector.log:
                assert time.monotonic() < deadline
                time.sleep(0.05)
        assert faults == []
        assert span_ids(collector) == [*range(10_001, 10_201)]
    assert store.path.stat().st_size <= before + 500_000


def test_retention_says_that_the_store_is_locked(store: Store) -> None:
    """Catalogue 46: the background task goes on with what it knows how to wait for."""
    store.write(span(1))
    with store.locked() as why, pytest.raises(StoreError, match=why):
        prune_portion(store.engine, Limits(age_ms=1), 1 << 60)


def test_retention_by_size_says_that_the_store_is_locked(store: Store) -> None:
    """Catalogue 46: asking for the size takes the lock as well."""
    store.write(span(1))
    with store.locked() as why, pytest.raises(StoreError, match=why):
        prune_portion(store.engine, Limits(size_bytes=1), 1 << 60)


def test_a_newer_store_is_refused_and_left_alone(tmp_path: Path) -> None:
    """Catalogue 47: the collector names both versions and the remedy."""
    (tmp_path / "c").mkdir()
    with Store(tmp_path / "c" / "spanframe.db") as store:
        store.write(span(1))
    with closing(sqlite3.connect(store.path)) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
        connection.commit()
    before = store.path.read_bytes()
    collector = Collector(tmp_path / "c")
    with pytest.raises(pytest.fail.Exception, match="has version 9999") as caught:
        collector.start()
    assert "Install a newer spanframe" in " ".join(str(caught.value).split())
    assert collector._running.returncode == 3
    assert store.path.read_bytes() == before
