"""What a search will read: the index each clause uses, by SQLite's own plan.

SQLite plans the very statement that the search runs, and what is said of each clause is
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

# A table entered by some columns of an index, or of its primary key, as SQLite says it.
_ENTERED: Final = re.compile(
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
    """Say how each clause of a search is answered; the search itself does not run.

    Args:
        connected: a reading connection to SQLite.
        database: SQLite.
        search: what would be searched for.
    """
    plan = choose_plan(connected, database, search)
    statement = select_traces(search, database.layout(plan))
    steps = [str(row[3]) for row in connected.execute(_Explain(statement))]
    entered = dict(_entered(steps))
    narrowed = plan.walked is not None or bool(entered)
    return [
        _use(condition, condition is plan.walked, entered, narrowed=narrowed)
        for condition in search.filter.leaves()
    ]


def _entered(steps: Iterable[str]) -> Iterable[tuple[str, str]]:
    """Yield the columns by which the store enters, and their index."""
    for match in filter(None, map(_ENTERED.match, steps)):
        table, index, columns = match.groups()
        for column in re.findall(r"\w+(?=[=<>])", columns):
            yield column, index or table


def _use(
    condition: Condition,
    is_walked: bool,
    entered: Mapping[str, str],
    *,
    narrowed: bool,
) -> ClauseUse:
    clause = str(condition)
    name = schema.attribute_index.name
    if is_walked:
        return ClauseUse(clause, name, "the entries that match", scans=False)
    if index := entered.get(_column(condition.field)):
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
    """Return the column of a trace that holds a field; empty: none does."""
    row = ROWS[FieldKind.NAME if field == _TRACE_NAME else field.kind]
    return (not field.kind.is_of_spans and row.indexed and row.column) or ""
