"""Traces that were written a moment ago, so that the store need not be asked for them.

The spans of a trace come in several requests and these in several transactions: under
load two in five traces of a transaction are in the store already, nearly all since the
one before.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection

from spanframe_store.contract.spans import SpanRow
from spanframe_store.otlp.trace_state import TraceState
from spanframe_store.otlp.usage import Reporting, reporting_of
from spanframe_store.sql.engines import database_of

__all__ = ["KnownTrace", "RecentTraces", "known_after"]

_MANY_TRACES: Final = 1024
_MOST_SPANS: Final = 128
"""Of a trace that is kept; larger ones are few, and would take much memory."""


class KnownTrace(NamedTuple):
    """A trace that the store holds.

    ``spans``: what all of its spans report, by span id and digest; None: the store has
    to be asked.
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
    new = {(each[0], each[3]): each for each in map(reporting_of, group)}
    return KnownTrace(trace_key, state, {**stored, **new} if stored else new)


class RecentTraces:
    """Keeps them while no one else writes; on PostgreSQL nobody can tell, so never.

    Not thread-safe: it belongs to one writer.
    """

    def __init__(self) -> None:
        # When the newer ones are many, the older ones are dropped all at once.
        self._newer: dict[bytes, KnownTrace] = {}
        self._older: dict[bytes, KnownTrace] = {}
        self._mark: Any = None

    def known(
        self, connection: Connection, trace_ids: Iterable[bytes]
    ) -> dict[bytes, KnownTrace]:
        """Return those of some traces that are at hand, in a writing transaction."""
        if self._mark is None or self._mark != database_of(connection).mark(connection):
            self.clear()
            return {}
        newer, older = self._newer, self._older
        return {
            each: newer.get(each) or older[each]
            for each in trace_ids
            if each in newer or each in older
        }

    def clear(self) -> None:
        """Forget them all."""
        self._newer, self._older, self._mark = {}, {}, None

    def keep(self, written: Mapping[bytes, KnownTrace], mark: Any) -> None:
        """Keep traces that are committed, in place of the oldest.

        Args:
            written: what the transaction has made of them.
            mark: `Database.mark` of its end. Of a transaction that is not committed
                nothing is kept, and the next one finds that the mark has changed.
        """
        self._mark = mark
        if mark is None:
            return  # nobody can tell here
        newer, older = self._newer, self._older
        for trace_id, trace in written.items():
            if trace.spans is not None and len(trace.spans) <= _MOST_SPANS:
                newer[trace_id] = trace
            else:
                newer.pop(trace_id, None)
                older.pop(trace_id, None)
        if len(newer) >= _MANY_TRACES:
            self._newer, self._older = {}, newer
