"""Aggregates: traces in groups and buckets of time → a DataFrame with their figures."""

from collections.abc import Iterable, Sequence
from typing import Any, Final

import pandas as pd

from spanframe_query import reader
from spanframe_query.arguments import checked_search
from spanframe_query.frame import TEXT_DTYPE
from spanframe_query.grouping import (
    EXPERIMENT,
    By,
    parse_by,
    parse_every,
    parse_metrics,
)
from spanframe_query.scope import experiment_ids_of, store_url
from spanframe_store.contract.aggregates import Aggregation, Group, MetricKind, Value
from spanframe_store.contract.fields import NUMBER_KINDS
from spanframe_store.contract.filter import FieldKind
from spanframe_store.contract.store import Reader

__all__ = ["METRICS", "aggregate_traces"]

METRICS: Final = ("count", "error_rate", "p50", "p95", "p99", "tokens", "cost")
"""The metrics of a call that names none."""

_TIME: Final = "time"
_DTYPES: Final = {
    MetricKind.COUNT: "int64",
    MetricKind.ERROR_RATE: "float64",
    MetricKind.PERCENTILE: "float64",
    MetricKind.TOKENS: "Int64",
    MetricKind.COST: "float64",
}


def aggregate_traces(
    filter_string: str | None = None,
    by: str | Sequence[str] | None = None,
    every: str | None = None,
    metrics: str | Sequence[str] = METRICS,
    *,
    experiment_ids: Sequence[str | int] | None = None,
    locations: Sequence[str | int] | None = None,
    sql_warehouse_id: str | None = None,
) -> pd.DataFrame:
    """Group the traces that a filter finds, and compute figures of each group.

    The store groups and computes; no trace is read for it. A percentile is exact: that
    of the durations in milliseconds, in proportion between two of them, as pandas and
    NumPy compute it.

    Args:
        filter_string: the filter; None and the empty text find every trace.
        by: fields of traces to group by: ``"name"``, ``"status"``, ``"service"``,
            ``"user"``, ``"session"``, ``"experiment"``, ``"error"``, ``"tags.<key>"``,
            ``"metadata.<key>"``, or any other. Traces without it are a group, too.
        every: the length of a bucket of time, by the start of traces in UTC: ``"30s"``,
            ``"5m"``, ``"1h"``, ``"1d"``, ``"1w"`` (from Monday). A bucket without
            traces has no row.
        metrics: ``"count"``, ``"error_rate"`` (the share of traces with status ERROR),
            ``"p50"`` or any percentile of the durations, ``"tokens"`` and ``"cost"``
            (sums of what traces report, missing where none does).
        experiment_ids: experiment ids; as in `search_traces` when left out.
        locations: experiment ids under MLflow 3's name.
        sql_warehouse_id: name of a store in the setting ``warehouses``; None for the
            configured store.

    Returns:
        One row per group, sorted: ``time``, the start of the bucket, where ``every`` is
        given, then the fields, then the metrics.

    Raises:
        FilterError: when the filter, a field, a metric or the length cannot be used;
            the message points at the place.
        InvalidArgumentError: when another argument cannot be used, or the store does
            not aggregate.
        StoreError: when the store cannot be read.

    Example:
        >>> import spanframe
        >>> rates = spanframe.aggregate_traces(
        ...     by=["tags.app_version", "name"], every="5m", metrics=["count", "p95"]
        ... )
        >>> list(rates.columns)
        ['time', 'tags.app_version', 'name', 'count', 'p95']
    """
    fields, measured = parse_by(by), parse_metrics(metrics)
    every_ms = parse_every(every)
    store, search = checked_search(
        store_url(sql_warehouse_id),
        filter_string,
        experiment_ids=experiment_ids_of(experiment_ids, locations) or None,
    )
    aggregation = Aggregation(
        search=search,
        by=tuple(each.field for each in fields),
        every_ms=every_ms,
        metrics=tuple(each.metric for each in measured),
    )
    groups = sorted(reader.aggregate(store, aggregation), key=_place)
    columns: list[tuple[str, Any]] = []
    if every_ms is not None:
        columns.append((_TIME, _times(groups)))
    for place, each in enumerate(fields):
        shared = [group.key[place] for group in groups]
        columns.append((each.column, _keys(each, shared, store)))
    for place, measure in enumerate(measured):
        figures = [group.figures[place] for group in groups]
        dtype = _DTYPES[measure.metric.kind]
        columns.append((measure.column, pd.Series(figures, dtype=dtype)))
    return pd.DataFrame(dict(columns))


def _place(group: Group) -> tuple[Any, ...]:
    """Return what groups are sorted by: texts by their bytes, absent values last."""
    return (group.start_ms or 0, *map(_ordered, group.key))


def _ordered(value: Value) -> tuple[bool, Any]:
    return value is None, value.encode() if isinstance(value, str) else value or 0


def _times(groups: Iterable[Group]) -> Any:
    starts = pd.Series([group.start_ms for group in groups], dtype="int64")
    return pd.to_datetime(starts, unit="ms", utc=True).dt.as_unit("ns")


def _keys(by: By, shared: Sequence[Value], store: Reader) -> Any:
    if by.column == EXPERIMENT:
        names = {id_: _experiment_name(store, id_) for id_ in set(shared)}
        return pd.Series([names[id_] for id_ in shared], dtype=TEXT_DTYPE)
    numbered = by.field.kind in NUMBER_KINDS or by.field.kind is FieldKind.EXPERIMENT_ID
    return pd.Series(list(shared), dtype="Int64" if numbered else TEXT_DTYPE)


def _experiment_name(store: Reader, experiment_id: Any) -> str:
    found = store.experiment_of(experiment_id)
    return str(experiment_id) if found is None else found.name
