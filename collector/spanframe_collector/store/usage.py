"""The token usage of a trace: what its spans report, each token counted once.

A span's usage counts only if no ancestor reports usage, since frameworks sum up their
children (MLflow 3.17). That is no fold over single spans, so it is asked from the store
anew whenever a stored trace that has usage gets spans.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple, Protocol, Self

from sqlalchemy import Connection, bindparam, null, select

from spanframe_collector.rows import SpanRow
from spanframe_collector.store.schema import spans

__all__ = ["REQUIRED", "Reporting", "usage_of_spans", "usage_of_traces"]

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


class _Span(Protocol):
    """A span that reports usage, or an ancestor of one: decoded, or read back."""

    @property
    def span_id(self) -> int: ...
    @property
    def parent_span_id(self) -> int | None: ...
    @property
    def end_ns(self) -> int: ...
    @property
    def digest(self) -> int: ...
    @property
    def usage(self) -> str | None: ...


class Reporting(NamedTuple):
    """What of a span decides about the usage of its trace."""

    span_id: int
    parent_span_id: int | None
    end_ns: int
    digest: int
    usage: str | None

    @classmethod
    def of(cls, span: SpanRow) -> Self:
        """Leave out the rest of a span, its body above all."""
        return cls(
            span.span_id, span.parent_span_id, span.end_ns, span.digest, span.usage
        )


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
    traces: dict[int, list[Any]] = {}
    for row in connection.execute(_ANCESTRY, {"trace_keys": list(trace_keys)}):
        traces.setdefault(row.trace_key, []).append(row)
    return {key: _total(rows) for key, rows in traces.items()}


def usage_of_spans(group: Sequence[_Span]) -> dict[str, int] | None:
    """Return the usage of a trace that holds exactly these spans; None: it has none."""
    return _total(group) if any(span.usage for span in group) else None


def _total(spans: Iterable[_Span]) -> dict[str, int]:
    newest: dict[int, _Span] = {}
    for span in spans:
        known = newest.setdefault(span.span_id, span)
        if known is not span and _version(span) > _version(known):
            newest[span.span_id] = span
    total = dict.fromkeys(REQUIRED, 0)
    covered: dict[int, bool] = {}
    for span_id, span in newest.items():
        if span.usage is not None and not _is_covered(span_id, newest, covered):
            for name, count in json.loads(span.usage).items():
                total[name] = total.get(name, 0) + count
    return total


def _version(span: _Span) -> tuple[bool, int, int]:
    """Rank the bodies under one span id: the newest speaks that reports anything.

    The store is not asked about the others.
    """
    return span.usage is not None, span.end_ns, span.digest


def _is_covered(
    span_id: int, spans: Mapping[int, _Span], covered: dict[int, bool]
) -> bool:
    """Whether an ancestor of a span reports usage; remembers what it walks over."""
    path: list[int] = []
    answer = False
    current: int | None = span_id
    while current is not None and current in spans:
        if current in covered:
            answer = covered[current]
            break
        covered[current] = False  # an ancestor of itself covers nothing
        path.append(current)
        current = spans[current].parent_span_id
        if current is not None and current in spans and spans[current].usage:
            answer = True
            break
    covered.update(dict.fromkeys(path, answer))
    return answer
