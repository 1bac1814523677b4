"""By what a statement walks the store: the choices, and a guess among them."""

from typing import Final, NamedTuple

from spanframe_query.filter.nodes import Comparator, Condition, FieldKind, Filter
from spanframe_query.layouts.index import can_drive, is_ordered

__all__ = ["Candidate", "Plan", "candidates", "guess", "guess_for_counting"]

_WHOLE_ID: Final = {Comparator.EQ, Comparator.IN}
# Columns of the trace row with an index in order of time.
_INDEXED_COLUMNS: Final = {FieldKind.STATUS, FieldKind.NAME}


class Plan(NamedTuple):
    """How a statement walks the store.

    Attributes:
        driver: the condition whose part of the attribute index is walked; None walks
            the traces.
        by_duration: walk the traces by their durations; else by whatever other index
            of theirs the engine prefers.
    """

    driver: Condition | None
    by_duration: bool = False


class Candidate(NamedTuple):
    """A plan, and the conditions that say how many rows it walks."""

    plan: Plan
    conditions: tuple[Condition, ...]


def candidates(filter_: Filter) -> list[Candidate]:
    """Return the plans of which one may be much better than the others.

    None when one condition names the trace, or when only the engine's own indexes in
    order of time could narrow the walk.
    """
    conditions = filter_.conditions
    if any(map(_names_traces, conditions)):
        return []
    found = [Candidate(Plan(each), (each,)) for each in conditions if can_drive(each)]
    durations = tuple(
        each for each in conditions if each.field.kind is FieldKind.EXECUTION_TIME_MS
    )
    if durations:
        found.append(Candidate(Plan(None, by_duration=True), durations))
    if found:
        found += [
            Candidate(Plan(None), (each,))
            for each in conditions
            if each.field.kind in _INDEXED_COLUMNS and each.comparator is Comparator.EQ
        ]
    return found


def guess(filter_: Filter, first: FieldKind = FieldKind.TIMESTAMP_MS) -> Plan:
    """Return the plan that is right for most stores.

    Ordered by duration, the traces are walked in that order. Else an equality drives,
    whose entries are in order of time. A session or a user has few traces and a tag
    such as ``env=prod`` has most of them, so metadata come first.

    Args:
        filter_: the filter.
        first: the field that is ordered by.
    """
    if first is FieldKind.EXECUTION_TIME_MS:
        named = any(map(_names_traces, filter_.conditions))
        return Plan(None, by_duration=not named)
    return Plan(_first_entry(filter_, only_ordered=True))


def guess_for_counting(filter_: Filter) -> Plan:
    """Return the plan that is right where every trace is walked and none is shown.

    Entries are a tenth of the size of the rows, so that any of them drives.
    """
    return Plan(_first_entry(filter_, only_ordered=False))


def _first_entry(filter_: Filter, *, only_ordered: bool) -> Condition | None:
    drivers = [
        each.plan.driver
        for each in candidates(filter_)
        if each.plan.driver and (is_ordered(each.plan.driver) or not only_ordered)
    ]
    return min(
        drivers,
        key=lambda c: (not is_ordered(c), c.field.kind is FieldKind.TAG),
        default=None,
    )


def _names_traces(condition: Condition) -> bool:
    return (
        condition.field.kind is FieldKind.REQUEST_ID
        and condition.comparator in _WHOLE_ID
    )
