"""Measure searches, from a warm SQLite store to a DataFrame.

    python -m benchmarks.search [--quick] [--traces N] [--no-peers] [--store ENGINE]

Fourteen searches through the public API, on the store that `benchmarks.ingest` leaves
(or a new one), and on one of 10 000 traces; beside MLflow on a store of its own, beside
the bare driver, and while a collector takes spans.
"""

import argparse
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Final

import spanframe
from benchmarks import mlflow_search, postgresql, workload
from benchmarks.contention import Contention, while_ingesting
from benchmarks.load import portions, send
from benchmarks.peers import MLFLOW, count_rows, install, python_of
from benchmarks.plot import plot
from benchmarks.report import RESULTS, Claim, at_least, at_most, write
from benchmarks.searches import (
    COMMON,
    PAGE,
    Timing,
    median_seconds,
    searches,
    time_searches,
)
from benchmarks.servers import WORK
from benchmarks.stores import filled, store_of
from spanframe_store.sql import schema

FULL_TRACES: Final = 1_000_000
QUICK_TRACES: Final = 100_000
SMALL_TRACES: Final = 10_000
REPEATS: Final = 5
PORTION_REQUESTS: Final = 128
MANY_ROWS: Final = 100_000
THOUSAND: Final = 1000
MLFLOW_TRACES: Final = 40_000
QUICK_MLFLOW_TRACES: Final = 1000


def seconds_of_newest(size: int, repeats: int, *, include_spans: bool) -> float:
    """Time the search for the newest traces of the store in use."""

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
        "ORDER BY timestamp_ms DESC, trace_id LIMIT ?"
    )
    with closing(sqlite3.connect(store)) as connection:
        return median_seconds(
            lambda: connection.execute(query, (size,)).fetchall(), repeats
        )


def mlflow_store(traces: int) -> Path:
    """Return a store of MLflow's with so many traces, filled unless it is there."""
    folder = WORK / "stores" / f"mlflow-{traces}"
    database = folder / "mlflow.db"
    spans = traces * len(workload.SHAPE)
    if not database.exists() or count_rows(database, "spans") != spans:
        print(f"Filling MLflow's store with {traces:,} traces")
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        with MLFLOW.start(folder) as running:
            for portion in portions(workload.requests(0, traces), PORTION_REQUESTS):
                send(running.export, portion)
    return database


def mlflow_seconds(database: Path, size: int) -> float:
    """Time MLflow's search for the newest traces with their spans."""
    command = [python_of(MLFLOW.name), mlflow_search.__file__]
    command += [f"sqlite:///{database}", str(size), str(REPEATS)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    return float(done.stdout.splitlines()[-1])


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


def of_frames(store: Path, traces: int) -> tuple[list[Claim], dict[str, str]]:
    """Compare a long DataFrame with the driver; count by a common tag."""
    spanframe.set_tracking_uri(f"sqlite:///{store}")
    rows = min(MANY_ROWS, traces)
    ours = seconds_of_newest(rows, REPEATS, include_spans=False)
    bare = seconds_of_driver(store, rows, REPEATS)
    count = median_seconds(lambda: spanframe.count_traces(COMMON), REPEATS)
    found = [
        at_most(f"{rows:,} rows → DataFrame / driver", ours / bare, "", 4, 2),
        at_most("count_traces by common tag", 1000 * count, " ms", 100, 30),
    ]
    figures = {
        f"{rows:,} rows → DataFrame": f"{ours:.2f} s",
        f"{rows:,} rows, sqlite3's fetchall": f"{bare:.2f} s",
    }
    return found, figures


def beside_mlflow(
    store: Path, traces: int, theirs: int
) -> tuple[list[Claim], dict[str, str]]:
    """Compare traces with their spans with MLflow on a store of so many traces."""
    database = mlflow_store(theirs)
    spanframe.set_tracking_uri(f"sqlite:///{store}")
    found: list[Claim] = []
    figures: dict[str, str] = {}
    for size, must, goal in ((PAGE, 20, 50), (min(THOUSAND, traces, theirs), 40, 100)):
        mine = seconds_of_newest(size, REPEATS, include_spans=True)
        mlflow = mlflow_seconds(database, size)
        text = f"newest {size:,} with spans"
        about = f"{text} against MLflow with {theirs:,} traces"
        found.append(at_least(about, mlflow / mine, "x", must, goal))
        figures[f"spanframe, {text}"] = f"{1000 * mine:.0f} ms"
        figures[f"MLflow, {text}"] = f"{1000 * mlflow:.0f} ms"
    return found, figures


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="100 000 traces")
    parser.add_argument("--traces", type=int, help="search so many")
    parser.add_argument("--no-peers", action="store_true", help="only spanframe")
    parser.add_argument(
        "--store",
        default="sqlite",
        metavar="ENGINE",
        help="postgresql, or the URL of a store there, empty or from an earlier run: "
        "beside SQLite, and nothing else",
    )
    parser.add_argument("--results", type=Path, default=RESULTS)
    options = parser.parse_args()
    traces = options.traces or (QUICK_TRACES if options.quick else FULL_TRACES)
    if options.store != "sqlite":
        url = None if options.store == "postgresql" else options.store
        return postgresql.search(traces, options.results, url)
    store = filled(store_of(traces), traces)
    small_store = filled(store_of(SMALL_TRACES), SMALL_TRACES)

    print("Fourteen searches on each store")
    stores = [
        (f"sqlite:///{small_store}", SMALL_TRACES),
        (f"sqlite:///{store}", traces),
    ]
    small, large = time_searches(stores, repeats=11 if options.quick else 31)
    print("Searching while a collector takes spans")
    contention = while_ingesting(store, traces, [s.run for s in searches(traces)])
    found = claims(large, small, contention)
    figures = {
        "p95 of the searches, idle": f"{contention.idle_p95_ms:.1f} ms",
        "p95 while ingesting": f"{contention.busy_p95_ms:.1f} ms",
        "ingesting meanwhile": f"{contention.rate:,.0f} spans/s",
    }
    compared = [of_frames(store, traces)]
    if not options.no_peers and install(MLFLOW.name, MLFLOW.requirement):
        theirs = QUICK_MLFLOW_TRACES if options.quick else MLFLOW_TRACES
        compared.append(beside_mlflow(store, traces, theirs))
    for more_claims, more_figures in compared:
        found += more_claims
        figures |= more_figures

    name = f"search-{traces}"
    title = f"Search, {traces:,} traces"
    page = options.results / f"{name}.md"
    write(page, title, found, figures, details(large, small))
    plot(
        page.with_suffix(".png"),
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
