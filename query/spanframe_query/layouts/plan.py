"""By which condition a statement walks the store: a guess, before any is counted."""

from typing import Final, NamedTuple

from spanframe_query.filter.nodes import Comparator, Condition, FieldKind, Filter
from spanframe_query.layouts.index import can_drive, is_ordered

__all__ = ["Plan", "candidates", "guess", "plan_by"]

_WHOLE_ID: Final = {Comparator.EQ, Comparator.IN}
# Columns of the trace row with an index in order of time.
_INDEXED_COLUMNS: Final = {FieldKind.STATUS, FieldKind.NAME}


class Plan(NamedTuple):
    """How a statement walks the store.

    Attributes:
        driver: the condition whose part of the attribute index is walked; None walks
            the traces, by whatever index of theirs the engine prefers.
    """

    driver: Condition | None


def candidates(filter_: Filter) -> list[Condition]:
    """Return the conditions that could decide how a filter walks the store.

    None when one condition names the trace, or when no entry could drive.
    """
    conditions = filter_.conditions
    if not any(can_drive(each) for each in conditions) or any(
        each.field.kind is FieldKind.REQUEST_ID and each.comparator in _WHOLE_ID
        for each in conditions
    ):
        return []
    return [
        each
        for each in conditions
        if can_drive(each)
        or (each.field.kind in _INDEXED_COLUMNS and each.comparator is Comparator.EQ)
    ]


def plan_by(candidate: Condition) -> Plan:
    """Return the plan that walks what a candidate leaves."""
    return Plan(candidate if can_drive(candidate) else None)


def guess(filter_: Filter) -> Plan:
    """Return the plan that is right for most stores.

    An equality drives, whose entries are in order of time. A session or a user has few
    traces and a tag such as ``env=prod`` has most of them, so metadata come first.
    """
    ordered = [each for each in candidates(filter_) if is_ordered(each)]
    return Plan(min(ordered, key=lambda c: c.field.kind is FieldKind.TAG, default=None))
