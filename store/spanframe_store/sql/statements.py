"""A checked search → one SQLAlchemy statement that reads or counts trace rows."""

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import ColumnElement, FromClause, Select, and_, false, func, or_, select
from sqlalchemy.sql.visitors import iterate

from spanframe_store.contract.fields import NUMBER_KINDS, ROWS
from spanframe_store.contract.filter import And, FieldKind, conjuncts
from spanframe_store.contract.search import Cursor, OrderTerm, Search
from spanframe_store.sql import schema
from spanframe_store.sql.compile import compile_all
from spanframe_store.sql.index_conditions import is_exact
from spanframe_store.sql.layout import RowLayout

__all__ = ["count_traces", "order_values", "select_traces", "trace_conditions"]

_INT32: Final = range(1 << 31)
_ORDER_PREFIX: Final = "order_"


def select_traces(search: Search, layout: RowLayout) -> Select[Any]:
    """Return the statement that reads the trace rows of a search, in its order.

    Its columns are those of ``schema.traces`` by their names, except ``stamps``; then
    ``order_0``, ``order_1``, … for order terms that compare something else.
    `order_values` reads both.

    Args:
        search: the search.
        layout: the layout of the database, with the plan to walk by.
    """
    keys = [_order_key(term, layout) for term in search.order]
    statement = (
        select(
            *(column for column in schema.traces.c if column.name != "stamps"),
            *(
                key.label(f"{_ORDER_PREFIX}{i}")
                for i, (term, key) in enumerate(zip(search.order, keys, strict=True))
                if ROWS[term.field.kind].column is None
            ),
        )
        .select_from(layout.source)
        .where(*trace_conditions(search, layout))
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


def count_traces(search: Search, layout: RowLayout) -> Select[int]:
    """Return the statement that counts the traces of a search, whatever its page.

    Args:
        search: the search; ``order``, ``limit`` and ``after`` do not matter.
        layout: the layout of the database, with the plan to walk by.
    """
    conditions = trace_conditions(search, layout)
    source: FromClause = layout.source
    if layout.walked is not None and not any(map(_reads_row, conditions)):
        # A trace has one index row per key, and the index is a tenth of the rows' size.
        source = schema.attribute_index
    return select(func.count()).select_from(source).where(*conditions)


def _reads_row(condition: ColumnElement[bool]) -> bool:
    return any(
        getattr(part, "table", None) is schema.traces for part in iterate(condition)
    )


def order_values(row: Any, order: Sequence[OrderTerm]) -> Cursor:
    """Return what a row of `select_traces` holds for each order term."""
    return tuple(
        getattr(row, ROWS[term.field.kind].column or f"{_ORDER_PREFIX}{i}")
        for i, term in enumerate(order)
    )


def trace_conditions(search: Search, layout: RowLayout) -> list[ColumnElement[bool]]:
    """Return the conditions on the traces of a search, whatever its page."""
    walked = layout.walked
    # The part of the index that is walked may hold no other traces.
    is_answered = walked is not None and is_exact(walked)
    rest = [
        part
        for part in conjuncts(search.filter.root)
        if not (is_answered and part is walked)
    ]
    conditions = [*layout.walk, *compile_all(And(tuple(rest)), layout)]
    if search.experiment_ids is not None:
        known = [id_ for id_ in search.experiment_ids if id_ in _INT32]
        column = layout.column("experiment_id")
        conditions.append(column.in_(known) if known else false())
    return conditions


def _order_key(term: OrderTerm, layout: RowLayout) -> ColumnElement[Any]:
    if term.field.kind is FieldKind.REQUEST_ID:
        # The bytes have the order of the text that is made of them.
        return schema.traces.c.trace_id
    if term.field.kind in NUMBER_KINDS:
        return layout.number(term.field)
    return layout.by_bytes(layout.text(term.field))


def _direction(term: OrderTerm, key: ColumnElement[Any]) -> ColumnElement[Any]:
    directed = key.desc() if term.descending else key.asc()
    return directed if not ROWS[term.field.kind].nullable else directed.nulls_last()


def _beyond(
    order: Sequence[OrderTerm], keys: Sequence[ColumnElement[Any]], cursor: Cursor
) -> ColumnElement[bool]:
    """Return whether a row comes after the cursor in the order."""
    alternatives: list[ColumnElement[bool]] = []
    equal: list[ColumnElement[bool]] = []
    for term, key, value in zip(order, keys, cursor, strict=True):
        if value is None:
            # Absent values are last, so only equal ones can follow.
            equal.append(key.is_(None))
            continue
        later = key < value if term.descending else key > value
        if ROWS[term.field.kind].nullable:
            later = or_(later, key.is_(None))
        alternatives.append(and_(*equal, later))
        equal.append(key == value)
    bounds: list[ColumnElement[bool]] = []
    first, start = order[0], cursor[0]
    if not ROWS[first.field.kind].nullable and start is not None:
        # The rest implies this bound; an index scan can start from it.
        bounds.append(keys[0] <= start if first.descending else keys[0] >= start)
    return and_(*bounds, or_(*alternatives))
