"""The token usage of a trace: what its spans report, each token counted once.

A span's usage counts only if no ancestor reports usage, since frameworks sum up their
children (MLflow 3.17). That is no fold over single spans, so it is asked from the store
anew whenever a stored trace that has usage gets spans.
"""

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection, bindparam, null, select

from spanframe_collector.rows import SpanRow
from spanframe_collector.store.schema import spans

__all__ = ["REQUIRED", "usage_of_spans", "usage_of_traces"]

REQUIRED: Final = ("input_tokens", "output_tokens", "total_tokens")
"""The keys a trace's usage always has, missing counts being 0."""

_COLUMNS: Final = (
    spans.c.trace_key,
    spans.c.span_id,
    spans.c.parent_span_id,
    spans.c.end_ns,
    spans.c.digest,
    spans.c.usage,
)


class _Node(NamedTuple):
    """A span that reports usage, or an ancestor of one."""

    parent: int | None
    version: tuple[bool, int, int]
    usage: str | None


def _ancestry() -> Any:
    reporting = (
        select(*_COLUMNS)
        .where(spans.c.usage != null())
        .where(spans.c.trace_key.in_(bindparam("trace_keys", expanding=True)))
        .cte("ancestry", recursive=True)
    )
    # UNION, not UNION ALL: spans that are each other's parents must come to an end.
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
    """Return the usage of those of the traces that have any, by trace key."""
    traces: dict[int, dict[int, _Node]] = {}
    for row in connection.execute(_ANCESTRY, {"trace_keys": list(trace_keys)}):
        _put(traces.setdefault(row.trace_key, {}), row)
    return {key: _total(nodes) for key, nodes in traces.items()}


def usage_of_spans(group: Iterable[SpanRow]) -> dict[str, int] | None:
    """Return the usage of a trace that holds exactly these spans; None: it has none."""
    nodes: dict[int, _Node] = {}
    for span in group:
        _put(nodes, span)
    if all(node.usage is None for node in nodes.values()):
        return None
    return _total(nodes)


def _put(nodes: dict[int, _Node], span: Any) -> None:
    """Add a span to the nodes of its trace.

    Of two bodies under one span id the newest speaks that reports anything: the store
    is not asked about the others.
    """
    version = (span.usage is not None, span.end_ns, span.digest)
    known = nodes.get(span.span_id)
    if known is None or version > known.version:
        nodes[span.span_id] = _Node(span.parent_span_id, version, span.usage)


def _total(nodes: Mapping[int, _Node]) -> dict[str, int]:
    total = Counter(dict.fromkeys(REQUIRED, 0))
    covered: dict[int, bool] = {}
    for span_id, node in nodes.items():
        if node.usage is not None and not _is_covered(span_id, nodes, covered):
            total.update(json.loads(node.usage))
    return dict(total)


def _is_covered(
    span_id: int, nodes: Mapping[int, _Node], covered: dict[int, bool]
) -> bool:
    """Whether an ancestor of a span reports usage; remembers what it walks over."""
    path: list[int] = []
    answer = False
    current: int | None = span_id
    while current is not None and current in nodes:
        if current in covered:
            answer = covered[current]
            break
        covered[current] = False  # an ancestor of itself covers nothing
        path.append(current)
        current = nodes[current].parent
        if current is not None and current in nodes and nodes[current].usage:
            answer = True
            break
    covered.update(dict.fromkeys(path, answer))
    return answer
