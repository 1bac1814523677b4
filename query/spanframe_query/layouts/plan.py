"""By which condition a statement walks the index: a guess, before any is counted."""

from typing import Final, NamedTuple

from spanframe_query.filter.nodes import Comparator, Condition, FieldKind, Filter
from spanframe_query.layouts.index import can_drive, is_ordered

__all__ = ["Plan", "candidates", "guess"]

_WHOLE_ID: Final = {Comparator.EQ, Comparator.IN}


class Plan(NamedTuple):
    """How a statement walks the store.

    Attributes:
        driver: the condition whose part of the attribute index is walked; None walks
            the traces.
    """

    driver: Condition | None


def candidates(filter_: Filter) -> list[Condition]:
    """Return the conditions that could drive the statement of a filter."""
    conditions = filter_.conditions
    if any(
        condition.field.kind is FieldKind.REQUEST_ID
        and condition.comparator in _WHOLE_ID
        for condition in conditions
    ):
        return []
    return [condition for condition in conditions if can_drive(condition)]


def guess(filter_: Filter) -> Plan:
    """Return the plan that is right for most stores.

    An equality drives, whose entries are in order of time. A session or a user has few
    traces and a tag such as ``env=prod`` has most of them, so metadata come first.
    """
    ordered = [each for each in candidates(filter_) if is_ordered(each)]
    return Plan(min(ordered, key=lambda c: c.field.kind is FieldKind.TAG, default=None))
