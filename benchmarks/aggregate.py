"""Measure aggregates of a day of traces, from a warm SQLite store to a DataFrame.

    python -m benchmarks.aggregate [--quick] [--traces N]

On the store that `benchmarks.search` uses (or a new one), a day in the middle of it is
grouped by the calls below, and beside them by pandas, from the rows of a search.
"""

import argparse
import sys
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
import pandas as pd

import spanframe
from benchmarks import workload
from benchmarks.report import RESULTS, Claim, at_most, write
from benchmarks.searches import COMMON, median_seconds
from benchmarks.stores import filled, store_of

__all__ = ["calls", "claims", "day_of", "pandas_ms", "time_calls"]

FULL_TRACES: Final = 1_000_000
QUICK_TRACES: Final = 100_000
DAY_MS: Final = 86_400_000
REPEATS: Final = 11
PANDAS_REPEATS: Final = 3


class Call(NamedTuple):
    """A call of `aggregate_traces` on one day."""

    name: str
    arguments: dict[str, Any]
    filter: str = ""

    def run(self, day: str) -> pd.DataFrame:
        filter_ = f"{day} AND {self.filter}" if self.filter else day
        return spanframe.aggregate_traces(filter_, **self.arguments)


class Timing(NamedTuple):
    """How many groups a call returns, and its median time."""

    groups: int
    ms: float


def calls() -> list[Call]:
    """Return what is asked of a day: the recipes of the pages."""
    version = "tags.app_version"
    rate = ["count", "error_rate"]
    return [
        Call("count and p95 every 5 min", {"every": "5m", "metrics": ["count", "p95"]}),
        Call("error rate by version", {"by": version, "metrics": rate}),
        Call("two environments compared", {"by": "tags.environment"}),
        Call("by name every 5 min", {"by": "name", "every": "5m", "metrics": rate}),
        Call("of a common tag by name, all metrics", {"by": "name"}, COMMON),
        Call(
            "by version and name every 5 min, all metrics",
            {"by": [version, "name"], "every": "5m"},
        ),
    ]


def day_of(traces: int) -> str:
    """Return the filter of a day in the middle of so many traces."""
    middle = workload.FIRST_START_MS + traces // 2 * workload.INTERVAL_MS
    start = middle - DAY_MS // 2
    return f"timestamp_ms >= {start} AND timestamp_ms < {start + DAY_MS}"


def time_calls(traces: int, repeats: int) -> dict[str, Timing]:
    """Time the calls on the store in use."""
    day = day_of(traces)
    return {
        each.name: Timing(
            len(each.run(day)),
            1000 * median_seconds(lambda: each.run(day), repeats),  # noqa: B023
        )
        for each in calls()
    }


def pandas_ms(traces: int, repeats: int) -> float:
    """Time the last call as a reader of rows makes it with pandas."""
    day = day_of(traces)

    def call() -> None:
        rows = spanframe.search_traces(day, include_spans=False)
        rows["version"] = [tags.get("app_version") for tags in rows.tags]
        rows["name"] = [tags.get("mlflow.traceName") for tags in rows.tags]
        rows["bucket"] = rows.timestamp_ms // 300_000
        rows["failed"] = rows.status == "ERROR"
        groups = rows.groupby(["bucket", "version", "name"], dropna=False)
        groups.agg(count=("status", "size"), error_rate=("failed", "mean"))
        groups.execution_time_ms.quantile(np.array([0.5, 0.95, 0.99]))

    return 1000 * median_seconds(call, repeats)


def claims(timings: dict[str, Timing]) -> list[Claim]:
    """Return what the calls say, by the slowest of them."""
    name = max(timings, key=lambda each: timings[each].ms)
    text = f"p50 of {len(timings)} calls, worst: {name}"
    return [at_most(text, timings[name].ms, " ms", 100, 50)]


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="100 000 traces")
    parser.add_argument("--traces", type=int, help="aggregate a day of so many")
    parser.add_argument("--results", type=Path, default=RESULTS)
    options = parser.parse_args()
    traces = options.traces or (QUICK_TRACES if options.quick else FULL_TRACES)
    store = filled(store_of(traces), traces)
    spanframe.set_tracking_uri(f"sqlite:///{store}")
    found = spanframe.count_traces(day_of(traces))
    timings = time_calls(traces, REPEATS)
    by_pandas = pandas_ms(traces, PANDAS_REPEATS)
    details = ["| call | groups | p50, ms |", "|---|---|---|"]
    details += [
        f"| {name} | {timing.groups:,} | {timing.ms:.1f} |"
        for name, timing in timings.items()
    ]
    write(
        options.results / f"aggregate-{traces}.md",
        f"Aggregates of a day, {traces:,} traces",
        claims(timings),
        {
            "traces of the day": f"{found:,}",
            "the last call by pandas, from the rows of a search": (
                f"{by_pandas:,.0f} ms"
            ),
        },
        details,
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
