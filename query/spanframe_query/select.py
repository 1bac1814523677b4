"""A checked search → one SQLAlchemy statement over the trace rows."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import ColumnElement, FromClause, Select, and_, false, func, or_, select
from sqlalchemy.sql.visitors import iterate

from spanframe_collector.store import schema
from spanframe_query.filter import FieldKind, Filter
from spanframe_query.filter.compile import compile_filter
from spanframe_query.filter.fields import NUMBER_KINDS
from spanframe_query.layouts import RowLayout, is_exact, layout_for
from spanframe_query.layouts.plan import Plan, guess
from spanframe_query.order import DEFAULT_ORDER, OrderTerm

__all__ = [
    "Cursor",
    "Search",
    "count_traces",
    "layout_of",
    "order_values",
    "select_traces",
]

_INT32: Final = range(1 << 31)
_NEVER_NULL: Final = {
    FieldKind.TIMESTAMP_MS,
    FieldKind.END_TIME_MS,
    FieldKind.REQUEST_ID,
    FieldKind.EXPERIMENT_ID,
    FieldKind.STATUS,
}
_EVERY_TRACE: Final = Filter()
_ORDER_LABEL: Final = "order_"
# Order terms that the row holds anyway.
_ROW_COLUMNS: Final = {
    FieldKind.TIMESTAMP_MS: "timestamp_ms",
    FieldKind.EXECUTION_TIME_MS: "execution_time_ms",
    FieldKind.REQUEST_ID: "trace_id",
    FieldKind.EXPERIMENT_ID: "experiment_id",
    FieldKind.STATUS: "status",
    FieldKind.NAME: "name",
}

Cursor = tuple[str | int | bytes | None, ...]
"""What the last row of a page holds for each order term."""


@dataclass(frozen=True, kw_only=True)
class Search:
    """What is searched for, checked.

    Attributes:
        filter: the conditions that must all hold.
        order: a total order, as `parse_order` returns it.
        experiment_ids: the experiments to look in; None for all of them.
        limit: the most rows to return, 0 or more; None for all.
        after: the place where the page before ended; None for the first page.
        plan: how to walk the store, as `planning.planned` finds out; guessed when None.
    """

    filter: Filter = _EVERY_TRACE
    order: tuple[OrderTerm, ...] = DEFAULT_ORDER
    experiment_ids: tuple[int, ...] | None = None
    limit: int | None = None
    after: Cursor | None = None
    plan: Plan | None = None


def select_traces(search: Search, dialect: str) -> Select[Any]:
    """Return the statement that reads the trace rows of a search, in its order.

    Its columns are those of ``schema.traces`` by their names, except ``stamps``; then
    ``order_0``, ``order_1``, … for what those order terms compare that are none of
    them. `order_values` reads both.

    Args:
        search: what to search for.
        dialect: the name of the engine, ``engine.dialect.name``.

    Raises:
        FilterError: the engine cannot serve a clause of the filter.
        InvalidArgumentError: no layout is written for this engine.
    """
    layout = layout_of(search, dialect)
    keys = [_order_key(term, layout) for term in search.order]
    statement = (
        select(
            *(column for column in schema.traces.c if column.name != "stamps"),
            *(
                key.label(f"{_ORDER_LABEL}{i}")
                for i, (term, key) in enumerate(zip(search.order, keys, strict=True))
                if term.field.kind not in _ROW_COLUMNS
            ),
        )
        .select_from(layout.source)
        .where(*_conditions(search, layout))
        .order_by(
            *(
                _direction(term, key)
                for term, key in zip(search.order, keys, strict=True)
            )
        )
    )
    if search.after is not None:
        statement = statement.where(_beyond(search.order, keys, search.after))
    if search.limit is not None and search.limit < _INT32.stop:
        statement = statement.limit(max(0, search.limit))
    return statement


def count_traces(search: Search, dialect: str) -> Select[int]:
    """Return the statement that counts the traces of a search, whatever its page.

    Args:
        search: what to search for; ``order``, ``limit`` and ``after`` do not matter.
        dialect: the name of the engine, ``engine.dialect.name``.

    Raises:
        FilterError: the engine cannot serve a clause of the filter.
        InvalidArgumentError: no layout is written for this engine.
    """
    layout = layout_of(search, dialect)
    conditions = _conditions(search, layout)
    source: FromClause = layout.source
    if layout.driver is not None and not any(map(_reads_row, conditions)):
        # A trace has one entry a key, and the index is a tenth of the rows' size.
        source = schema.attribute_index
    return select(func.count()).select_from(source).where(*conditions)


def _reads_row(condition: ColumnElement[bool]) -> bool:
    return any(
        getattr(part, "table", None) is schema.traces for part in iterate(condition)
    )


def layout_of(search: Search, dialect: str) -> RowLayout:
    """Return the layout that the statements of a search are made of.

    Raises:
        InvalidArgumentError: no layout is written for this engine.
    """
    return layout_for(dialect, _plan(search))


def _plan(search: Search) -> Plan:
    if search.plan is not None:
        return search.plan
    return guess(search.filter, search.order[0].field.kind)


def order_values(row: Any, order: Sequence[OrderTerm]) -> Cursor:
    """Return what a row of `select_traces` holds for each order term."""
    return tuple(
        getattr(row, _ROW_COLUMNS.get(term.field.kind, f"{_ORDER_LABEL}{i}"))
        for i, term in enumerate(order)
    )


def _conditions(search: Search, layout: RowLayout) -> list[ColumnElement[bool]]:
    rest = Filter(
        tuple(
            condition
            for condition in search.filter.conditions
            if condition is not layout.driver or not is_exact(condition)
        ),
        search.filter.source,
    )
    conditions = [*layout.driving, *compile_filter(rest, layout)]
    if search.experiment_ids is not None:
        known = [id_ for id_ in search.experiment_ids if id_ in _INT32]
        column = layout.column("experiment_id")
        conditions.append(column.in_(known) if known else false())
    return conditions


def _order_key(term: OrderTerm, layout: RowLayout) -> ColumnElement[Any]:
    if term.field.kind is FieldKind.REQUEST_ID:
        # Ordered like the text that is made of it.
        return schema.traces.c.trace_id
    if term.field.kind in NUMBER_KINDS:
        return layout.number(term.field)
    return layout.by_bytes(layout.text(term.field))


def _direction(term: OrderTerm, key: ColumnElement[Any]) -> ColumnElement[Any]:
    directed = key.desc() if term.descending else key.asc()
    return directed if term.field.kind in _NEVER_NULL else directed.nulls_last()


def _beyond(
    order: Sequence[OrderTerm], keys: Sequence[ColumnElement[Any]], cursor: Cursor
) -> ColumnElement[bool]:
    """Return whether a row comes after the cursor in the order."""
    alternatives: list[ColumnElement[bool]] = []
    equal: list[ColumnElement[bool]] = []
    for term, key, value in zip(order, keys, cursor, strict=True):
        if value is None:
            # Nothing comes after an absent value but its equals.
            equal.append(key.is_(None))
            continue
        later = key < value if term.descending else key > value
        if term.field.kind not in _NEVER_NULL:
            later = or_(later, key.is_(None))
        alternatives.append(and_(*equal, later))
        equal.append(key == value)
    bounds: list[ColumnElement[bool]] = []
    first, start = order[0], cursor[0]
    if first.field.kind in _NEVER_NULL and start is not None:
        # Implied by the rest, and what an index can start from.
        bounds.append(keys[0] <= start if first.descending else keys[0] >= start)
    return and_(*bounds, or_(*alternatives))
