"""What a search may ask of a store that not every store can do.

A store declares what it can; the empty set is the least capable store, which compares
fields of traces, and of spans their names, types and statuses, under AND. What a store
does not declare is refused with a place and a remedy, never approximated.
"""

from collections.abc import Iterable, Iterator
from enum import Enum

from spanframe.errors import FilterError
from spanframe_store.contract.filter import (
    And,
    Comparator,
    Condition,
    FieldKind,
    Filter,
    Node,
    Not,
    Or,
    SomeSpan,
    leaves_of,
)

__all__ = ["Capability", "needed", "refuse_unserved"]


class Capability(Enum):
    """Something a store can do; the value is what to write where it cannot."""

    EXPRESSIONS = "Write LIKE or ILIKE in place of RLIKE"
    SPAN_BODIES = "Write span.name, span.type or span.status, or a tag of the trace"
    ALTERNATIVES = "Run a search for each alternative"
    EXPLAIN = "Search without explain"
    ORIGINALS = "Export from the store that received the spans"
    AGGREGATES = "Group the DataFrame of search_traces with pandas"


def needed(condition: Condition) -> Iterator[Capability]:
    """Yield what a store must be able to do to serve a condition."""
    if condition.field.kind in {FieldKind.SPAN_ATTRIBUTE, FieldKind.SPAN_CONTENT}:
        yield Capability.SPAN_BODIES
    if condition.comparator is Comparator.RLIKE:
        yield Capability.EXPRESSIONS


def refuse_unserved(
    filter_: Filter, capabilities: Iterable[Capability], store: str
) -> None:
    """Raise for a filter that a store cannot serve.

    Args:
        filter_: the filter.
        capabilities: what the store declares.
        store: the kind of store, for people: ``PostgreSQL``.

    Raises:
        FilterError: the store cannot serve a clause; the message draws it.
    """
    able = frozenset(capabilities)
    for condition in filter_.leaves():
        for capability in needed(condition):
            if capability not in able:
                _refuse(filter_, condition, capability, store)
    if Capability.ALTERNATIVES not in able and _has_alternatives(filter_.root):
        first = next(leaves_of(filter_.root), None)
        if first is not None:
            _refuse(filter_, first, Capability.ALTERNATIVES, store)


def _refuse(
    filter_: Filter, condition: Condition, capability: Capability, store: str
) -> None:
    title = f"A store on {store} cannot serve this clause"
    raise FilterError(title, filter_.source, *condition.place, capability.value)


def _has_alternatives(node: Node) -> bool:
    match node:
        case And(parts):
            return any(map(_has_alternatives, parts))
        case SomeSpan(part):
            return _has_alternatives(part)
        case Or() | Not():
            return True
        case _:
            return False
