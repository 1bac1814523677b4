"""Writes traces: their rows and their index rows, changed by new spans."""

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection, bindparam, update

from spanframe_store.contract.spans import Fact, SpanRow
from spanframe_store.otlp.entry_limits import limited
from spanframe_store.otlp.trace_state import EMPTY, TraceState, fold, merge
from spanframe_store.otlp.usage import UsageReport, totals_of_spans, usage_report_of
from spanframe_store.sql import index_entries
from spanframe_store.sql.bulk import execute_many
from spanframe_store.sql.engines import database_of
from spanframe_store.sql.large_usage import MIN_LARGE_SPANS
from spanframe_store.sql.recent import KnownTrace
from spanframe_store.sql.schema import traces
from spanframe_store.sql.trace_columns import (
    columns_of,
    searchable_changes,
    searchable_of,
)

__all__ = ["States", "states_of", "write_traces"]

_COLUMNS: Final = tuple(traces.c.keys())
_CHANGED: Final = update(traces).where(traces.c.trace_key == bindparam("key"))
_GROWN: Final = _CHANGED.values(
    span_count=bindparam("count"), size_bytes=bindparam("size")
)
_NO_SPANS: Final[Mapping[tuple[int, int], UsageReport]] = {}


class States(NamedTuple):
    """The states of the traces that get spans.

    Attributes:
        by_id: the states by trace id.
        without_totals: by trace key, the ids of the traces whose totals have to be read
            from the store once it holds the spans.
        dropped_entries: tags and metadata entries beyond the limit of their trace.
    """

    by_id: dict[bytes, TraceState]
    without_totals: dict[int, bytes]
    dropped_entries: int


def states_of(
    by_trace: Mapping[bytes, Sequence[SpanRow]],
    known: Mapping[bytes, KnownTrace],
    experiment_ids: Mapping[Fact, int],
    max_entries: int,
) -> States:
    """Return the states of the traces that get spans.

    Args:
        by_trace: the new spans by trace id.
        known: the traces that the store holds.
        experiment_ids: the ids of the experiments that spans state.
        max_entries: maximum tags and metadata entries of a trace.
    """
    states: dict[bytes, TraceState] = {}
    without_totals: dict[int, bytes] = {}
    dropped = 0
    for trace_id, group in by_trace.items():
        trace = known.get(trace_id)
        before = EMPTY if trace is None else trace.state
        state = merge(before, fold(group, experiment_ids, before))
        if state.stamps is not before.stamps:
            state, beyond = limited(state, max_entries)
            dropped += beyond
        # A large trace may have parts of totals although the app states its own.
        large = trace is not None and state.span_count >= MIN_LARGE_SPANS
        if large or state.totals is not None or any(span.usage for span in group):
            stored = _NO_SPANS if trace is None else trace.spans
            if stored is not None:
                reports = [*stored.values(), *map(usage_report_of, group)]
                state = state._replace(totals=totals_of_spans(reports))
            elif trace is not None:
                without_totals[trace.trace_key] = trace_id
        states[trace_id] = state
    return States(states, without_totals, dropped)


def write_traces(
    connection: Connection,
    states: Mapping[bytes, TraceState],
    known: Mapping[bytes, KnownTrace],
    trace_keys: Mapping[bytes, int],
) -> None:
    """Insert or update the rows of traces and their index rows."""
    new_rows: list[tuple[Any, ...]] = []
    changed_rows: list[dict[str, Any]] = []
    grown_rows: list[dict[str, Any]] = []
    changes = index_entries.Changes()
    for trace_id, state in states.items():
        key, before = trace_keys[trace_id], known.get(trace_id)
        if before is not None and _only_grew(before.state, state):
            grown_rows.append(
                {"key": key, "count": state.span_count, "size": state.size_bytes}
            )
            continue
        found_by = searchable_of(state)
        columns = columns_of(state, found_by)
        if before is None:
            columns |= {"trace_key": key, "trace_id": trace_id}
            new_rows.append(tuple([columns[name] for name in _COLUMNS]))
            changes.add(key, None, found_by)
        else:
            changed_rows.append({"key": key, **columns})
            changes.add(key, *searchable_changes(before.state, state))
    database_of(connection).insert_rows(connection, traces, new_rows)
    execute_many(connection, _CHANGED, changed_rows)
    execute_many(connection, _GROWN, grown_rows)
    changes.write(connection)


def _only_grew(before: TraceState, after: TraceState) -> bool:
    """Return whether new spans changed no field of a trace; most late spans do not."""
    return after.stamps is before.stamps and after.totals == before.totals
