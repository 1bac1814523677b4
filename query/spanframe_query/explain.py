"""What a search will read: the index each clause uses, by the store's own plan.

The store plans the very statement that the search runs, and what is said of each clause
is read from that plan.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final, NamedTuple

from sqlalchemy import Engine, Select
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.expression import ClauseElement, Executable

from spanframe import keys
from spanframe.errors import InvalidArgumentError
from spanframe_collector.store import schema
from spanframe_query.filter import Condition, Field, FieldKind
from spanframe_query.layouts import can_drive, is_exact
from spanframe_query.layouts.plan import guess
from spanframe_query.planning import planned
from spanframe_query.reader import connection
from spanframe_query.select import Search, select_traces

__all__ = ["ClauseUse", "explain"]

# A table entered by some columns of an index, or of its primary key, as SQLite says it.
_ENTERED: Final = re.compile(
    rf"SEARCH ({schema.traces.name}|{schema.attribute_index.name}) USING "
    r"(?:(?:COVERING )?INDEX (\w+)|(?:INTEGER )?PRIMARY KEY) \(([^)]*)\)"
)
_COLUMNS: Final = {
    Field(FieldKind.STATUS): "status",
    Field(FieldKind.REQUEST_ID): "trace_id",
    Field(FieldKind.TIMESTAMP_MS): "timestamp_ms",
    Field(FieldKind.EXECUTION_TIME_MS): "execution_time_ms",
    Field(FieldKind.NAME): "name",
    Field(FieldKind.TAG, keys.TAG_TRACE_NAME): "name",
}
_OF_SPANS: Final = {
    FieldKind.SPAN_NAME: "the spans of each trace",
    FieldKind.SPAN_TYPE: "the spans of each trace",
    FieldKind.SPAN_STATUS: "the spans of each trace",
    FieldKind.SPAN_CONTENT: "the spans of each trace, decoded",
    FieldKind.SPAN_ATTRIBUTE: "the spans of each trace, decoded",
}


class ClauseUse(NamedTuple):
    """How one clause is answered.

    Attributes:
        clause: the clause, in its one spelling.
        uses: the index it uses; empty when it uses none.
        reads: what is read for it.
        scans: whether that grows with the store, because no clause narrows the search.
    """

    clause: str
    uses: str
    reads: str
    scans: bool


class _Explain(Executable, ClauseElement):
    """``EXPLAIN QUERY PLAN`` of a statement."""

    inherit_cache = False

    def __init__(self, statement: Select[Any]) -> None:
        self.statement = statement


@compiles(_Explain, "sqlite")
def _compile(element: _Explain, compiler: SQLCompiler, **options: Any) -> str:
    return f"EXPLAIN QUERY PLAN {compiler.process(element.statement, **options)}"


def explain(engine: Engine, search: Search) -> list[ClauseUse]:
    """Say how each clause of a search is answered; the search itself does not run.

    Args:
        engine: a reading engine.
        search: what would be searched for.

    Raises:
        FilterError: when the engine cannot serve a clause of the filter.
        InvalidArgumentError: when the store is not SQLite.
        StoreError: when the store cannot be read.
    """
    if engine.dialect.name != "sqlite":
        raise InvalidArgumentError("Only searches of SQLite stores are explained.")
    with connection(engine) as connected:
        best = planned(connected, search)
        statement = select_traces(best, engine.dialect.name)
        steps = [str(row[3]) for row in connected.execute(_Explain(statement))]
    plan = best.plan or guess(best.filter, best.order[0].field.kind)
    entered = dict(_entered(steps))
    narrowed = plan.driver is not None or bool(entered)
    return [
        _use(condition, condition is plan.driver, entered, narrowed=narrowed)
        for condition in best.filter.conditions
    ]


def _entered(steps: Iterable[str]) -> Iterable[tuple[str, str]]:
    """Yield the columns by which the store enters, and their index."""
    for match in filter(None, map(_ENTERED.match, steps)):
        table, index, columns = match.groups()
        for column in re.findall(r"\w+(?=[=<>])", columns):
            yield column, index or table


def _use(
    condition: Condition,
    drives: bool,
    entered: Mapping[str, str],
    *,
    narrowed: bool,
) -> ClauseUse:
    clause = str(condition)
    name = schema.attribute_index.name
    if drives:
        return ClauseUse(clause, name, "the entries that match", scans=False)
    if index := entered.get(_COLUMNS.get(condition.field, "")):
        return ClauseUse(clause, index, "the traces that match", scans=False)
    reads, index = _OF_SPANS.get(condition.field.kind, "each trace"), ""
    if can_drive(condition) and is_exact(condition):
        reads, index = "one entry for each trace", name
    return ClauseUse(clause, index, reads, scans=not narrowed)
