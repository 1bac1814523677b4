"""The token usage and the cost of a trace: sums of what its spans report.

What a span reports counts only if no ancestor reports it too, since frameworks sum up
their children (MLflow 3.17). Tokens and costs are apart from each other: an agent may
sum up tokens, and its model calls state costs. The sums are not a fold over single
spans, so they are computed anew from the store whenever a stored trace that has any
gets spans.
"""

import json
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from operator import itemgetter
from typing import Any, Final, NamedTuple

from spanframe_store.contract.spans import SpanRow
from spanframe_store.otlp.conventions import Cost, Usage

__all__ = [
    "COMPUTED",
    "COSTS",
    "DECIMALS",
    "REQUIRED",
    "SOURCE",
    "STATED",
    "Totals",
    "UsageReport",
    "newest_reports",
    "report_text",
    "totals",
    "totals_of_spans",
    "usage_report_of",
]

REQUIRED: Final = ("input_tokens", "output_tokens", "total_tokens")
"""Keys that the usage of a trace always has; a missing count is 0."""

STATED: Final = "stated"
COMPUTED: Final = "computed"
"""The sources of a cost."""

COSTS: Final = ("input_cost", "output_cost", "total_cost")
"""Names of the parts of a cost in a report."""

SOURCE: Final = "cost_source"
_OF_COST: Final = frozenset({*COSTS, SOURCE})
"""Names of a report that are about costs; all others are counts of tokens."""

"""The name of the source of a cost in a report."""

DECIMALS: Final = 12
"""Decimals of a sum of costs; the rest is noise of binary fractions."""

UsageReport = tuple[int, int | None, int, int, str | None]
"""Id, parent id, end, digest and report of a span: they decide the totals of its trace.
A plain tuple, as one is made of every stored span."""

usage_report_of: Final[Callable[[SpanRow], UsageReport]] = itemgetter(
    *map(
        SpanRow._fields.index,
        ("span_id", "parent_span_id", "end_ns", "digest", "usage"),
    )
)
_parse: Final = json.JSONDecoder().raw_decode
"""Decoder of JSON that this package wrote, without space around it."""


class Totals(NamedTuple):
    """The sums of a trace; None where no span reports any.

    Attributes:
        tokens: the token counts by name.
        cost: the costs by name, in USD.
        cost_source: ``stated``, ``computed``, or both with a comma between.
    """

    tokens: Mapping[str, int] | None = None
    cost: Mapping[str, float] | None = None
    cost_source: str | None = None


def report_text(usage: Usage | None, cost: Cost | None) -> str | None:
    """Return what a span reports as JSON text; None: nothing."""
    if usage is None and cost is None:
        return None
    # A third of the time of a general encoder; numbers are finite.
    parts: list[str] = []
    if usage is not None:
        counts = zip(Usage._fields, usage, strict=True)
        parts = [f'"{name}": {n}' for name, n in counts if n is not None]
    if cost is not None:
        costs = zip(COSTS, cost, strict=False)
        parts += [f'"{name}": {part!r}' for name, part in costs if part is not None]
        parts.append(f'"{SOURCE}": "{COMPUTED if cost.is_computed else STATED}"')
    return f"{{{', '.join(parts)}}}"


def totals_of_spans(spans: Sequence[UsageReport]) -> Totals | None:
    """Return the totals of a trace that holds exactly these spans, if it has any."""
    for *_, report in spans:
        if report is not None:
            return totals(spans)
    return None


def totals(spans: Sequence[UsageReport]) -> Totals:
    """Return the sums of what spans report that no ancestor of theirs reports."""
    reports: dict[int, Mapping[str, Any]] = {}
    parents: dict[int, int | None] = {}
    for span_id, parent, _, _, report in newest_reports(spans).values():
        parents[span_id] = parent
        if report is not None:
            reports[span_id], _ = _parse(report)
    return Totals(_tokens(reports, parents), *_cost(reports, parents))


def newest_reports(spans: Sequence[UsageReport]) -> dict[int, UsageReport]:
    """Return the report that counts of each span id."""
    newest = {span[0]: span for span in spans}
    if len(newest) < len(spans):
        for span in spans:
            newest[span[0]] = max(newest[span[0]], span, key=_version)
    return newest


def _version(span: UsageReport) -> tuple[bool, int, int]:
    """Return the order of bodies under one span id: the newest that reports wins.

    A store need not read the others.
    """
    _, _, end_ns, digest, report = span
    return report is not None, end_ns, digest


_Reports = Mapping[int, Mapping[str, Any]]
_Parents = Mapping[int, int | None]


def _tokens(reports: _Reports, parents: _Parents) -> dict[str, int] | None:
    reporting = [i for i, report in reports.items() if not report.keys() <= _OF_COST]
    if not reporting:
        return None
    total = dict.fromkeys(REQUIRED, 0)
    for span_id in _uncovered(reporting, parents):
        for name, count in reports[span_id].items():
            if name not in _OF_COST:
                total[name] = total.get(name, 0) + count
    return total


def _cost(
    reports: _Reports, parents: _Parents
) -> tuple[dict[str, float] | None, str | None]:
    """Return the costs and their source.

    A computed cost gives way to costs that spans below state.
    """
    source = {i: report[SOURCE] for i, report in reports.items() if SOURCE in report}
    if not source:
        return None, None
    stated = [span_id for span_id in source if source[span_id] == STATED]
    if 0 < len(stated) < len(source):
        above = _ancestors(stated, parents)
        source = {
            span_id: of
            for span_id, of in source.items()
            if of == STATED or span_id not in above
        }
    counted = _uncovered(source, parents)
    # A part that some span does not know is not known of the trace.
    cost = {
        name: round(sum(reports[i][name] for i in counted), DECIMALS)
        for name in COSTS
        if all(name in reports[i] for i in counted)
    }
    return cost, ", ".join(sorted({source[i] for i in counted}, reverse=True))


def _uncovered(spans: Iterable[int], parents: _Parents) -> list[int]:
    """Return the spans that report something that no ancestor of theirs reports."""
    covered: dict[int, bool] = {}
    reporting = set(spans)
    return [i for i in spans if not _is_covered(i, reporting, parents, covered)]


def _is_covered(
    span_id: int,
    reporting: Collection[int],
    parents: _Parents,
    covered: dict[int, bool],
) -> bool:
    """Return whether an ancestor of a span reports; remember every ancestor."""
    path: list[int] = []
    found = False
    current: int | None = span_id
    while current is not None and current in parents:
        if current in covered:
            found = covered[current]
            break
        covered[current] = False  # an ancestor of itself covers nothing
        path.append(current)
        current = parents[current]
        if current in reporting:
            found = True
            break
    covered.update(dict.fromkeys(path, found))
    return found


def _ancestors(span_ids: Collection[int], parents: _Parents) -> set[int]:
    """Return all ancestors of spans, each visited once."""
    found: set[int] = set()
    for span_id in span_ids:
        current = parents.get(span_id)
        while current is not None and current in parents and current not in found:
            found.add(current)
            current = parents[current]
    return found
