"""Measure the processor time of a span by stage of the collector.

    python -m benchmarks.stages [--traces N]

The stages run one after the other in this process, on the workload that
`benchmarks.ingest` sends, eight requests a transaction. Beside a stage stands the least
that its work can cost on this machine: the library alone, given the same bytes or rows.
"""

import argparse
import gc
import shutil
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from itertools import chain
from pathlib import Path
from typing import Any, Final

import zstandard
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
)

from benchmarks import workload
from benchmarks.report import machine
from benchmarks.servers import WORK
from spanframe_collector.second_process.packing import pack, unpack
from spanframe_store.contract.spans import SpanRow
from spanframe_store.otlp import decode_request
from spanframe_store.otlp.envelope import walk
from spanframe_store.sql import blocks, index_entries, recent, trace_rows, writer
from spanframe_store.sql.backend import open_engine
from spanframe_store.sql.migrations import upgrade

REQUESTS_AT_ONCE: Final = 8

# Functions of the writer, and what they are for; some run inside others.
WRITING: Final = (
    (recent.RecentTraces, "known", "traces that were written a moment ago"),
    (writer, "_known_traces", "traces that are stored already"),
    (writer, "_known_spans", "spans that are stored already"),
    (blocks.Codec, "pack", "compress blocks"),
    (writer, "states_of", "fold spans into traces, with their usage"),
    (writer, "write_spans", "spans and blocks: rows, insert"),
    (writer, "write_traces", "traces and index: rows, insert"),
    (trace_rows, "columns_of", "columns of traces"),
    (trace_rows, "searchable_of", "tags and metadata"),
    (index_entries.Changes, "add", "index rows: what changes"),
    (index_entries.Changes, "write", "index rows: write"),
    (writer, "known_after", "remember traces"),
)


class Stopwatch:
    """Adds up the processor time of this thread, by name."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextmanager
    def __call__(self, name: str) -> Iterator[None]:
        start = time.thread_time()
        yield
        self.seconds[name] = self.seconds.get(name, 0.0) + time.thread_time() - start

    def around(self, owner: Any, function: str, name: str) -> None:
        """Time every call of a function from now on."""
        timed: Callable[..., Any] = getattr(owner, function)

        def wrapper(*arguments: Any, **options: Any) -> Any:
            with self(name):
                result = timed(*arguments, **options)
                return list(result) if isinstance(result, Iterator) else result

        setattr(owner, function, wrapper)


def decode(requests: list[bytes], watch: Stopwatch) -> list[list[SpanRow]]:
    with watch("parse whole requests (protobuf alone)"):
        for request in requests:
            ExportTraceServiceRequest.FromString(request)
    with watch("walk the envelope"):
        for request in requests:
            list(walk(request))
    with watch("decode"):
        rows = [decode_request(request).rows for request in requests]
    with watch("pack for the second process"):
        packed = [pack(each) for each in rows]
    with watch("unpack there"):
        return [unpack(each) for each in packed]


def write(rows: list[list[SpanRow]], folder: Path, watch: Stopwatch) -> None:
    for owner, function, name in WRITING:
        watch.around(owner, function, name)
    engine = open_engine(f"sqlite:///{folder / 'stages.db'}")
    upgrade(engine)
    spans = writer.SpanWriter(engine)
    for start in range(0, len(rows), REQUESTS_AT_ONCE):
        with watch("write"):
            spans.write(rows[start : start + REQUESTS_AT_ONCE])
    engine.dispose()


def alone(rows: list[list[SpanRow]], folder: Path, watch: Stopwatch) -> None:
    """Time the libraries at the same work: compressing, inserting, committing."""
    spans = list(chain.from_iterable(rows))
    dictionary = zstandard.train_dictionary(64 << 10, [s.body for s in spans[:4000]])
    dictionary.precompute_compress(level=3)
    compressor = zstandard.ZstdCompressor(level=3, dict_data=dictionary)
    threes = [
        b"".join(s.body for s in spans[at : at + 3]) for at in range(0, len(spans), 3)
    ]
    with watch("compress (Zstandard alone)"):
        packed = [compressor.compress(each) for each in threes]
    with closing(sqlite3.connect(folder / "alone.db", isolation_level=None)) as store:
        store.execute("PRAGMA journal_mode = WAL")
        store.execute(
            "CREATE TABLE spans (a INTEGER, b INTEGER, c INTEGER, d INTEGER, "
            "e INTEGER, PRIMARY KEY (a, b)) WITHOUT ROWID"
        )
        store.execute("CREATE TABLE blocks (a INTEGER PRIMARY KEY, b BLOB)")
        with watch("insert spans and blocks (sqlite3 alone)"):
            size = REQUESTS_AT_ONCE * workload.REQUEST_SPANS
            for at in range(0, len(spans), size):
                store.execute("BEGIN IMMEDIATE")
                store.executemany(
                    "INSERT INTO spans VALUES (?, ?, ?, ?, ?)",
                    [
                        (at + n, s.span_id, s.digest, s.parent_span_id, s.end_ns)
                        for n, s in enumerate(spans[at : at + size])
                    ],
                )
                store.executemany(
                    "INSERT INTO blocks VALUES (?, ?)",
                    enumerate(packed[at // 3 : (at + size) // 3], at // 3),
                )
                store.execute("COMMIT")


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--traces", type=int, default=20_000)
    traces: int = parser.parse_args().traces
    folder = WORK / "stages"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    sent = list(workload.requests(0, traces))
    count = sum(request.spans for request in sent)
    gc.disable()
    watch = Stopwatch()
    rows = decode([request.body for request in sent], watch)
    alone(rows, folder, watch)
    write(rows, folder, watch)
    print("\n".join([*machine(), "", "| stage | µs a span |", "|---|---|"]))
    for name, seconds in watch.seconds.items():
        print(f"| {name} | {seconds / count * 1e6:.2f} |")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
