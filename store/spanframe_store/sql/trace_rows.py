"""Writes traces: their rows and their index rows, changed by new spans."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from sqlalchemy import Connection, bindparam, update

from spanframe_store.contract.spans import Fact, SpanRow
from spanframe_store.otlp.trace_state import EMPTY, TraceState, fold, merge
from spanframe_store.otlp.usage import UsageReport, totals_of_spans, usage_report_of
from spanframe_store.sql import index_entries
from spanframe_store.sql.bulk import execute_many
from spanframe_store.sql.engines import database_of
from spanframe_store.sql.recent import KnownTrace
from spanframe_store.sql.schema import traces
from spanframe_store.sql.trace_columns import columns_of, searchable_of

__all__ = ["states_of", "write_traces"]

_COLUMNS: Final = tuple(traces.c.keys())
_CHANGED: Final = update(traces).where(traces.c.trace_key == bindparam("key"))
_GROWN: Final = _CHANGED.values(
    span_count=bindparam("count"), size_bytes=bindparam("size")
)
_NO_SPANS: Final[Mapping[tuple[int, int], UsageReport]] = {}


def states_of(
    by_trace: Mapping[bytes, Sequence[SpanRow]],
    known: Mapping[bytes, KnownTrace],
    experiment_ids: Mapping[Fact, int],
) -> tuple[dict[bytes, TraceState], dict[int, bytes]]:
    """Return the states of the traces that get spans.

    Returns:
        The states by trace id; and, by trace key, the ids of the traces whose totals
        have to be read from the store once it holds the spans.
    """
    states: dict[bytes, TraceState] = {}
    without_totals: dict[int, bytes] = {}
    for trace_id, group in by_trace.items():
        trace = known.get(trace_id)
        before = EMPTY if trace is None else trace.state
        state = merge(before, fold(group, experiment_ids, before))
        if state.totals is not None or any(span.usage for span in group):
            stored = _NO_SPANS if trace is None else trace.spans
            if stored is not None:
                reports = [*stored.values(), *map(usage_report_of, group)]
                state = state._replace(totals=totals_of_spans(reports))
            elif trace is not None:
                without_totals[trace.trace_key] = trace_id
        states[trace_id] = state
    return states, without_totals


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
            changes.add(key, searchable_of(before.state), found_by)
    database_of(connection).insert_rows(connection, traces, new_rows)
    execute_many(connection, _CHANGED, changed_rows)
    execute_many(connection, _GROWN, grown_rows)
    changes.write(connection)


def _only_grew(before: TraceState, after: TraceState) -> bool:
    """Return whether new spans changed no field of a trace; most late spans do not."""
    return after.stamps is before.stamps and after.totals == before.totals
