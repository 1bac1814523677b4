"""Plans: the index that a statement walks, the candidates, and a guess.

To walk an index is to scan a range of it in its order.
"""

from typing import Final, NamedTuple

from spanframe_store.contract.fields import ROWS, Type
from spanframe_store.contract.filter import Comparator, Condition, FieldKind, Filter
from spanframe_store.sql.index_conditions import can_be_walked, is_ordered

__all__ = ["WALK_TRACES", "Candidate", "Plan", "candidates", "guess", "guess_to_count"]

_WHOLE_ID: Final = {Comparator.EQ, Comparator.IN}


class Plan(NamedTuple):
    """How a statement walks the store.

    Attributes:
        walked: the condition whose part of the attribute index is walked; None: the
            traces are walked.
        by_duration: whether the traces are walked by duration; otherwise the database
            chooses another index of the traces.
    """

    walked: Condition | None
    by_duration: bool = False


WALK_TRACES: Final = Plan(None)
"""The plan that walks the traces by an index of the database's choice."""


class Candidate(NamedTuple):
    """A plan, and the conditions that determine how many rows it walks."""

    plan: Plan
    conditions: tuple[Condition, ...]


def candidates(filter_: Filter) -> list[Candidate]:
    """Return the plans of which one may be much better than the others.

    Only conditions that every match meets narrow a walk. The list is empty when one of
    them names traces, or when only the database's own indexes in the order of time
    could narrow the walk.
    """
    conditions = filter_.required()
    if any(map(_names_traces, conditions)):
        return []
    found = [
        Candidate(Plan(each), (each,)) for each in conditions if can_be_walked(each)
    ]
    durations = tuple(
        each for each in conditions if each.field.kind is FieldKind.EXECUTION_TIME_MS
    )
    if durations:
        found.append(Candidate(Plan(None, by_duration=True), durations))
    if found:
        found += [
            Candidate(WALK_TRACES, (each,))
            for each in conditions
            if _is_indexed_column(each) and each.comparator is Comparator.EQ
        ]
    return found


def guess(filter_: Filter, first: FieldKind = FieldKind.TIMESTAMP_MS) -> Plan:
    """Return the plan that is best for most stores.

    A search ordered by duration walks the traces in that order. Any other search walks
    an equality, whose entries are in the order of time. A session or a user has few
    traces and a tag such as ``env=prod`` has most of them, so metadata come first.

    Args:
        filter_: the filter.
        first: the first field of the order.
    """
    if first is FieldKind.EXECUTION_TIME_MS:
        named = any(map(_names_traces, filter_.required()))
        return Plan(None, by_duration=not named)
    return Plan(_first_entry(filter_, only_ordered=True))


def guess_to_count(filter_: Filter) -> Plan:
    """Return the plan that is best for counting, which walks all and shows none.

    Index rows are a tenth of the size of trace rows, so any condition may be walked.
    """
    return Plan(_first_entry(filter_, only_ordered=False))


def _first_entry(filter_: Filter, *, only_ordered: bool) -> Condition | None:
    walkable = [
        each.plan.walked
        for each in candidates(filter_)
        if each.plan.walked and (is_ordered(each.plan.walked) or not only_ordered)
    ]
    return min(
        walkable,
        key=lambda c: (not is_ordered(c), c.field.kind is FieldKind.TAG),
        default=None,
    )


def _is_indexed_column(condition: Condition) -> bool:
    """Return whether a text column with an index in the order of time is compared."""
    row = ROWS[condition.field.kind]
    return row.indexed and row.column is not None and row.type is Type.TEXT


def _names_traces(condition: Condition) -> bool:
    return (
        condition.field.kind is FieldKind.REQUEST_ID
        and condition.comparator in _WHOLE_ID
    )
