"""The fourteen searches that operators and developers run every day."""

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, NamedTuple

import spanframe
from benchmarks import workload

__all__ = [
    "COMMON",
    "PAGE",
    "Search",
    "Timing",
    "median_seconds",
    "searches",
    "time_searches",
]

PAGE: Final = 100
COMMON: Final = "tags.environment = 'production'"
"""A filter that finds a third of all traces."""


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
    stores: Sequence[tuple[str, int]], repeats: int
) -> list[dict[str, Timing]]:
    """Time the fourteen searches on several stores, (URL, number of traces).

    Each search is timed on one store after the other, so that a machine that gets busy
    slows all of them alike.
    """
    found: list[dict[str, Timing]] = [{} for _ in stores]
    each = [searches(traces) for _, traces in stores]
    for same_search in zip(*each, strict=True):
        for (store, _), search, timings in zip(stores, same_search, found, strict=True):
            spanframe.set_tracking_uri(store)
            timings[search.name] = Timing(
                search.run(),
                1000 * median_seconds(search.run, repeats),
                1000 * median_seconds(partial(search.run, include_spans=True), repeats),
            )
    return found
