"""A checked search: what is searched for, in which order, which page of it."""

from dataclasses import dataclass
from typing import Final, NamedTuple

from spanframe_store.contract.filter import Field, FieldKind, Filter

__all__ = [
    "DEFAULT_ORDER",
    "SPAN_PLACE_LENGTH",
    "Cursor",
    "OrderTerm",
    "Search",
    "SpanPlace",
]


class OrderTerm(NamedTuple):
    """One field to order by; traces that lack it come last in both directions."""

    field: Field
    descending: bool

    def __str__(self) -> str:
        """Write the term the way ``order_by`` can read it back."""
        return f"{self.field} {'DESC' if self.descending else 'ASC'}"


DEFAULT_ORDER: Final = (
    OrderTerm(Field(FieldKind.TIMESTAMP_MS), descending=True),
    OrderTerm(Field(FieldKind.REQUEST_ID), descending=False),
)
"""The newest first, ties by trace id; every order ends with these two fields."""

Cursor = tuple[str | int | bytes | None, ...]
"""The place where a page ends: what its last row holds for each order term."""

SpanPlace = tuple[int, int, int]
"""The place of a span in its trace: start, 0 without a parent else 1, signed id."""

SPAN_PLACE_LENGTH: Final = 3
"""Values at the end of a cursor of spans, after those of the trace."""

_EVERY_TRACE: Final = Filter()


@dataclass(frozen=True, kw_only=True)
class Search:
    """A checked search; two stores with the same traces answer it the same way.

    Attributes:
        filter: the tree of conditions.
        order: a total order: no two traces are equal in all of its terms.
        experiment_ids: the experiments to look in; None for all of them.
        limit: the most traces to return, 0 or more; None for all.
        after: the place where the page before ended; None for the first page.
    """

    filter: Filter = _EVERY_TRACE
    order: tuple[OrderTerm, ...] = DEFAULT_ORDER
    experiment_ids: tuple[int, ...] | None = None
    limit: int | None = None
    after: Cursor | None = None
