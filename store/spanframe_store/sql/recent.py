"""Keeps recently written traces in memory, so that the writer need not read them.

The spans of a trace arrive in several requests and are written in several transactions.
Under load, two in five traces of a transaction are in the store already, and nearly all
of these were written by the transaction before.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection

from spanframe_store.contract.spans import SpanRow
from spanframe_store.otlp.entry_limits import text_chars
from spanframe_store.otlp.trace_state import TraceState
from spanframe_store.otlp.usage import UsageReport, usage_report_of
from spanframe_store.sql.engines import database_of

__all__ = ["KnownTrace", "RecentTraces", "known_after"]

_MAX_NEWER_TRACES: Final = 1024
"""Maximum traces of the newer generation; then the older generation is dropped."""

_MAX_TRACE_SPANS: Final = 128
"""Maximum spans of a trace that is kept; larger traces are few and take much memory."""


_MAX_TRACE_FIELDS: Final = 256
"""Maximum fields of a trace that is kept."""

_MAX_TRACE_CHARS: Final = 32 << 10
"""Maximum characters of the fields of a trace that is kept."""


class KnownTrace(NamedTuple):
    """A trace that the store holds.

    Attributes:
        trace_key: the key of its row.
        state: the state of its row.
        spans: the reports of all of its spans, by span id and digest; None: unknown, to
            be read from the store.
    """

    trace_key: int
    state: TraceState
    spans: Mapping[tuple[int, int], UsageReport] | None = None


def known_after(
    trace_key: int,
    state: TraceState,
    before: KnownTrace | None,
    group: Iterable[SpanRow],
) -> KnownTrace:
    """Return a trace as it is once a group of spans is stored."""
    stored = {} if before is None else before.spans
    if stored is None:
        return KnownTrace(trace_key, state)
    new = {(each[0], each[3]): each for each in map(usage_report_of, group)}
    return KnownTrace(trace_key, state, {**stored, **new} if stored else new)


def _is_small(trace: KnownTrace) -> bool:
    return (
        trace.spans is not None
        and len(trace.spans) <= _MAX_TRACE_SPANS
        and len(trace.state.stamps) <= _MAX_TRACE_FIELDS
        and text_chars(trace.state) <= _MAX_TRACE_CHARS
    )


class RecentTraces:
    """The traces of the last transactions, valid while no other connection writes.

    PostgreSQL cannot tell whether another connection has written, so nothing is kept
    there. Not thread-safe: one writer owns it.
    """

    def __init__(self) -> None:
        # Two generations: when the newer one is full, the older one is dropped.
        self._newer: dict[bytes, KnownTrace] = {}
        self._older: dict[bytes, KnownTrace] = {}
        self._mark: Any = None

    def known(
        self, connection: Connection, trace_ids: Iterable[bytes]
    ) -> dict[bytes, KnownTrace]:
        """Return the kept traces among some ids; call it in a writing transaction."""
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
        """Drop all traces."""
        self._newer, self._older, self._mark = {}, {}, None

    def keep(self, written: Mapping[bytes, KnownTrace], mark: Any) -> None:
        """Keep committed traces in place of the oldest ones.

        Args:
            written: the traces as the transaction has written them.
            mark: `Database.mark` at its end. A transaction that is not committed keeps
                nothing, and the next one finds that the mark has changed.
        """
        self._mark = mark
        if mark is None:
            return  # the database cannot tell whether others write
        newer, older = self._newer, self._older
        for trace_id, trace in written.items():
            if _is_small(trace):
                newer[trace_id] = trace
            else:
                newer.pop(trace_id, None)
                older.pop(trace_id, None)
        if len(newer) >= _MAX_NEWER_TRACES:
            self._newer, self._older = {}, newer
