"""Aggregations: one statement groups the traces, and counts and sums in each group.

The durations of a group come as one text, of which this module takes the percentiles:
a third of the time of window functions on SQLite, and to the last digit the same on
each database. Where a filter is not served whole, the traces that fulfil the rest of it
are found first, and the statement is narrowed to them.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    Float,
    Row,
    Select,
    case,
    func,
    literal,
    select,
)

from spanframe import keys
from spanframe_store.contract.aggregates import (
    EVERY_ORIGIN_MS,
    Aggregation,
    Group,
    Metric,
    MetricKind,
    Value,
)
from spanframe_store.contract.fields import NUMBER_KINDS
from spanframe_store.contract.filter import Field, FieldKind
from spanframe_store.otlp.usage import DECIMALS
from spanframe_store.sql.database import Database
from spanframe_store.sql.layout import RowLayout
from spanframe_store.sql.planning import choose_plan
from spanframe_store.sql.plans import WALK_TRACES
from spanframe_store.sql.prepared import Prepared, prepare
from spanframe_store.sql.residual import found_keys
from spanframe_store.sql.statements import trace_conditions

__all__ = ["aggregate", "percentile", "select_groups"]

_START: Final = "bucket_start"
_KEY_PREFIX: Final = "key_"
_AMOUNTS: Final = {
    MetricKind.TOKENS: (keys.META_TOKEN_USAGE, "total_tokens"),
    MetricKind.COST: (keys.META_COST, "total_cost"),
}
"""The metadata entry that holds an amount as JSON, and the name of the amount in it."""


def aggregate(
    connected: Connection, database: Database, aggregation: Aggregation
) -> list[Group]:
    """Return the groups of an aggregation, in no order.

    Args:
        connected: a reading connection; one state of the store where the filter is not
            served whole.
        database: the database behind it.
        aggregation: the aggregation.
    """
    whole = replace(aggregation.search, limit=None, after=None)
    prepared = prepare(whole, database)
    if prepared.left:
        statement = _of_checked(connected, prepared, aggregation)
    else:
        plan = choose_plan(connected, database, whole, counting=True)
        layout = database.layout(plan)
        statement = select_groups(aggregation, layout, trace_conditions(whole, layout))
    return list(_groups(connected.execute(statement).all(), aggregation))


def select_groups(
    aggregation: Aggregation, layout: RowLayout, conditions: list[ColumnElement[bool]]
) -> Select[Any]:
    """Return the statement whose rows are the groups of some traces.

    Its columns are the start of the bucket, if any, the fields, the number of traces,
    then what the metrics are made of, by the names of their kinds.

    Args:
        aggregation: the aggregation.
        layout: the layout of the database, with the plan to walk by.
        conditions: which traces.
    """
    kinds = {metric.kind for metric in aggregation.metrics}
    by: dict[str, ColumnElement[Any]] = {}
    if aggregation.every_ms is not None:
        by[_START] = _bucket(layout.column("timestamp_ms"), aggregation.every_ms)
    for place, field in enumerate(aggregation.by):
        by[f"{_KEY_PREFIX}{place}"] = _key(field, layout)
    each = {
        kind.value: column(layout) for kind, column in _COLUMNS.items() if kind in kinds
    }
    labelled = [column.label(name) for name, column in (by | each).items()]
    counted = literal(1, BigInteger).label(MetricKind.COUNT.value)
    # Grouped by name, since a statement binds the values of an expression anew.
    rows = select(counted, *labelled).select_from(layout.source).where(*conditions)
    traces = layout.apart(rows).subquery()
    figures = [
        figure(traces.c[kind.value], layout).label(kind.value)
        for kind, figure in _FIGURES.items()
        if kind.value in each
    ]
    groups = [traces.c[name] for name in by]
    count = func.count().label(MetricKind.COUNT.value)
    return select(*groups, count, *figures).group_by(*groups)


def percentile(ascending: Sequence[int], top: int, bottom: int) -> float | None:
    """Return a percentile of whole numbers, between two of them in proportion.

    Args:
        ascending: the numbers.
        top: the numerator of the share.
        bottom: the denominator of the share.
    """
    if not ascending:
        return None
    place, rest = divmod((len(ascending) - 1) * top, bottom)
    low = ascending[place]
    high = ascending[place + 1] if rest else low
    return (low * bottom + (high - low) * rest) / bottom


def _of_checked(
    connected: Connection, prepared: Prepared, aggregation: Aggregation
) -> Select[Any]:
    found = found_keys(connected, prepared)
    layout = prepared.database.layout(WALK_TRACES)
    return select_groups(
        aggregation, layout, [layout.is_key_of(layout.trace_key, found)]
    )


def _key(field: Field, layout: RowLayout) -> ColumnElement[Any]:
    numbered = field.kind in NUMBER_KINDS or field.kind is FieldKind.EXPERIMENT_ID
    return layout.number(field) if numbered else layout.text(field)


def _bucket(start: ColumnElement[int], every_ms: int) -> ColumnElement[int]:
    since_origin = start + literal(-EVERY_ORIGIN_MS, BigInteger)
    return start - since_origin % literal(every_ms, BigInteger)


def _amount(kind: MetricKind) -> Callable[[RowLayout], ColumnElement[Any]]:
    return lambda layout: layout.amount(*_AMOUNTS[kind])


_COLUMNS: Final[Mapping[MetricKind, Callable[[RowLayout], ColumnElement[Any]]]] = {
    MetricKind.ERROR_RATE: lambda layout: case(
        (layout.column("status") == "ERROR", 1), else_=0
    ),
    MetricKind.PERCENTILE: lambda layout: layout.column("execution_time_ms"),
    MetricKind.TOKENS: _amount(MetricKind.TOKENS),
    MetricKind.COST: _amount(MetricKind.COST),
}
"""What a metric is computed of, for each trace."""

_Figure = Callable[[ColumnElement[Any], RowLayout], ColumnElement[Any]]

_FIGURES: Final[Mapping[MetricKind, _Figure]] = {
    MetricKind.ERROR_RATE: lambda failed, _: func.sum(failed),
    MetricKind.PERCENTILE: lambda duration, layout: layout.gathered(duration),
    MetricKind.TOKENS: lambda tokens, _: func.sum(tokens, type_=Float),
    MetricKind.COST: lambda cost, _: func.sum(cost, type_=Float),
}
"""What the statement computes of a group for a metric."""


def _groups(rows: Sequence[Row[Any]], aggregation: Aggregation) -> Iterator[Group]:
    if not rows:
        return
    start = 0 if aggregation.every_ms is None else 1
    end = start + len(aggregation.by)
    places = {str(name): place for place, name in enumerate(rows[0]._fields)}
    values = [_value(metric, places) for metric in aggregation.metrics]
    gathered = places.get(MetricKind.PERCENTILE.value)
    for row in rows:
        texts = row[gathered].split(",") if gathered and row[gathered] else ()
        durations = sorted(map(int, texts))
        figures = tuple([value(row, durations) for value in values])
        yield Group(row[0] if start else None, tuple(row[start:end]), figures)


_ValueOf = Callable[[Row[Any], Sequence[int]], Value]
"""Makes a metric of the row of a group and its durations, in ascending order."""


def _value(metric: Metric, places: Mapping[str, int]) -> _ValueOf:
    if metric.share is not None:
        top, bottom = metric.share.as_integer_ratio()
        return lambda _, durations: percentile(durations, top, bottom)
    place, count = places[metric.kind.value], places[MetricKind.COUNT.value]
    match metric.kind:
        case MetricKind.ERROR_RATE:
            return lambda row, _: int(row[place]) / row[count] if row[count] else None
        case MetricKind.TOKENS:
            return lambda row, _: None if row[place] is None else round(row[place])
        case MetricKind.COST:
            return lambda row, _: (
                None if row[place] is None else round(row[place], DECIMALS)
            )
        case _:
            return lambda row, _: int(row[count])
