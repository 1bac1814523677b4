"""Drills on the collector's processes: killed, stopped, killed with a large log."""

import os
import random
import signal
import sqlite3
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from benchmarks.acknowledged import lost_and_doubled
from benchmarks.servers import processes
from tests.drills.outage import OUTAGE_AND_STOP, outage_and_stop
from tests.drills.promises import DOUBLED, LOST, Promise, Result, Scale, drill
from tests.drills.traffic import Traffic, until
from tests.plugins.collector import Collector
from tests.plugins.observed import path_of, pid_of

SERVING: Final = Promise("serving again after, Python's modules loaded", 2.0, "s")


@drill("sigkill", "SIGKILL at random moments under full load", LOST, DOUBLED, SERVING)
def sigkill(scale: Scale, folder: Path) -> Result:
    rounds = scale.pick(3, 50)
    moments = random.Random(26)  # noqa: S311 - the same moments every time
    restarts = []
    with Collector.running(folder) as collector:
        traffic = Traffic(collector.target)
        for _ in range(rounds):
            with traffic.running():
                traffic.wait_for(1)
                time.sleep(moments.uniform(*scale.pick((0.05, 0.2), (0.3, 1.5))))
                collector.kill9()
            restarts.append(seconds_of_restart(collector))
        figures = traffic.lost_and_doubled(collector.store)
    done = f"{rounds} kills, {traffic.spans}"
    return Result(done, (*figures, statistics.median(restarts)))


@drill(
    "sigkill-large-log",
    "SIGKILL while a reader makes the write-ahead log grow",
    *(LOST, DOUBLED, SERVING),
)
def sigkill_large_log(scale: Scale, folder: Path) -> Result:
    least = scale.pick(5, 100) * 1_000_000
    with Collector.running(folder) as collector:
        path = path_of(collector)
        wal = path.with_name(path.name + "-wal")
        # Read-only: closing another connection, the last, would empty the log.
        reader = sqlite3.connect(f"file:{path}?mode=ro", uri=True, isolation_level=None)
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM traces").fetchall()
        traffic = Traffic(collector.target)
        with traffic.running():
            until(lambda: wal.stat().st_size >= least, "a large log", 120)
            collector.kill9()
        reader.close()
        size = wal.stat().st_size
        seconds = seconds_of_restart(collector)
        figures = lost_and_doubled(collector.store, traffic.book)
    return Result(f"log of {size / 1e6:.0f} MB", (*figures, seconds))


@drill(
    "sigstop",
    "SIGSTOP of the collector under load, then SIGCONT",
    LOST,
    DOUBLED,
    Promise("takes spans again after", 2.0, "s"),
    waits=True,
)
def sigstop(scale: Scale, folder: Path) -> Result:
    seconds = scale.pick(2, 15)
    with Collector.running(folder) as collector:
        traffic = Traffic(collector.target, scale.pick(20, 0))
        with traffic.running():
            traffic.wait_for(5)
            with stopped(lambda: [pid_of(collector)]):
                time.sleep(seconds)
            begun = time.monotonic()
            traffic.wait_for(1)
            again = time.monotonic() - begun
        figures = traffic.lost_and_doubled(collector.store)
    return Result(f"{seconds} s, {traffic.spans}", (*figures, again))


@drill(
    "sigstop-second",
    "SIGSTOP of the process that writes; then once more, and SIGTERM meanwhile",
    *OUTAGE_AND_STOP,
    waits=True,
)
def sigstop_second(scale: Scale, folder: Path) -> Result:
    seconds = scale.pick(7, 15)
    with Collector.running(folder) as collector:
        pid = pid_of(collector)
        traffic = Traffic(collector.target)
        with traffic.running():  # what queues up starts the second process
            until(lambda: processes(pid)[1:], "a second process")
            traffic.wait_for(scale.pick(200, 1000))
        assert processes(pid)[1:], "the second process has ended already"
        lost, doubled, *figures = outage_and_stop(
            collector, lambda: stopped(lambda: processes(pid)[1:]), seconds
        )
        before, twice = traffic.lost_and_doubled(collector.store)
    return Result(f"{seconds} s", (lost + before, doubled + twice, *figures))


@contextmanager
def stopped(found: Callable[[], Sequence[int]]) -> Iterator[None]:
    """Stop the processes that are there when the block begins, until it ends."""
    pids = found()
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in pids:
            try:
                os.kill(pid, signal.SIGCONT)
            except ProcessLookupError:
                continue  # it was ended meanwhile


def seconds_of_restart(collector: Collector) -> float:
    """Start a collector again; return the seconds until it serves."""
    begun = time.monotonic()
    collector.restart()
    return time.monotonic() - begun
