"""The token usage of a trace: the sum of what its spans report, without duplicates.

The usage of a span counts only if no ancestor reports usage, since frameworks sum up
their children (MLflow 3.17). The sum is not a fold over single spans, so it is computed
anew from the store whenever a stored trace that has usage gets spans.
"""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from operator import itemgetter
from typing import Any, Final

from sqlalchemy import Connection, bindparam, null, select

from spanframe_store.contract.spans import SpanRow
from spanframe_store.sql.schema import spans

__all__ = [
    "REQUIRED",
    "UsageReport",
    "usage_of_spans",
    "usage_of_traces",
    "usage_report_of",
]

REQUIRED: Final = ("input_tokens", "output_tokens", "total_tokens")
"""Keys that the usage of a trace always has; a missing count is 0."""

_COLUMNS: Final = (
    spans.c.trace_key,
    spans.c.span_id,
    spans.c.parent_span_id,
    spans.c.end_ns,
    spans.c.digest,
    spans.c.usage,
)


UsageReport = tuple[int, int | None, int, int, str | None]
"""Id, parent id, end, digest and usage of a span: they decide the usage of its trace. A
plain tuple, as one is made of every stored span."""

usage_report_of: Final[Callable[[SpanRow], UsageReport]] = itemgetter(
    *map(
        SpanRow._fields.index,
        ("span_id", "parent_span_id", "end_ns", "digest", "usage"),
    )
)
_parse: Final = json.JSONDecoder().raw_decode
"""Decoder of JSON that this package wrote, without space around it."""


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


def usage_of_traces(
    connection: Connection, trace_keys: Iterable[int]
) -> dict[int, dict[str, int]]:
    """Return the usage of the traces that have any, by trace key."""
    traces: dict[int, list[UsageReport]] = {}
    for trace_key, *reporting in connection.execute(
        _ANCESTRY, {"trace_keys": list(trace_keys)}
    ):
        traces.setdefault(trace_key, []).append(tuple(reporting))
    return {key: _total(spans) for key, spans in traces.items()}


def usage_of_spans(spans: Sequence[UsageReport]) -> dict[str, int] | None:
    """Return the usage of a trace that holds exactly these spans; None: it has none."""
    for *_, usage in spans:
        if usage is not None:
            return _total(spans)
    return None


def _total(spans: Sequence[UsageReport]) -> dict[str, int]:
    newest = {span[0]: span for span in spans}
    if len(newest) < len(spans):
        for span in spans:
            newest[span[0]] = max(newest[span[0]], span, key=_version)
    total = dict.fromkeys(REQUIRED, 0)
    covered: dict[int, bool] = {}
    for span_id, _, _, _, usage in newest.values():
        if usage is not None and not _is_covered(span_id, newest, covered):
            counts, _ = _parse(usage)
            for name, count in counts.items():
                total[name] = total.get(name, 0) + count
    return total


def _version(span: UsageReport) -> tuple[bool, int, int]:
    """Return the order of bodies under one span id: the newest that reports usage wins.

    `usage_of_traces` does not read the others.
    """
    _, _, end_ns, digest, usage = span
    return usage is not None, end_ns, digest


def _is_covered(
    span_id: int, spans: Mapping[int, UsageReport], covered: dict[int, bool]
) -> bool:
    """Return whether an ancestor of a span reports usage; remember every ancestor."""
    path: list[int] = []
    found = False
    current: int | None = span_id
    while current is not None and current in spans:
        if current in covered:
            found = covered[current]
            break
        covered[current] = False  # an ancestor of itself covers nothing
        path.append(current)
        _, current, _, _, _ = spans[current]
        if current is not None and current in spans and spans[current][-1]:
            found = True
            break
    covered.update(dict.fromkeys(path, found))
    return found
