"""Traces that were written a moment ago, so that the store need not be asked for them.

The spans of a trace come in several requests and these in several transactions: under
load two in five traces of a transaction are in the store already, nearly all since the
one before.
"""

import sqlite3
from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple, cast

from sqlalchemy import Connection

from spanframe_collector.rows import SpanRow
from spanframe_collector.store.rollup import TraceState
from spanframe_collector.store.usage import Reporting

__all__ = ["KnownTrace", "Mark", "RecentTraces", "known_after", "mark_of"]

_MOST_TRACES: Final = 2048
_MOST_SPANS: Final = 128
"""Of a trace that is kept; larger ones are few, and would take much memory."""


class KnownTrace(NamedTuple):
    """A trace that the store holds.

    ``spans``: all of its spans by span id and digest; None: the store has to be asked.
    """

    trace_key: int
    state: TraceState
    spans: Mapping[tuple[int, int], Reporting] | None = None


def known_after(
    trace_key: int,
    state: TraceState,
    before: KnownTrace | None,
    group: Iterable[SpanRow],
) -> KnownTrace:
    """Return a trace as it is known once a group of spans is stored."""
    stored = {} if before is None else before.spans
    if stored is None:
        return KnownTrace(trace_key, state)
    new = {(span.span_id, span.digest): Reporting.of(span) for span in group}
    return KnownTrace(trace_key, state, {**stored, **new})


class Mark(NamedTuple):
    """What changes whenever the database does."""

    connection: sqlite3.Connection
    of_others: int
    of_ours: int


class RecentTraces:
    """Keeps them while no one else writes; on PostgreSQL nobody can tell, so never.

    Not thread-safe: it belongs to one writer.
    """

    def __init__(self) -> None:
        self._traces: dict[bytes, KnownTrace] = {}
        self._mark: Mark | None = None

    def known(
        self, connection: Connection, trace_ids: Iterable[bytes]
    ) -> dict[bytes, KnownTrace]:
        """Return those of some traces that are at hand, in a writing transaction."""
        if not self._traces or self._mark != mark_of(connection):
            self._traces.clear()
            return {}
        traces = self._traces
        return {each: traces[each] for each in trace_ids if each in traces}

    def keep(self, written: Mapping[bytes, KnownTrace], mark: Mark | None) -> None:
        """Keep traces that are committed, in place of the oldest.

        Args:
            written: what the transaction has made of them.
            mark: `mark_of` its end. Of one that is not committed nothing is kept, and
                the next finds that the count has gone on.
        """
        self._mark = mark
        if mark is None:
            return
        for trace_id, trace in written.items():
            self._traces.pop(trace_id, None)
            if trace.spans is not None and len(trace.spans) <= _MOST_SPANS:
                self._traces[trace_id] = trace
        for trace_id in list(self._traces)[: max(0, len(self._traces) - _MOST_TRACES)]:
            del self._traces[trace_id]


def mark_of(connection: Connection) -> Mark | None:
    """Return the state of the database, in a transaction; None where nobody can tell.

    It changes with what other connections commit, and with what anybody does on this
    one: retention and edits in this process may share it.
    """
    if connection.dialect.name != "sqlite":
        return None
    of_others = connection.exec_driver_sql("PRAGMA data_version").scalar_one()
    driver = cast("sqlite3.Connection", connection.connection.driver_connection)
    return Mark(driver, of_others, driver.total_changes)
