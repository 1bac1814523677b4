"""The totals of large traces, changed by what new spans add to them.

``usage_parts`` has a row for each span that is missing in a large trace, with the sum
of what waits below it, and one row with the sum of the whole trace
(`spanframe_store.otlp.partial_totals`). New spans change a few of these rows, however
many spans the trace has. A trace has rows once it is large and reports something; one
with stated and computed costs has none, and is summed up anew.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from sqlalchemy import Connection, bindparam, delete, insert, select

from spanframe_store.contract.spans import SpanRow
from spanframe_store.otlp.partial_totals import (
    RELATIONS,
    WHOLE,
    Counts,
    are_each_others_parents,
    counts_of,
    dump_counts,
    has_one_source,
    load_counts,
    missing_above,
    only,
    summed,
    totals_of,
)
from spanframe_store.otlp.usage import Totals, UsageReport, newest_reports, totals
from spanframe_store.sql.chunks import MAX_LOOKUP_VALUES, chunks
from spanframe_store.sql.schema import spans, usage_parts
from spanframe_store.sql.usage import reports_of_trace

__all__ = ["MIN_LARGE_SPANS", "forget_parts", "totals_of_large_trace"]

MIN_LARGE_SPANS: Final = 1000
"""Minimum spans of a trace whose totals are kept in parts; a smaller one is summed."""

Reports = Mapping[int, UsageReport]
"""The newest reports of spans by span id."""

_COLUMNS: Final = (
    spans.c.span_id,
    spans.c.parent_span_id,
    spans.c.end_ns,
    spans.c.digest,
    spans.c.usage,
)
_IS_TRACE: Final = spans.c.trace_key == bindparam("trace_key")
_BY_ID: Final = select(*_COLUMNS).where(
    _IS_TRACE, spans.c.span_id.in_(bindparam("ids", expanding=True))
)
_PARTS: Final = select(usage_parts.c.missing_span_id, usage_parts.c.counts).where(
    usage_parts.c.trace_key == bindparam("trace_key"),
    usage_parts.c.missing_span_id.in_(bindparam("ids", expanding=True)),
)


def _upwards() -> Any:
    path = _BY_ID.cte("path", recursive=True)
    above = select(*_COLUMNS).join(path, spans.c.span_id == path.c.parent_span_id)
    # UNION, not UNION ALL, ends the recursion on spans that are each other's parents.
    return select(path.union(above.where(_IS_TRACE)))


_UPWARDS: Final = _upwards()


def totals_of_large_trace(
    connection: Connection, trace_key: int, group: Sequence[SpanRow]
) -> Totals | None:
    """Return the totals of a trace that has got spans; None: it has none.

    Args:
        connection: a connection in a writing transaction.
        trace_key: the trace.
        group: its new spans, which the store holds by now.
    """
    before = _parts(connection, trace_key, [WHOLE]).get(WHOLE)
    if before is not None:
        new = _new_reports(connection, trace_key, group)
        if new is not None and has_one_source(before, new.values()):
            whole = _add(connection, trace_key, before, new)
            if not are_each_others_parents(before, new.values(), whole):
                return totals_of(whole)
        forget_parts(connection, [trace_key])
    reports = newest_reports(reports_of_trace(connection, trace_key))
    if not reports:
        return None
    if has_one_source({}, reports.values()):
        parts = _build(reports)
        if not are_each_others_parents({}, reports.values(), parts[WHOLE]):
            _replace(connection, trace_key, (), parts)
    return totals([*reports.values()])


def forget_parts(connection: Connection, trace_keys: Iterable[int]) -> None:
    """Delete the parts of traces whose spans change or go; they are made anew."""
    for some in chunks(trace_keys, MAX_LOOKUP_VALUES):
        rows = usage_parts.c.trace_key.in_(some)
        connection.execute(delete(usage_parts).where(rows))


def _add(connection: Connection, trace_key: int, whole: Counts, new: Reports) -> Counts:
    """Change the parts of a trace by new spans; return the sum of the whole."""
    waiting = _parts(connection, trace_key, new)
    reporting = [report for report in new.values() if report[-1] is not None]
    starts = {parent for _, parent, *_ in reporting if parent is not None}
    nodes = _nodes(connection, trace_key, starts | waiting.keys())
    changed: dict[int, Counts] = {}
    for relation in RELATIONS:
        for span_id, part in waiting.items():
            counts = only(part, relation)
            missing = missing_above(span_id, nodes, relation)
            if missing is None:  # an ancestor reports it
                whole = summed(whole, counts, -1)
            else:
                changed[missing] = summed(changed.get(missing, {}), counts)
        for report in reporting:
            counts = counts_of(report, relation)
            missing = missing_above(report[1], nodes, relation) if counts else None
            if missing is not None:
                whole = summed(whole, counts)
                changed[missing] = summed(changed.get(missing, {}), counts)
    changed.pop(WHOLE, None)  # nothing is missing above these
    kept = _parts(connection, trace_key, changed.keys())
    parts = {key: summed(kept.get(key, {}), counts) for key, counts in changed.items()}
    parts[WHOLE] = whole
    _replace(connection, trace_key, {*waiting, *kept, WHOLE}, parts)
    return whole


def _build(reports: Reports) -> dict[int, Counts]:
    """Make the parts of a trace from all its reports."""
    parts: dict[int, Counts] = {WHOLE: {}}
    for relation in RELATIONS:
        known: dict[int, int | None] = {}
        for report in reports.values():
            counts = counts_of(report, relation)
            missing = (
                missing_above(report[1], reports, relation, known) if counts else None
            )
            if missing is not None:
                for key in {missing, WHOLE}:
                    parts[key] = summed(parts.get(key, {}), counts)
    return parts


def _new_reports(
    connection: Connection, trace_key: int, group: Sequence[SpanRow]
) -> Reports | None:
    """Return the reports of spans that the trace did not have.

    Returns:
        The reports; None when another body of a stored span changes what that reports.
    """
    versions = [
        tuple(row)
        for some in chunks({span.span_id for span in group}, MAX_LOOKUP_VALUES)
        for row in connection.execute(_BY_ID, {"trace_key": trace_key, "ids": some})
    ]
    sent = {(span.span_id, span.digest) for span in group}
    before = newest_reports([v for v in versions if (v[0], v[3]) not in sent])
    after = newest_reports(versions)
    for span_id, (_, parent, _, _, usage) in before.items():
        _, new_parent, _, _, new_usage = after.pop(span_id)
        if (parent, usage) != (new_parent, new_usage):
            return None
    return after


def _nodes(connection: Connection, trace_key: int, ids: Iterable[int]) -> Reports:
    """Return some spans and what is above them, up to the first that reports usage."""
    return newest_reports(
        [
            tuple(row)
            for some in chunks(ids, MAX_LOOKUP_VALUES)
            for row in connection.execute(
                _UPWARDS, {"trace_key": trace_key, "ids": some}
            )
        ]
    )


def _parts(
    connection: Connection, trace_key: int, ids: Iterable[int]
) -> dict[int, Counts]:
    return {
        row.missing_span_id: load_counts(row.counts)
        for some in chunks(ids, MAX_LOOKUP_VALUES)
        for row in connection.execute(_PARTS, {"trace_key": trace_key, "ids": some})
    }


def _replace(
    connection: Connection,
    trace_key: int,
    old: Iterable[int],
    parts: Mapping[int, Counts],
) -> None:
    for some in chunks(old, MAX_LOOKUP_VALUES):
        connection.execute(
            delete(usage_parts).where(
                usage_parts.c.trace_key == trace_key,
                usage_parts.c.missing_span_id.in_(some),
            )
        )
    rows = [
        {"trace_key": trace_key, "missing_span_id": key, "counts": dump_counts(part)}
        for key, part in parts.items()
        if part or key == WHOLE
    ]
    connection.execute(insert(usage_parts), rows)
