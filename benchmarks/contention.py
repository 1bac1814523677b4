"""Searching a store while a collector writes to it."""

import multiprocessing
import shutil
import statistics
import time
from collections.abc import Callable, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, Final, NamedTuple

import spanframe
from benchmarks import workload
from benchmarks.load import over_grpc, send, send_paced
from benchmarks.servers import collector

__all__ = ["Contention", "while_ingesting"]

ROUNDS: Final = 8
PROBED_REQUESTS: Final = 128
SETTLE_SECONDS: Final = 1.0


class Contention(NamedTuple):
    """What ingesting at half the collector's maximum rate does to searches."""

    idle_p95_ms: float
    busy_p95_ms: float
    rate: float
    """Spans a second that were sent meanwhile."""


def while_ingesting(
    store: Path, traces: int, searches: Sequence[Callable[[], Any]]
) -> Contention:
    """Search a copy of a store, idle and while new traces arrive in it.

    Args:
        store: left as it is.
        traces: how many are in it.
        searches: asked in turn.
    """
    copy = store.with_name("while-ingesting.db")
    shutil.copyfile(store, copy)
    spanframe.set_tracking_uri(f"sqlite:///{copy}")
    try:
        with collector(copy) as (target, _):
            idle = p95_ms(searches)
            stream = workload.requests(traces, 10 * PROBED_REQUESTS * 64)
            probed = list(islice(stream, PROBED_REQUESTS))
            with over_grpc(target) as export:
                rate = send(export, probed).rate / 2
            # A process of its own, which does not share this one's interpreter lock.
            sender = multiprocessing.get_context("spawn").Process(
                target=send_paced, args=(target, 2 * traces, 10_000_000, rate)
            )
            sender.start()
            try:
                time.sleep(SETTLE_SECONDS)
                busy = p95_ms(searches)
                if not sender.is_alive():
                    raise RuntimeError("the sender has given up")
            finally:
                sender.terminate()
                sender.join()
    finally:
        # Closes the connections to the copy, so that it can go.
        spanframe.set_tracking_uri(f"sqlite:///{store}")
        for file in copy.parent.glob(f"{copy.stem}.*"):
            file.unlink()
    return Contention(idle, busy, rate)


def p95_ms(searches: Sequence[Callable[[], Any]]) -> float:
    """Return the 95th percentile over several rounds of all searches, warm."""
    for search in searches:
        search()
    times = []
    for _ in range(ROUNDS):
        for search in searches:
            start = time.perf_counter()
            search()
            times.append(time.perf_counter() - start)
    return 1000 * statistics.quantiles(times, n=20)[-1]
