"""What is promised of a store that is away for a while, and how it is measured."""

import signal
import subprocess
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Final

from benchmarks.acknowledged import Answer
from tests.drills.promises import DOUBLED, LOST, Promise
from tests.drills.traffic import Traffic, until
from tests.drills.watch import Watch
from tests.plugins.collector import Collector

__all__ = [
    "OUTAGE",
    "OUTAGE_AND_STOP",
    "REQUESTS_A_SECOND",
    "outage",
    "outage_and_stop",
]

REQUESTS_A_SECOND: Final = 20
"""Requests that are sent meanwhile, of 250 spans each, while they are answered OK."""

_MAX_STOP_SECONDS: Final = 30.0
"""Seconds after SIGTERM after which a collector is killed."""

OUTAGE: Final = (
    LOST,
    DOUBLED,
    Promise("longest answer", 5.0, "s"),
    Promise("said ready and took nothing", 6.0, "s"),
    Promise("takes spans again after", 2.0, "s"),
    Promise("ready again after", 6.0, "s"),
    Promise("lines of log", 10),
)
"""What is promised of a store that is away for a while."""


def outage(
    collector: Collector, fault: AbstractContextManager[object], seconds: float
) -> tuple[float, ...]:
    """Have a fault for some seconds under traffic; return the figures of `OUTAGE`.

    Args:
        collector: the collector; ready.
        fault: a context manager; the store is away inside of it.
        seconds: for how long.
    """
    traffic, watch = Traffic(collector.target, REQUESTS_A_SECOND), Watch(collector)
    with watch.running(), traffic.running():
        traffic.wait_for(5)
        lines = collector.log.count("\n")
        with fault:
            begun = time.monotonic()
            time.sleep(seconds)
        ended = time.monotonic()
        until(lambda: _oks(traffic, ended), "spans are taken again")
        until(lambda: watch.first_ready(ended) < float("inf"), "ready again")
    lines = collector.log.count("\n") - lines
    oks = [a.answered for a in traffic.book.answers if a.is_ok]
    last = max([begun, *(at for at in oks if at <= ended)])
    return (
        *traffic.lost_and_doubled(collector.store),
        max(a.answered - a.sent for a in traffic.book.answers),
        max(0, min(watch.first_not_ready(last), ended) - last),
        min(at for at in oks if at > ended) - ended,
        watch.first_ready(ended) - ended,
        lines,
    )


OUTAGE_AND_STOP: Final = (
    *OUTAGE,
    Promise("ended after SIGTERM meanwhile", 5.0, "s"),
)
"""The same, and what is promised of a collector that is told to stop meanwhile."""


def outage_and_stop(
    collector: Collector,
    fault: Callable[[], AbstractContextManager[object]],
    seconds: float,
) -> tuple[float, ...]:
    """Have a fault twice, and SIGTERM the second time; the figures of both."""
    lost, doubled, *figures = outage(collector, fault(), seconds)
    traffic = Traffic(collector.target, REQUESTS_A_SECOND)
    with traffic.running():
        traffic.wait_for(5)
        with fault():
            time.sleep(1)
            stop = _seconds_of_stop(collector)
    collector.restart()
    more_lost, more_doubled = traffic.lost_and_doubled(collector.store)
    return lost + more_lost, doubled + more_doubled, *figures, stop


def _seconds_of_stop(collector: Collector) -> float:
    """Ask a collector to stop; return after how many seconds it has ended."""
    begun = time.monotonic()
    process = collector._running
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(_MAX_STOP_SECONDS)
    except subprocess.TimeoutExpired:
        collector.kill9()
    return time.monotonic() - begun


def _oks(traffic: Traffic, after: float) -> list[Answer]:
    answers = traffic.book.answers[-50:]
    return [a for a in answers if a.is_ok and a.answered > after]
