"""The token usage of a trace: the sum of what its spans report, without duplicates.

The usage of a span counts only if no ancestor reports usage, since frameworks sum up
their children (MLflow 3.17). The sum is not a fold over single spans, so it is computed
anew from the store whenever a stored trace that has usage gets spans.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from operator import itemgetter
from typing import Final

from spanframe_store.contract.spans import SpanRow

__all__ = [
    "REQUIRED",
    "UsageReport",
    "newest_reports",
    "usage_of_spans",
    "usage_report_of",
    "usage_total",
]

REQUIRED: Final = ("input_tokens", "output_tokens", "total_tokens")
"""Keys that the usage of a trace always has; a missing count is 0."""

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


def usage_of_spans(spans: Sequence[UsageReport]) -> dict[str, int] | None:
    """Return the usage of a trace that holds exactly these spans; None: it has none."""
    for *_, usage in spans:
        if usage is not None:
            return usage_total(spans)
    return None


def usage_total(spans: Sequence[UsageReport]) -> dict[str, int]:
    """Return the sum of the usage of spans that no ancestor of theirs reports."""
    newest = newest_reports(spans)
    total = dict.fromkeys(REQUIRED, 0)
    covered: dict[int, bool] = {}
    for span_id, _, _, _, usage in newest.values():
        if usage is not None and not _is_covered(span_id, newest, covered):
            counts, _ = _parse(usage)
            for name, count in counts.items():
                total[name] = total.get(name, 0) + count
    return total


def newest_reports(spans: Sequence[UsageReport]) -> dict[int, UsageReport]:
    """Return the report that counts of each span id."""
    newest = {span[0]: span for span in spans}
    if len(newest) < len(spans):
        for span in spans:
            newest[span[0]] = max(newest[span[0]], span, key=_version)
    return newest


def _version(span: UsageReport) -> tuple[bool, int, int]:
    """Return the order of bodies under one span id: the newest that reports usage wins.

    A store need not read the others.
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
