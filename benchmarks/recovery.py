"""Measure crashes: the time until the collector serves again, and lost spans.

    python benchmarks/recovery.py [--rounds 50] [--wal-mb 300]

First a reader that holds a snapshot lets the write-ahead log grow, and the collector is
killed. Then the collector is killed at random moments, round after round, while spans
arrive as fast as they are answered; every span answered with OK must be in the store
once. The exit code is 1 when one is not.
"""

import argparse
import contextlib
import random
import sqlite3
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.acknowledged import (
    SPANS_IN_A_REQUEST,
    SPANS_IN_A_TRACE,
    Book,
    Request,
    Sender,
)
from benchmarks.report import machine
from tests.plugins.collector import StartedCollector

MOST_SECONDS: Final = 2.0
LEAST_RATE: Final = 5_000


def store_path(collector: StartedCollector) -> Path:
    return Path(collector.store.removeprefix("sqlite:///"))


def restart_seconds(collector: StartedCollector) -> float:
    begun = time.monotonic()
    collector.restart()
    return time.monotonic() - begun


@contextlib.contextmanager
def sending(collector: StartedCollector, book: Book) -> Iterator[None]:
    """Send as fast as requests are answered, while the block runs."""
    stop = threading.Event()
    sender = Sender(collector.target, book)

    def work() -> None:
        while not stop.is_set():
            sender.send(Request.new())

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
        sender.close()


def large_log(folder: Path, megabytes: int) -> float:
    """Kill a collector that has a large log; return the seconds until it serves."""
    with StartedCollector.running(folder) as collector:
        collector.kill9()
        empty = restart_seconds(collector)
        path = store_path(collector)
        wal = path.with_name(path.name + "-wal")
        # Read-only: closing another connection, the last, would empty the log.
        reader = sqlite3.connect(f"file:{path}?mode=ro", uri=True, isolation_level=None)
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM traces").fetchall()
        book = Book()
        with sending(collector, book):
            while wal.stat().st_size < megabytes * 1_000_000:
                time.sleep(0.02)
            collector.kill9()
        reader.close()
        size = wal.stat().st_size / 1e6
        seconds = restart_seconds(collector)
        print(
            f"log of {size:.0f} MB: serving {seconds:.2f} s after the start "
            f"({empty:.2f} s with an empty store)"
        )
        missing, doubled = compare(collector, book)
        if missing or doubled:
            raise SystemExit(f"{missing} traces missing, {doubled} doubled")
        return seconds


def compare(collector: StartedCollector, book: Book) -> tuple[int, int]:
    """Return how many acknowledged traces miss spans, and how many have one twice."""
    connection = sqlite3.connect(store_path(collector))
    query = (
        "SELECT trace_id, count(*), count(DISTINCT span_id), min(span_count) "
        "FROM traces JOIN spans USING (trace_key) GROUP BY trace_key"
    )
    stored = {trace_id: counts for trace_id, *counts in connection.execute(query)}
    [[health]] = connection.execute("PRAGMA quick_check(1)")
    connection.close()
    if health != "ok":
        raise SystemExit(f"the store is damaged: {health}")
    whole = [SPANS_IN_A_TRACE] * 3
    acknowledged = {t for each in book.acknowledged for t in each.trace_ids}
    missing = sum(stored.get(trace_id) != whole for trace_id in acknowledged)
    doubled = sum(rows != distinct for rows, distinct, _ in stored.values())
    return missing, doubled


def kill_rounds(folder: Path, rounds: int, seed: int) -> bool:
    """Kill at random moments; return whether every acknowledged span is there once."""
    moments = random.Random(seed)
    book = Book()
    rates: list[float] = []
    restarts: list[float] = []
    with StartedCollector.running(folder) as collector:
        for _ in range(rounds):
            before = len(book.acknowledged)
            with sending(collector, book):
                while len(book.acknowledged) == before:
                    time.sleep(0.01)
                first, begun = len(book.acknowledged), time.monotonic()
                time.sleep(moments.uniform(0.3, 1.5))
                answered = len(book.acknowledged) - first
                rates.append(answered * SPANS_IN_A_REQUEST / (time.monotonic() - begun))
                collector.kill9()
            restarts.append(restart_seconds(collector))
        missing, doubled = compare(collector, book)
    spans = len(book.acknowledged) * SPANS_IN_A_REQUEST
    print(
        f"{rounds} kills: {spans:,} spans acknowledged, {missing} traces not whole, "
        f"{doubled} with one twice"
    )
    print(
        f"spans/s before a kill: {min(rates):,.0f} to {max(rates):,.0f}, "
        f"median {statistics.median(rates):,.0f}"
    )
    print(
        f"serving again after: median {statistics.median(restarts):.2f} s, "
        f"longest {max(restarts):.2f} s"
    )
    if statistics.median(rates) < LEAST_RATE:
        print(f"NOT the load this is about: {LEAST_RATE:,} spans/s")
    return not missing and not doubled


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=50)
    parser.add_argument("--wal-mb", type=int, default=300)
    parser.add_argument("--seed", type=int, default=26)
    options = parser.parse_args()
    print("\n".join(machine()))
    with tempfile.TemporaryDirectory() as folder:
        seconds = large_log(Path(folder) / "log", options.wal_mb)
        is_whole = kill_rounds(Path(folder) / "kills", options.rounds, options.seed)
    if seconds > MOST_SECONDS:
        print(f"BROKEN: more than {MOST_SECONDS} s until it serves again")
    return not is_whole or seconds > MOST_SECONDS


if __name__ == "__main__":
    sys.exit(main())
