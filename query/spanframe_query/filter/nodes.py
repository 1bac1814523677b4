"""What the parser makes of a filter: clauses as they are written.

Every node is frozen and knows its place in the source, so that any later step can
point at it.
"""

from typing import NamedTuple

from spanframe_store.contract.filter import Comparator, SourceRange

__all__ = ["Comparison", "Key", "Literal"]


class Key(NamedTuple):
    """What stands left of a comparator: an optional scope and a name."""

    scope: str | None
    name: str
    place: SourceRange


class Literal(NamedTuple):
    """A value as written, without its quotes."""

    text: str
    is_number: bool
    place: SourceRange


class Comparison(NamedTuple):
    """One clause as written; ``values`` has one literal, or those of a list."""

    key: Key
    comparator: Comparator
    comparator_place: SourceRange
    values: tuple[Literal, ...]
