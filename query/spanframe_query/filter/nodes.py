"""The parse tree of a filter: its clauses as they are written.

Every node has its place in the source, so that any later step can point at it.
"""

from typing import NamedTuple

from spanframe_store.contract.filter import Comparator, SourceRange

__all__ = ["Comparison", "Key", "Literal"]


class Key(NamedTuple):
    """The left side of a comparator: an optional scope and a name."""

    scope: str | None
    name: str
    place: SourceRange


class Literal(NamedTuple):
    """A value as written, without its quotes."""

    text: str
    is_number: bool
    place: SourceRange


class Comparison(NamedTuple):
    """A clause as written; ``values`` has one literal, or those of a list."""

    key: Key
    comparator: Comparator
    comparator_place: SourceRange
    values: tuple[Literal, ...]
