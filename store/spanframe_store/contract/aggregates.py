"""An aggregation: traces of a search in groups, and figures of each group."""

from dataclasses import dataclass
from enum import Enum
from fractions import Fraction
from typing import Final, NamedTuple

from spanframe_store.contract.filter import Field
from spanframe_store.contract.search import Search

__all__ = ["EVERY_ORIGIN_MS", "Aggregation", "Group", "Metric", "MetricKind", "Value"]

EVERY_ORIGIN_MS: Final = -3 * 86_400_000
"""Start of one bucket of any length, in epoch ms: Monday, 29 December 1969, UTC.

Buckets of minutes, hours and days start where those of the clock do, weeks on Mondays.
"""

Value = str | int | float | None
"""A figure of a group, or what its traces have in common; None: absent."""


class MetricKind(Enum):
    """What is computed of the traces of a group."""

    COUNT = "count"
    """The number of traces."""
    ERROR_RATE = "error_rate"
    """The share of traces whose status is ERROR, 0 to 1."""
    PERCENTILE = "percentile"
    """A percentile of the durations, in milliseconds.

    Of n durations in ascending order, that at (n - 1) * share, counted from 0; between
    two of them, in proportion. It is exact, and what pandas and NumPy compute.
    """
    TOKENS = "tokens"
    """The sum of ``total_tokens`` of the metadata ``mlflow.trace.tokenUsage``."""
    COST = "cost"
    """The sum of ``total_cost`` of the metadata ``mlflow.trace.cost``, in USD."""


class Metric(NamedTuple):
    """A figure of a group; ``share`` is that of a percentile, 0 to 1."""

    kind: MetricKind
    share: Fraction | None = None


@dataclass(frozen=True, kw_only=True)
class Aggregation:
    """A checked aggregation; two stores with the same traces answer it the same way.

    Attributes:
        search: which traces; ``order``, ``limit`` and ``after`` do not matter.
        by: fields of traces; those of a group have the same value, or all lack it.
        every_ms: the length of a bucket of time, by the start of the trace; None: the
            whole time is one bucket.
        metrics: what is computed of each group.
    """

    search: Search
    by: tuple[Field, ...] = ()
    every_ms: int | None = None
    metrics: tuple[Metric, ...] = (Metric(MetricKind.COUNT),)


class Group(NamedTuple):
    """A group of traces.

    Attributes:
        start_ms: the start of its bucket, epoch ms; None without buckets.
        key: the values of the fields, in their order.
        figures: the metrics, in their order; None where no trace of the group
            has what a metric is computed of.
    """

    start_ms: int | None
    key: tuple[Value, ...]
    figures: tuple[Value, ...]
