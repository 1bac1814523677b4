"""The token usage of a trace: what its spans report, each token counted once.

A span's usage counts only if no ancestor reports usage, since frameworks sum up their
children (MLflow 3.17). That is not a fold over single spans, so a store asks for all
reporting spans, and their ancestors, whenever a stored trace that has usage gets spans.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from operator import itemgetter
from typing import Final

from spanframe_store.contract.spans import SpanRow

__all__ = [
    "REQUIRED",
    "Reporting",
    "reporting_of",
    "usage_of_spans",
    "usage_total",
]

REQUIRED: Final = ("input_tokens", "output_tokens", "total_tokens")
"""The keys a trace's usage always has, missing counts being 0."""

Reporting = tuple[int, int | None, int, int, str | None]
"""What of a span decides about the usage of its trace: span id, parent span id, end,
digest and usage. A plain tuple, as one is made of every span that is stored."""

reporting_of: Final[Callable[[SpanRow], Reporting]] = itemgetter(
    *map(
        SpanRow._fields.index,
        ("span_id", "parent_span_id", "end_ns", "digest", "usage"),
    )
)
_parse: Final = json.JSONDecoder().raw_decode
"""For text of our own making: nothing stands around it."""


def usage_of_spans(spans: Sequence[Reporting]) -> dict[str, int] | None:
    """Return the usage of a trace that holds exactly these spans; None: it has none."""
    for *_, usage in spans:
        if usage is not None:
            return usage_total(spans)
    return None


def usage_total(spans: Sequence[Reporting]) -> dict[str, int]:
    """Return the sum of what spans report that no ancestor of theirs reports."""
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


def _version(span: Reporting) -> tuple[bool, int, int]:
    """Rank the bodies under one span id: the newest speaks that reports anything.

    The store is not asked about the others.
    """
    _, _, end_ns, digest, usage = span
    return usage is not None, end_ns, digest


def _is_covered(
    span_id: int, spans: Mapping[int, Reporting], covered: dict[int, bool]
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
        _, current, _, _, _ = spans[current]
        if current is not None and current in spans and spans[current][-1]:
            answer = True
            break
    covered.update(dict.fromkeys(path, answer))
    return answer
