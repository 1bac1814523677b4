"""Token usage and cost of stored traces: of reporting spans and their ancestors."""

from collections.abc import Iterable
from typing import Any, Final

from sqlalchemy import Connection, bindparam, null, select

from spanframe_store.otlp.usage import Totals, UsageReport, totals
from spanframe_store.sql.schema import spans

__all__ = ["reports_of_trace", "totals_of_traces"]

_COLUMNS: Final = (
    spans.c.trace_key,
    spans.c.span_id,
    spans.c.parent_span_id,
    spans.c.end_ns,
    spans.c.digest,
    spans.c.usage,
)


def _ancestry() -> Any:
    reporting = (
        select(*_COLUMNS)
        .where(spans.c.usage != null())
        .where(spans.c.trace_key.in_(bindparam("trace_keys", expanding=True)))
        .cte("ancestry", recursive=True)
    )
    # UNION, not UNION ALL, ends the recursion on spans that are each other's parents.
    return select(
        reporting.union(
            select(*_COLUMNS).join(
                reporting,
                (spans.c.trace_key == reporting.c.trace_key)
                & (spans.c.span_id == reporting.c.parent_span_id),
            )
        )
    )


_ANCESTRY: Final = _ancestry()


def totals_of_traces(
    connection: Connection, trace_keys: Iterable[int]
) -> dict[int, Totals]:
    """Return the totals of the traces that have any, by trace key."""
    found = _reports(connection, trace_keys)
    return {key: totals(spans) for key, spans in found.items()}


def reports_of_trace(connection: Connection, trace_key: int) -> list[UsageReport]:
    """Return the spans of a trace that report usage, and their ancestors."""
    return _reports(connection, [trace_key]).get(trace_key, [])


def _reports(
    connection: Connection, trace_keys: Iterable[int]
) -> dict[int, list[UsageReport]]:
    found: dict[int, list[UsageReport]] = {}
    for trace_key, *reporting in connection.execute(
        _ANCESTRY, {"trace_keys": list(trace_keys)}
    ):
        found.setdefault(trace_key, []).append(tuple(reporting))
    return found
