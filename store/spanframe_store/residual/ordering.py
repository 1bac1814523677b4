"""The order of a search in Python, for an engine that cannot sort, or cannot page."""

from collections.abc import Callable, Iterable, Sequence
from functools import cmp_to_key
from typing import Any, TypeVar

from spanframe import keys
from spanframe_store.contract.filter import Field, FieldKind
from spanframe_store.contract.search import Cursor, OrderTerm

__all__ = ["compare", "in_order", "place_of"]

T = TypeVar("T")

Value = Callable[[T, Field], Any]
"""Returns a field of a trace: a number or a text, None where it is absent."""


def in_order(
    found: Iterable[T],
    order: Sequence[OrderTerm],
    value: Value[T],
    after: Cursor | None = None,
) -> list[T]:
    """Return traces in the order of a search, from a place on.

    Args:
        found: the traces.
        order: the terms.
        value: returns a field of a trace.
        after: the place where the page before ended; None for the first page.
    """
    placed = [(place_of(each, order, value), each) for each in found]
    if after is not None:
        placed = [each for each in placed if compare(each[0], after, order) > 0]

    def by_place(left: tuple[Cursor, T], right: tuple[Cursor, T]) -> int:
        return compare(left[0], right[0], order)

    return [each for _, each in sorted(placed, key=cmp_to_key(by_place))]


def place_of(trace: T, order: Sequence[OrderTerm], value: Value[T]) -> Cursor:
    """Return the place of a trace in an order."""
    return tuple(_placed(term.field, value(trace, term.field)) for term in order)


def compare(left: Cursor, right: Cursor, order: Sequence[OrderTerm]) -> int:
    """Return -1, 0 or 1: whether a place comes before, at, or after another one.

    Texts compare by their UTF-8 bytes; an absent value comes last in both directions.
    """
    for term, a, b in zip(order, left, right, strict=True):
        if a is None or b is None:
            if (a is None) != (b is None):
                return 1 if a is None else -1
            continue
        x, y = _comparable(a), _comparable(b)
        if x != y:
            # Both are of the type of the term's field.
            is_less = x < y  # type: ignore[operator]
            return -1 if is_less != term.descending else 1
    return 0


def _placed(field: Field, value: Any) -> Any:
    """Return a value as a place holds it: of a request id its 16 bytes."""
    if field.kind is not FieldKind.REQUEST_ID:
        return value
    return bytes.fromhex(value.removeprefix(keys.REQUEST_ID_PREFIX))


def _comparable(value: str | int | bytes) -> int | bytes:
    return value.encode() if isinstance(value, str) else value
