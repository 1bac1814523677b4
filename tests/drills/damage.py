"""Drills on the file of the store: deleted, replaced, damaged."""

import os
import random
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Final

import pytest

from benchmarks.acknowledged import SPANS_IN_A_REQUEST
from tests.drills.outage import REQUESTS_A_SECOND
from tests.drills.processes import SERVING, seconds_of_restart
from tests.drills.promises import Promise, Result, Scale, drill
from tests.drills.traffic import Traffic
from tests.drills.watch import Watch
from tests.plugins.collector import Collector
from tests.plugins.observed import path_of

NOTICED: Final = (
    Promise("spans answered OK a second later", 0),
    Promise("spans refused for good inside an OK", 0),
    Promise("said ready and took nothing", 6.0, "s"),
    Promise("lines of log", 10),
    Promise("tracebacks in the log", 0),
    SERVING,
)


_SECONDS: Final = ((5, 3), (10, 1))
"""Seconds of traffic after the damage, and those in which an answer may still be OK.

The second pair is what is promised. The tests do other drills at the same time, and are
as patient with the first one as with what is promised in seconds.
"""


def noticed(
    collector: Collector,
    happen: Callable[[], object],
    seconds: float,
    grace_seconds: float,
    least: int = 10,
) -> tuple[float, ...]:
    """Have something happen to the store; return the figures of `NOTICED`.

    Args:
        collector: the collector; ready.
        happen: what happens.
        seconds: for how long traffic goes on.
        grace_seconds: for how long an answer may still be OK.
        least: how many requests are answered OK before.
    """
    traffic, watch = Traffic(collector.target, REQUESTS_A_SECOND), Watch(collector)
    with watch.running(), traffic.running():
        traffic.wait_for(least)
        lines = collector.log.count("\n")
        happen()
        begun = time.monotonic()
        time.sleep(seconds)
        ended = time.monotonic()
    answers = [a for a in traffic.book.answers if a.is_ok and a.answered > begun]
    last = max([begun, *(a.answered for a in answers)])
    late = [a for a in answers if a.answered > begun + grace_seconds]
    return (
        SPANS_IN_A_REQUEST * len(late),
        traffic.book.rejected_spans,
        max(0, min(watch.first_not_ready(last), ended) - last),
        collector.log.count("\n") - lines,
        collector.log.count("Traceback"),
    )


def begin_again(collector: Collector) -> float:
    """Start a collector again on a new store; return the seconds until it serves."""
    collector.kill9()
    seconds = seconds_of_restart(collector)
    traffic = Traffic(collector.target)
    with traffic.running():
        traffic.wait_for(1)
    return seconds


def files_of(collector: Collector) -> list[Path]:
    """Return the file of a store, its log and its index, as far as they exist."""
    path = path_of(collector)
    found = [path, *(path.with_name(path.name + end) for end in ("-wal", "-shm"))]
    return [each for each in found if each.exists()]


@drill("file-deleted", "the store's files are deleted under load", *NOTICED, waits=True)
def file_deleted(scale: Scale, folder: Path) -> Result:
    seconds, grace = scale.pick(*_SECONDS)
    with Collector.running(folder) as collector:

        def delete() -> None:
            for each in files_of(collector):
                each.unlink()

        figures = noticed(collector, delete, seconds, grace)
        return Result(f"{seconds} s", (*figures, begin_again(collector)))


@drill(
    "file-replaced",
    "another store is moved over the store's file",
    *NOTICED,
    waits=True,
)
def file_replaced(scale: Scale, folder: Path) -> Result:
    seconds, grace = scale.pick(*_SECONDS)
    with Collector.running(folder / "other") as other:
        other.terminate()
    with Collector.running(folder / "collector") as collector:
        figures = noticed(
            collector,
            lambda: path_of(other).replace(path_of(collector)),
            *(seconds, grace),
        )
        for each in files_of(collector)[1:]:  # those of the store that is gone
            each.unlink()
        return Result(f"{seconds} s", (*figures, begin_again(collector)))


@drill(
    "bytes-flipped",
    "every page but the first is overwritten under load; then a restart on that file",
    *NOTICED[1:],
    waits=True,
)
def bytes_flipped(scale: Scale, folder: Path) -> Result:
    seconds, grace = scale.pick(*_SECONDS)
    with Collector.running(folder) as collector:
        traffic = Traffic(collector.target)
        with traffic.running():
            traffic.wait_for(scale.pick(40, 400))
        path = path_of(collector)
        _, *running = noticed(collector, lambda: damage(path), seconds, grace)
        collector.kill9()
        restarted = on_damaged(collector, seconds, grace)
        for each in files_of(collector):
            each.unlink()
        again = begin_again(collector)
    figures = map(sum, zip(running, restarted, strict=True))
    return Result(f"{seconds} s, twice", (*figures, again))


def on_damaged(collector: Collector, seconds: float, grace: float) -> tuple[float, ...]:
    """Start a collector on a damaged store; it may refuse to start, if it says so."""
    said = len(collector.log)
    try:
        collector.restart()
    except pytest.fail.Exception:
        text = collector.log[said:]
        return 0, 0, text.count("\n"), text.count("Traceback")
    _, *figures = noticed(collector, lambda: None, seconds, grace, least=0)
    return tuple(figures)


def damage(path: Path) -> None:
    """Overwrite what is behind the first page of a store with chance.

    A write by another program, and an empty log, make the collector read the pages
    again, which it has in memory.
    """
    with closing(sqlite3.connect(path, timeout=20)) as other, other:
        other.execute("UPDATE traces SET status = status")
    with closing(sqlite3.connect(path, timeout=20)) as other:
        other.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    page = 4096
    chance = random.Random(3)  # noqa: S311 - the same bytes every time
    size = path.stat().st_size
    file = os.open(path, os.O_WRONLY)
    try:
        for place in range(page, size, page):
            os.pwrite(file, chance.randbytes(page), place)
    finally:
        os.close(file)
