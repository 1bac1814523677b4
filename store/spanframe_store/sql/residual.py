"""Runs a search, and checks the conditions that the database cannot compare.

Such a database is asked for the traces that fulfil everything else, in the order of the
search and a portion at a time. The rest is checked here, until the search has as many
traces as it asks for. The result is that of a database that serves the whole filter;
more of the store is read for it.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Row

from spanframe_store.contract.filter import And, Condition, Node, SomeSpan, leaves_of
from spanframe_store.residual.matching import text_matcher
from spanframe_store.residual.trees import Leaf, compiled
from spanframe_store.sql import statements
from spanframe_store.sql.compile import compile_all
from spanframe_store.sql.layout import RowLayout
from spanframe_store.sql.planning import choose_plan
from spanframe_store.sql.plans import Plan
from spanframe_store.sql.prepared import Prepared
from spanframe_store.sql.residual_spans import traces_of_spans

__all__ = ["count_found", "found_keys", "found_rows"]

_MIN_PORTION_TRACES: Final = 256
_MAX_PORTION_TRACES: Final = 4096
"""Maximum traces per portion; the first portion is smaller, and each one doubles."""

_COLUMN_PREFIX: Final = "residual_"


def found_rows(
    connected: Connection, prepared: Prepared, plan: Plan | None = None
) -> Sequence[Row[Any]]:
    """Return the trace rows of a search, in its order.

    Args:
        connected: a reading connection.
        prepared: the search.
        plan: how the store is walked; None: the plan that is best for this store.
    """
    database, search = prepared.database, prepared.search
    if plan is None:
        plan = choose_plan(connected, database, search)
    layout = database.layout(plan)
    if not prepared.left:
        return connected.execute(statements.select_traces(search, layout)).all()
    found: list[Row[Any]] = []
    for kept in _checked(connected, prepared, layout):
        found += kept
        if search.limit is not None and len(found) >= search.limit:
            return found[: search.limit]
    return found


def count_found(
    connected: Connection, prepared: Prepared, plan: Plan | None = None
) -> int:
    """Return how many traces a search finds, whatever its limit."""
    database, search = prepared.database, prepared.search
    if not prepared.left:
        if plan is None:
            plan = choose_plan(connected, database, search, counting=True)
        layout = database.layout(plan)
        return connected.execute(statements.count_traces(search, layout)).scalar_one()
    return len(found_keys(connected, prepared, plan))


def found_keys(
    connected: Connection, prepared: Prepared, plan: Plan | None = None
) -> list[int]:
    """Return the keys of all traces that a search finds, whatever its limit."""
    search = replace(prepared.search, limit=None, after=None)
    if plan is None:
        plan = choose_plan(connected, prepared.database, search)
    layout = prepared.database.layout(plan)
    every = replace(prepared, search=search)
    return [
        row.trace_key for kept in _checked(connected, every, layout) for row in kept
    ]


def _checked(
    connected: Connection, prepared: Prepared, layout: RowLayout
) -> Iterator[list[Row[Any]]]:
    """Yield, portion by portion, the rows of a search that fulfil its whole filter."""
    search = prepared.search
    check = _Check(prepared.left, layout)
    size = min(max(_MIN_PORTION_TRACES, search.limit or 0), _MAX_PORTION_TRACES)
    while True:
        portion = replace(search, limit=size)
        statement = statements.select_traces(portion, layout)
        rows = connected.execute(statement.add_columns(*check.columns)).all()
        yield check.kept(connected, rows)
        if len(rows) < size:
            return
        search = replace(search, after=statements.order_values(rows[-1], search.order))
        size = min(2 * size, _MAX_PORTION_TRACES)


class _Check:
    """The rest of a filter, as columns to select and functions of a row.

    A part that the database serves becomes a column that says whether the part holds. A
    condition that it does not serve becomes a column of the text to compare. A group of
    spans is checked last, on the spans of the traces that fulfil everything else.
    """

    def __init__(self, left: Sequence[Node], layout: RowLayout) -> None:
        self._layout = layout
        self.columns: list[ColumnElement[Any]] = []
        self._groups: dict[int, tuple[SomeSpan, set[int]]] = {}
        of_rows = [each for each in left if not self._reads_spans(each)]
        of_spans = [each for each in left if self._reads_spans(each)]
        self._row_fulfils = compiled(And(tuple(of_rows)), self._leaf)
        self._spans_fulfil = compiled(And(tuple(of_spans)), self._leaf)

    def kept(self, connected: Connection, rows: Sequence[Row[Any]]) -> list[Row[Any]]:
        """Return the rows that fulfil the rest of the filter."""
        kept = [row for row in rows if self._row_fulfils(row)]
        if not self._groups or not kept:
            return kept
        keys = [row.trace_key for row in kept]
        for group, found in self._groups.values():
            found.clear()
            found.update(traces_of_spans(connected, self._layout, group.part, keys))
        return [row for row in kept if self._spans_fulfil(row)]

    def _reads_spans(self, node: Node) -> bool:
        return any(
            each.field.kind.is_of_spans and not self._layout.serves(each)
            for each in leaves_of(node)
        )

    def _leaf(self, node: Leaf) -> Callable[[Row[Any]], bool]:
        if self._layout.serves(node):
            [holds] = compile_all(node, self._layout)
            name = self._select(holds)
            return lambda row: bool(getattr(row, name))
        if isinstance(node, Condition):
            name = self._select(self._layout.text(node.field))
            fits = text_matcher(node)
            return lambda row: fits(getattr(row, name))
        found: set[int] = set()
        self._groups[id(node)] = (node, found)
        return lambda row: row.trace_key in found

    def _select(self, expression: ColumnElement[Any]) -> str:
        name = f"{_COLUMN_PREFIX}{len(self.columns)}"
        self.columns.append(expression.label(name))
        return name
