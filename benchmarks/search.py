"""How fast a search gets from a warm SQLite store to a DataFrame.

    python -m benchmarks.search [--quick] [--traces N] [--no-peers]

Fourteen searches through the public API, on the store that `benchmarks.ingest` leaves
(or a new one), and on one of 10 000 traces; beside MLflow on a store of its own, beside
the bare driver, and while a collector takes spans.
"""

import argparse
import json
import sqlite3
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final, NamedTuple

from benchmarks import mlflow_search, workload
from benchmarks.contention import Contention, while_ingesting
from benchmarks.load import send
from benchmarks.peers import MLFLOW, count_rows, install, python_of
from benchmarks.plot import plot
from benchmarks.report import RESULTS, Claim, at_least, at_most, write
from benchmarks.servers import WORK
from benchmarks.stores import filled, store_of

import spanframe
from spanframe_collector.store import schema

FULL_TRACES: Final = 1_000_000
QUICK_TRACES: Final = 100_000
SMALL_TRACES: Final = 10_000
PAGE: Final = 100
MANY_ROWS: Final = 100_000
THOUSAND: Final = 1000
MLFLOW_TRACES: Final = 40_000
QUICK_MLFLOW_TRACES: Final = 1000
COMMON: Final = "tags.environment = 'production'"


@dataclass(frozen=True)
class Search:
    name: str
    filter: str | None
    order_by: str | None = None

    def run(self, *, include_spans: bool = False) -> int:
        """Search as an app would; return the number of rows."""
        frame = spanframe.search_traces(
            self.filter,
            max_results=PAGE,
            order_by=self.order_by,
            include_spans=include_spans,
        )
        return len(frame)


class Timing(NamedTuple):
    """Medians of one search, in milliseconds."""

    rows: int
    plain_ms: float
    with_spans_ms: float


