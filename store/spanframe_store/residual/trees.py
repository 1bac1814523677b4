"""A filter tree as a function: whether what is asked about fulfils it."""

from collections.abc import Callable
from typing import TypeVar

from spanframe_store.contract.filter import And, Condition, Node, Not, Or, SomeSpan

__all__ = ["compiled"]

T = TypeVar("T")

Leaf = Condition | SomeSpan


def compiled(
    node: Node, leaf: Callable[[Leaf], Callable[[T], bool]]
) -> Callable[[T], bool]:
    """Return a function that tells whether a thing fulfils a tree.

    Args:
        node: the tree.
        leaf: returns the function of a condition, or of a group of spans.

    Example:
        >>> from spanframe_store.contract.filter import Comparator, Field, FieldKind
        >>> ok = Condition(Field(FieldKind.STATUS), Comparator.EQ, "OK")
        >>> failed = compiled(Not(ok), lambda each: lambda status: status in each.texts)
        >>> failed("ERROR")
        True
    """
    match node:
        case And(parts):
            every = [compiled(part, leaf) for part in parts]
            return lambda thing: all(holds(thing) for holds in every)
        case Or(parts):
            some = [compiled(part, leaf) for part in parts]
            return lambda thing: any(holds(thing) for holds in some)
        case Not(part):
            opposite = compiled(part, leaf)
            return lambda thing: not opposite(thing)
        case _:
            return leaf(node)
