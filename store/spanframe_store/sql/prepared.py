"""Splits a search into the part that a database serves and the part that is left.

The database narrows and orders the traces by what it serves; `residual` checks the rest
of the filter on the rows it finds.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from spanframe_store.contract.fields import ROWS
from spanframe_store.contract.filter import (
    And,
    Comparator,
    Condition,
    Filter,
    Node,
    SomeSpan,
    conjuncts,
)
from spanframe_store.contract.search import Search
from spanframe_store.sql.database import Database
from spanframe_store.sql.layout import RowLayout
from spanframe_store.sql.plans import WALK_TRACES

__all__ = ["Prepared", "prepare"]


@dataclass(frozen=True)
class Prepared:
    """A search, prepared for one database.

    Attributes:
        database: the database.
        search: the part of the search that its statements serve; often all of it.
        left: the parts of the filter that have to be checked on the rows it finds.
    """

    database: Database
    search: Search
    left: tuple[Node, ...]


def prepare(search: Search, database: Database) -> Prepared:
    """Split a search into the part that a database serves and the part that is left."""
    layout = database.layout(WALK_TRACES)
    served: list[Node] = []
    left: list[Node] = []
    for part in conjuncts(search.filter.root):
        if layout.serves(part):
            served.append(part)
        else:
            left.append(part)
            served += _implied(part, layout)
    filter_ = Filter(And(tuple(served)), search.filter.source)
    return Prepared(database, replace(search, filter=filter_), tuple(left))


def _implied(part: Node, layout: RowLayout) -> Iterator[Node]:
    """Yield what a part implies and the database serves: it narrows the search."""
    if isinstance(part, SomeSpan):
        served = [each for each in conjuncts(part.part) if layout.serves(each)]
        if served:
            yield SomeSpan(And(tuple(served)))
    elif isinstance(part, Condition):
        is_present = Comparator.IS_NOT_NULL
        if is_present in ROWS[part.field.kind].comparators:
            yield replace(part, comparator=is_present, value=None)
