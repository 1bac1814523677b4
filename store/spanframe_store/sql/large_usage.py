"""The token usage of large traces, changed by what new spans add to it.

The usage of a trace is the sum of the spans whose ancestors report none
(`spanframe_store.otlp.usage`). Until the ancestors of a span have arrived, its usage
may turn out to be counted by one of them. So ``usage_parts`` has a row for each span
that is missing, with the sum of what waits below it; and one row, under the id 0 that
no span has, with the sum of the whole trace. New spans change a few of these rows,
however many spans the trace has. A trace has rows once it is large and has usage.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from sqlalchemy import (
    Connection,
    bindparam,
    case,
    delete,
    insert,
    null,
    select,
)

from spanframe_store.contract.spans import SpanRow
from spanframe_store.otlp.usage import (
    REQUIRED,
    UsageReport,
    newest_reports,
)
from spanframe_store.sql.chunks import MAX_LOOKUP_VALUES, chunks
from spanframe_store.sql.schema import spans, usage_parts
from spanframe_store.sql.usage import reports_of_trace

__all__ = ["MIN_LARGE_SPANS", "forget_parts", "usage_of_large_trace"]

MIN_LARGE_SPANS: Final = 1000
"""Minimum spans of a trace whose usage is kept in parts; a smaller one is summed up."""

_WHOLE: Final = 0

Counts = dict[str, tuple[int, int]]
"""By the name of a count: its sum, and the number of spans that report it."""

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
    reports = case((spans.c.usage != null(), 1), else_=0)
    columns = (*_COLUMNS, reports.label("reports"))
    first = select(*columns).where(
        _IS_TRACE, spans.c.span_id.in_(bindparam("ids", expanding=True))
    )
    path = first.cte("path", recursive=True)
    above = select(*columns).join(path, spans.c.span_id == path.c.parent_span_id)
    # UNION, not UNION ALL, ends the recursion on spans that are each other's parents.
    path = path.union(above.where(_IS_TRACE, path.c.reports == 0))
    return select(*(path.c[column.name] for column in _COLUMNS))


_UPWARDS: Final = _upwards()


def usage_of_large_trace(
    connection: Connection, trace_key: int, group: Sequence[SpanRow]
) -> dict[str, int] | None:
    """Return the usage of a trace that has got spans; None: it has none.

    Args:
        connection: a connection in a writing transaction.
        trace_key: the trace.
        group: its new spans, which the store holds by now.
    """
    whole = _parts(connection, trace_key, [_WHOLE]).get(_WHOLE)
    new = None if whole is None else _new_reports(connection, trace_key, group)
    if whole is None or new is None:
        reports = newest_reports(reports_of_trace(connection, trace_key))
        if not reports:
            return None
        whole = _build(connection, trace_key, reports)
    else:
        whole = _add(connection, trace_key, whole, new)
    total = dict.fromkeys(REQUIRED, 0)
    return total | {name: whole[name][0] for name in sorted(whole)}


def forget_parts(connection: Connection, trace_keys: Iterable[int]) -> None:
    """Delete the parts of traces whose spans change or go; they are made anew."""
    for some in chunks(trace_keys, MAX_LOOKUP_VALUES):
        rows = usage_parts.c.trace_key.in_(some)
        connection.execute(delete(usage_parts).where(rows))


def _add(connection: Connection, trace_key: int, whole: Counts, new: Reports) -> Counts:
    """Change the parts of a trace by new spans; return the counts of the whole."""
    waiting = _parts(connection, trace_key, new)
    reporting = {key: report for key, report in new.items() if report[-1] is not None}
    starts = {parent for _, parent, *_ in reporting.values() if parent is not None}
    nodes = _nodes(connection, trace_key, starts | waiting.keys())
    changed: dict[int, Counts] = {}
    for span_id, counts in waiting.items():
        missing = _missing_above(span_id, nodes)
        if missing is None:  # an ancestor reports it
            whole = _sum(whole, counts, -1)
        else:
            changed[missing] = _sum(changed.get(missing, {}), counts)
    for _, parent, _, _, usage in reporting.values():
        missing = _missing_above(parent, nodes)
        if missing is not None:
            counts = _counts(usage)
            whole = _sum(whole, counts)
            changed[missing] = _sum(changed.get(missing, {}), counts)
    changed.pop(_WHOLE, None)  # nothing is missing above these
    kept = _parts(connection, trace_key, changed.keys() - waiting.keys())
    parts = {key: _sum(kept.get(key, {}), counts) for key, counts in changed.items()}
    parts[_WHOLE] = whole
    _replace(connection, trace_key, {*waiting, *kept, _WHOLE}, parts)
    return whole


def _build(connection: Connection, trace_key: int, reports: Reports) -> Counts:
    """Make the parts of a trace from all of its reports, and return the whole."""
    parts: dict[int, Counts] = {_WHOLE: {}}
    known: dict[int, int | None] = {}
    for _, parent, _, _, usage in reports.values():
        missing = None if usage is None else _missing_above(parent, reports, known)
        if missing is not None:
            counts = _counts(usage)
            for key in {missing, _WHOLE}:
                parts[key] = _sum(parts.get(key, {}), counts)
    forget_parts(connection, [trace_key])
    _replace(connection, trace_key, (), parts)
    return parts[_WHOLE]


def _missing_above(
    span_id: int | None, nodes: Reports, known: dict[int, int | None] | None = None
) -> int | None:
    """Return the first span that is missing on the way from a span to the root.

    Args:
        span_id: where the way begins; None: there is nothing above.
        nodes: the spans that the store holds.
        known: results for spans, which are used and added to.

    Returns:
        Its id; 0 when none is missing, or the spans are each other's ancestors; None
        when a span on the way reports usage.
    """
    path: list[int] = []
    seen: set[int] = set()
    found: int | None = _WHOLE
    while span_id is not None:
        if known is not None and span_id in known:
            found = known[span_id]
            break
        if span_id in seen:
            break
        if span_id not in nodes:
            found = span_id
            break
        _, parent, _, _, usage = nodes[span_id]
        if usage is not None:
            found = None
            break
        path.append(span_id)
        seen.add(span_id)
        span_id = parent
    if known is not None:
        known.update(dict.fromkeys(path, found))
    return found


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
        row.missing_span_id: {
            name: tuple(counts) for name, counts in json.loads(row.counts).items()
        }
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
    connection.execute(
        insert(usage_parts),
        [
            {"trace_key": trace_key, "missing_span_id": key, "counts": json.dumps(part)}
            for key, part in parts.items()
        ],
    )


def _counts(usage: str | None) -> Counts:
    """Return the counts that one span reports."""
    counts = {} if usage is None else json.loads(usage)
    return {name: (count, 1) for name, count in counts.items()}


def _sum(left: Counts, right: Counts, times: int = 1) -> Counts:
    """Return the sum of counts; ``times`` is -1 for the difference."""
    total = dict(left)
    for name, (count, number) in right.items():
        before, reporting = total.get(name, (0, 0))
        total[name] = before + times * count, reporting + times * number
    return {name: pair for name, pair in total.items() if pair[1]}
