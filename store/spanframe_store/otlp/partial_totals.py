"""The totals of a trace in parts, so that a new span changes a few of them.

The part of a span that is missing is the sum of what waits below it: once the span
arrives, that is counted further up, or not at all because the span reports it too.
Tokens and costs are apart from each other. Sums are exact, so that they can be
subtracted again.
"""

import json
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any, Final

from spanframe_store.otlp.usage import (
    COMPUTED,
    COSTS,
    DECIMALS,
    REQUIRED,
    SOURCE,
    STATED,
    Totals,
    UsageReport,
)

__all__ = [
    "COST",
    "RELATIONS",
    "TOKENS",
    "WHOLE",
    "Counts",
    "are_each_others_parents",
    "counts_of",
    "dump_counts",
    "has_one_source",
    "load_counts",
    "missing_above",
    "only",
    "summed",
    "totals_of",
]

TOKENS: Final = "tokens"
COST: Final = "cost"
RELATIONS: Final = (TOKENS, COST)
"""What is counted: a span hides what spans below it report of the same."""

WHOLE: Final = 0
"""The id, which no span has, of the part that is the sum of the trace."""

Counts = Mapping[str, tuple[Decimal, int]]
"""By the name of a count: its sum, and the number of spans that report it. The number
under ``stated`` or ``computed`` is that of the spans that report a cost."""

_MARKS: Final = {TOKENS: '_tokens"', COST: f'"{SOURCE}"'}
_COST_NAMES: Final = frozenset({*COSTS, STATED, COMPUTED})


def counts_of(report: UsageReport, relation: str) -> Counts:
    """Return what a span reports; nothing when it reports none of it."""
    if not _reports(report, relation):
        return {}
    parsed = json.loads(report[-1] or "{}", parse_float=Decimal)
    if relation == TOKENS:
        names = [name for name in parsed if name.endswith("_tokens")]
        return {name: (Decimal(parsed[name]), 1) for name in names}
    costs = {name: (Decimal(parsed[name]), 1) for name in COSTS if name in parsed}
    return costs | {parsed[SOURCE]: (Decimal(0), 1)}


def only(counts: Counts, relation: str) -> Counts:
    """Return the tokens or the costs among counts."""
    of_cost = relation == COST
    return {n: pair for n, pair in counts.items() if (n in _COST_NAMES) is of_cost}


def summed(left: Counts, right: Counts, times: int = 1) -> Counts:
    """Return the sum of counts; ``times`` is -1 for the difference."""
    total = dict(left)
    for name, (count, number) in right.items():
        before, reporting = total.get(name, (Decimal(0), 0))
        total[name] = before + times * count, reporting + times * number
    return {name: pair for name, pair in total.items() if pair[1]}


def totals_of(whole: Counts) -> Totals:
    """Return the totals of a trace by its sum."""
    tokens = only(whole, TOKENS)
    cost = only(whole, COST)
    source = next((each for each in (STATED, COMPUTED) if each in cost), None)
    number = cost[source][1] if source else 0
    # A part that some span does not know is not known of the trace.
    costs = {n: cost[n][0] for n in COSTS if n in cost and cost[n][1] == number}
    counts = {name: int(tokens[name][0]) for name in sorted(tokens)}
    return Totals(
        dict.fromkeys(REQUIRED, 0) | counts if tokens else None,
        {n: round(float(each), DECIMALS) for n, each in costs.items()}
        if source
        else None,
        source,
    )


def has_one_source(whole: Counts, reports: Iterable[UsageReport]) -> bool:
    """Return whether all costs are stated, or all computed.

    A computed cost gives way to a stated one below it, which brings back what it hid;
    parts do not know what that is.
    """
    sources = {name for name in (STATED, COMPUTED) if name in whole}
    for report in reports:
        sources |= counts_of(report, COST).keys() & {STATED, COMPUTED}
    return len(sources) <= 1


def are_each_others_parents(
    before: Counts, reports: Iterable[UsageReport], after: Counts
) -> bool:
    """Return whether all spans that report something hide each other.

    Args:
        before: the sum of the trace without the spans.
        reports: what the spans report.
        after: the sum with the spans.
    """
    found = list(reports)
    return any(
        not only(after, relation)
        and (only(before, relation) or any(counts_of(r, relation) for r in found))
        for relation in RELATIONS
    )


def missing_above(
    span_id: int | None,
    nodes: Mapping[int, UsageReport],
    relation: str,
    known: dict[int, int | None] | None = None,
) -> int | None:
    """Return the first span that is missing on the way from a span to the root.

    Args:
        span_id: where the way begins; None: there is nothing above.
        nodes: the spans that the store holds.
        relation: what is counted.
        known: results for spans, which are used and added to.

    Returns:
        Its id; `WHOLE` when none is missing, or the spans are each other's ancestors;
        None when a span on the way reports it.
    """
    path: dict[int, None] = {}
    found: int | None = WHOLE
    while span_id is not None and span_id not in path:
        if known is not None and span_id in known:
            found = known[span_id]
            break
        if span_id not in nodes:
            found = span_id
            break
        if _reports(nodes[span_id], relation):
            found = None
            break
        path[span_id] = None
        span_id = nodes[span_id][1]
    if known is not None:
        known.update(dict.fromkeys(path, found))
    return found


def dump_counts(counts: Counts) -> str:
    """Return counts as JSON text."""
    return json.dumps({name: [str(c), n] for name, (c, n) in counts.items()})


def load_counts(text: str) -> Counts:
    """Return the counts of a JSON text; the inverse of `dump_counts`."""
    loaded: dict[str, tuple[Any, Any]] = json.loads(text)
    return {name: (Decimal(count), int(n)) for name, (count, n) in loaded.items()}


def _reports(report: UsageReport, relation: str) -> bool:
    """Return whether a span reports tokens, or a cost; names are ours."""
    return report[-1] is not None and _MARKS[relation] in report[-1]
