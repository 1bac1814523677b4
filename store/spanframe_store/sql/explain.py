"""Explains a search: which index each clause uses, by the query plan of SQLite.

SQLite plans the very statement that the search runs, and the answer for each clause is
read from that plan.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

from sqlalchemy import Connection, Select
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.expression import ClauseElement, Executable

from spanframe import keys
from spanframe_store.contract.fields import ROWS
from spanframe_store.contract.filter import Condition, Field, FieldKind
from spanframe_store.contract.results import ClauseUse
from spanframe_store.contract.search import Search
from spanframe_store.sql import schema
from spanframe_store.sql.database import Database
from spanframe_store.sql.index_conditions import can_be_walked, is_exact
from spanframe_store.sql.layout import BODY_KINDS
from spanframe_store.sql.planning import choose_plan
from spanframe_store.sql.statements import select_traces

__all__ = ["explain"]

# A step of SQLite's plan that finds rows by an index or by the primary key.
_FOUND_BY_INDEX: Final = re.compile(
    rf"SEARCH ({schema.traces.name}|{schema.attribute_index.name}) USING "
    r"(?:(?:COVERING )?INDEX (\w+)|(?:INTEGER )?PRIMARY KEY) \(([^)]*)\)"
)
_TRACE_NAME: Final = Field(FieldKind.TAG, keys.TAG_TRACE_NAME)


class _Explain(Executable, ClauseElement):
    """``EXPLAIN QUERY PLAN`` of a statement."""

    inherit_cache = False

    def __init__(self, statement: Select[Any]) -> None:
        self.statement = statement


@compiles(_Explain, "sqlite")
def _compile(element: _Explain, compiler: SQLCompiler, **options: Any) -> str:
    return f"EXPLAIN QUERY PLAN {compiler.process(element.statement, **options)}"


def explain(
    connected: Connection, database: Database, search: Search
) -> list[ClauseUse]:
    """Return how each clause of a search is answered; the search itself does not run.

    Args:
        connected: a reading connection to SQLite.
        database: the SQLite behind it.
        search: the search.
    """
    plan = choose_plan(connected, database, search)
    statement = select_traces(search, database.layout(plan))
    steps = [str(row[3]) for row in connected.execute(_Explain(statement))]
    index_of_column = dict(_indexes(steps))
    narrowed = plan.walked is not None or bool(index_of_column)
    return [
        _use(condition, condition is plan.walked, index_of_column, narrowed=narrowed)
        for condition in search.filter.leaves()
    ]


def _indexes(steps: Iterable[str]) -> Iterable[tuple[str, str]]:
    """Yield the columns by which SQLite finds rows, each with its index."""
    for match in filter(None, map(_FOUND_BY_INDEX.match, steps)):
        table, index, columns = match.groups()
        for column in re.findall(r"\w+(?=[=<>])", columns):
            yield column, index or table


def _use(
    condition: Condition,
    is_walked: bool,
    index_of_column: Mapping[str, str],
    *,
    narrowed: bool,
) -> ClauseUse:
    clause = str(condition)
    name = schema.attribute_index.name
    if is_walked:
        return ClauseUse(clause, name, "the entries that match", scans=False)
    if index := index_of_column.get(_column(condition.field)):
        return ClauseUse(clause, index, "the traces that match", scans=False)
    reads, index = "each trace", ""
    if condition.field.kind.is_of_spans:
        reads = "the spans of each trace"
    if condition.field.kind in BODY_KINDS:
        reads += ", decoded"
    if can_be_walked(condition) and is_exact(condition):
        reads, index = "one entry for each trace", name
    return ClauseUse(clause, index, reads, scans=not narrowed)


def _column(field: Field) -> str:
    """Return the indexed column of a trace that holds a field; empty: there is none."""
    row = ROWS[FieldKind.NAME if field == _TRACE_NAME else field.kind]
    return (not field.kind.is_of_spans and row.indexed and row.column) or ""
