"""Fill stores with traces of the workload, through a real collector."""

import statistics
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple

from benchmarks import workload
from benchmarks.load import Sent, over_grpc, portions, send
from benchmarks.servers import WORK, Memory, collector, cpu_seconds
from benchmarks.verify import differences
from spanframe.errors import StoreError

__all__ = ["Growth", "fill", "filled", "store_of"]

PORTION_REQUESTS: Final = 128
"""Requests made, then sent, at a time: 65 536 spans."""

ENDS: Final = 4
"""Portions that stand for the beginning, and for the end, of a file's growth."""


class Growth(NamedTuple):
    """What the collector did while its file grew from nothing."""

    portions: Sequence[Sent]
    peak_mib: float
    cpu_seconds: float
    file_bytes: int

    @property
    def first_rate(self) -> float:
        return statistics.median(sent.rate for sent in self.portions[:ENDS])

    @property
    def last_rate(self) -> float:
        return statistics.median(sent.rate for sent in self.portions[-ENDS:])

    @property
    def cpu_us_of_a_span(self) -> float:
        return 1e6 * self.cpu_seconds / sum(sent.spans for sent in self.portions)

    @property
    def bytes_share(self) -> float:
        return self.file_bytes / sum(sent.bytes for sent in self.portions)

    @property
    def bytes_of_a_span(self) -> float:
        sent = self.portions
        return sum(s.bytes for s in sent) / sum(s.spans for s in sent)


def store_of(traces: int) -> Path:
    """Return where the store with so many traces is kept."""
    return WORK / "stores" / f"traces-{traces}.db"


def fill(store: Path, traces: int) -> Growth:
    """Send the workload to a collector with a new store."""
    for old in store.parent.glob(f"{store.name}*"):
        old.unlink()
    sent = []
    spans = 0
    with (
        collector(store) as (target, pid),
        over_grpc(target) as export,
        Memory(pid) as memory,
    ):
        for portion in portions(workload.requests(0, traces), PORTION_REQUESTS):
            sent.append(send(export, portion))
            spans += sent[-1].spans
            progress(f"{spans:,} spans, {sent[-1].rate:,.0f} a second")
        cpu = cpu_seconds(pid)
    print()
    # The collector has stopped: everything is in the file, the WAL is gone.
    return Growth(sent, memory.peak_mib, cpu, store.stat().st_size)


def filled(store: Path, traces: int) -> Path:
    """Return a store with so many traces, filled unless it is there already."""
    if store.exists():
        try:
            if not differences(store, traces, compared=0):
                return store
        except StoreError as error:
            print(f"{store} cannot be used: {error}")
    print(f"Filling {store.name} with {traces:,} traces")
    fill(store, traces)
    return store


def progress(text: str) -> None:
    if sys.stdout.isatty():
        print(f"\r{text}        ", end="", flush=True)