def searches(traces: int) -> list[Search]:
    """Make the fourteen searches over the first so many traces of the workload."""
    hour = 3_600_000
    last_hour = workload.FIRST_START_MS + traces * workload.INTERVAL_MS - hour
    recent = f"attributes.timestamp_ms >= {last_hour}"
    # A session that lies in the middle of the store and has traces.
    facts = (workload.draw(number)[0] for number in range(traces // 2, traces))
    session = next(fact.session for fact in facts if fact.session)
    failed_tool = workload.SHAPE[workload.FAILING].name
    return [
        Search("newest 100", None),
        Search("status", "attributes.status = 'ERROR'"),
        Search("rare tag", "tags.customer_id = 'customer-17'"),
        Search("common tag", COMMON),
        Search("user", "metadata.`mlflow.trace.user` = 'user-42'"),
        Search(
            "session, oldest first",
            f"metadata.`mlflow.trace.session` = '{session}'",
            "timestamp_ms ASC",
        ),
        Search("name", f"attributes.name = '{workload.ROOT_NAMES[0]}'"),
        Search("duration > 5 s", "attributes.execution_time_ms > 5000"),
        Search(
            "duration range",
            "attributes.execution_time_ms >= 2000 "
            "AND attributes.execution_time_ms < 2100",
        ),
        Search("last hour", recent),
        Search(
            "status, last hour, tag",
            f"attributes.status = 'ERROR' AND {recent} AND {COMMON}",
        ),
        Search("tag !=", "tags.environment != 'production'"),
        Search("tag LIKE prefix", "tags.customer_id LIKE 'customer-9%'"),
        Search(
            "failed span by name",
            f"span.name = '{failed_tool}' AND span.status = 'ERROR'",
        ),
    ]


def median_seconds(call: Callable[[], Any], repeats: int) -> float:
    """Return the median time of a call that has been made once before."""
    call()
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def time_searches(
    stores: Sequence[tuple[Path, int]], repeats: int
) -> list[dict[str, Timing]]:
    """Time the fourteen searches on several stores, (file, number of traces).

    Each search is timed on one store after the other, so that a machine that gets busy
    slows all of them alike.
    """
    found: list[dict[str, Timing]] = [{} for _ in stores]
    each = [searches(traces) for _, traces in stores]
    for same_search in zip(*each, strict=True):
        for (store, _), search, timings in zip(stores, same_search, found, strict=True):
            spanframe.set_tracking_uri(f"sqlite:///{store}")
            timings[search.name] = Timing(
                search.run(),
                1000 * median_seconds(search.run, repeats),
                1000 * median_seconds(partial(search.run, include_spans=True), repeats),
            )
    return found


def seconds_of_newest(size: int, repeats: int, *, include_spans: bool) -> float:
    def call() -> None:
        found = spanframe.search_traces(max_results=size, include_spans=include_spans)
        if len(found) != size:
            raise RuntimeError(f"{len(found)} traces are found instead of {size}")

    return median_seconds(call, repeats)


def seconds_of_driver(store: Path, size: int, repeats: int) -> float:
    """Return how long sqlite3 takes to fetch the columns that a search reads."""
    columns = ", ".join(c.name for c in schema.traces.c if c.name != "stamps")
    query = (
        f"SELECT {columns} FROM traces "  # noqa: S608 - names from the schema
        "ORDER BY timestamp_ms DESC, trace_id DESC LIMIT ?"
    )
    with closing(sqlite3.connect(store)) as connection:
        return median_seconds(
            lambda: connection.execute(query, (size,)).fetchall(), repeats
        )


def mlflow_seconds(traces: int, sizes: Sequence[int], repeats: int) -> dict[int, float]:
    """Time MLflow on a store of its own with so many traces; fill it once."""
    folder = WORK / "stores" / f"mlflow-{traces}"
    database = folder / "mlflow.db"
    if count_rows(database, "spans") != traces * len(workload.SHAPE):
        print(f"Filling MLflow's store with {traces:,} traces")
        folder.mkdir(parents=True, exist_ok=True)
        database.unlink(missing_ok=True)
        with MLFLOW.start(folder) as running:
            send(running.export, list(workload.requests(0, traces)))
    command = [python_of(MLFLOW.name), mlflow_search.__file__, f"sqlite:///{database}"]
    command += [str(repeats), *map(str, sizes)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    found = json.loads(done.stdout.splitlines()[-1])
    return {size: found[str(size)] for size in sizes}


def claims(
    large: dict[str, Timing], small: dict[str, Timing], contention: Contention
) -> list[Claim]:
    """Return what the fourteen searches say, each claim by its worst search."""
    plain = {name: timing.plain_ms for name, timing in large.items()}
    with_spans = {name: timing.with_spans_ms for name, timing in large.items()}
    growth = {name: ms / small[name].plain_ms for name, ms in plain.items()}

    def worst(text: str, figures: dict[str, float], unit: str, *limits: float) -> Claim:
        name = max(figures, key=figures.__getitem__)
        return at_most(f"{text}, worst: {name}", figures[name], unit, *limits)

    return [
        worst("p50 of 14 searches", plain, " ms", 15, 5),
        worst("p50 of 14 searches with spans", with_spans, " ms", 40, 15),
        worst("p50 / p50 at 10 k traces", growth, "", 3, 1.5),
        at_most(
            "p95 while ingesting at half the maximum rate / idle",
            contention.busy_p95_ms / contention.idle_p95_ms,
            "",
            3,
            1.5,
        ),
    ]


def details(large: dict[str, Timing], small: dict[str, Timing]) -> list[str]:
    lines = ["| search | rows | p50, ms | with spans, ms | p50 / p50 at 10 k |"]
    lines += ["|---|---|---|---|---|"]
    for name, timing in large.items():
        growth = timing.plain_ms / small[name].plain_ms
        rows = f"{timing.rows} ({small[name].rows} at 10 k)"
        lines.append(
            f"| {name} | {rows} | {timing.plain_ms:.1f} | {timing.with_spans_ms:.1f} "
            f"| {growth:.2f} |"
        )
    return lines


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="100 000 traces")
    parser.add_argument("--traces", type=int, help="search so many")
    parser.add_argument("--no-peers", action="store_true", help="only spanframe")
    parser.add_argument("--results", type=Path, default=RESULTS)
    options = parser.parse_args()
    traces = options.traces or (QUICK_TRACES if options.quick else FULL_TRACES)
    repeats = 11 if options.quick else 31
    store = filled(store_of(traces), traces)
    small_store = filled(store_of(SMALL_TRACES), SMALL_TRACES)

    print("Fourteen searches on each store")
    stores = [(small_store, SMALL_TRACES), (store, traces)]
    small, large = time_searches(stores, repeats)
    count_ms = 1000 * median_seconds(lambda: spanframe.count_traces(COMMON), repeats)
    many, few = min(MANY_ROWS, traces), min(THOUSAND, traces)
    frame_seconds = seconds_of_newest(many, 3, include_spans=False)
    driver_seconds = seconds_of_driver(store, many, 3)
    page_seconds = seconds_of_newest(PAGE, repeats, include_spans=True)
    few_seconds = seconds_of_newest(few, 3, include_spans=True)
    print("Searching while a collector takes spans")
    contention = while_ingesting(store, traces, [s.run for s in searches(traces)])

    found = claims(large, small, contention)
    found += [
        at_most(
            f"{many:,} rows → DataFrame / driver",
            frame_seconds / driver_seconds,
            "",
            4,
            2,
        ),
        at_most("count_traces by common tag", count_ms, " ms", 100, 30),
    ]
    figures = {
        f"{many:,} rows → DataFrame": f"{frame_seconds:.2f} s",
        f"{many:,} rows, sqlite3's fetchall": f"{driver_seconds:.2f} s",
        f"newest {PAGE} with spans": f"{1000 * page_seconds:.1f} ms",
        f"newest {few:,} with spans": f"{few_seconds:.2f} s",
        "p95 of the searches, idle": f"{contention.idle_p95_ms:.1f} ms",
        "p95 while ingesting": f"{contention.busy_p95_ms:.1f} ms",
        "ingesting meanwhile": f"{contention.rate:,.0f} spans/s",
    }
    if not options.no_peers and install(MLFLOW.name, MLFLOW.requirement):
        theirs = QUICK_MLFLOW_TRACES if options.quick else MLFLOW_TRACES
        seconds = mlflow_seconds(theirs, (PAGE, THOUSAND), 3)
        page_ratio = seconds[PAGE] / page_seconds
        few_ratio = seconds[THOUSAND] / few_seconds
        about = f"against MLflow with {theirs:,}"
        found += [
            at_least(f"newest {PAGE} with spans {about}", page_ratio, "x", 20, 50),
            at_least(f"{few:,} with spans {about}", few_ratio, "x", 40, 100),
        ]
        figures |= {
            f"MLflow, newest {size:,} with spans": f"{1000 * value:.0f} ms"
            for size, value in seconds.items()
        }
    name = f"search-{traces}"
    write(
        options.results / f"{name}.md",
        f"Search, {traces:,} traces",
        found,
        figures,
        details(large, small),
    )
    plot(
        options.results / f"{name}.png",
        x=list(large),
        lines={
            f"{SMALL_TRACES:,} traces": [t.plain_ms for t in small.values()],
            f"{traces:,} traces": [t.plain_ms for t in large.values()],
            f"{traces:,}, with spans": [t.with_spans_ms for t in large.values()],
        },
        labels=("", "p50, ms"),
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
