"""A filter tree → SQLAlchemy expressions over the tables of the row store.

This module defines what a comparator means, once for every database; the layout of a
database defines where a field is found. Values are bound, never written into a
statement.

The rules are MLflow's (3.17): a field that is absent fulfils no comparator but IS NULL,
``!=`` and NOT IN included; patterns match the whole text, ``%`` is any run of
characters and ``_`` is one, without an escape character; RLIKE finds its expression
anywhere. An expression may be NULL where its condition is false; only `Not` has to
tell the two apart.
"""

import operator
from collections.abc import Callable
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from typing import Any, Final, Protocol

from sqlalchemy import ColumnElement, and_, false, or_, true

from spanframe_store.contract.fields import NUMBER_KINDS
from spanframe_store.contract.filter import (
    And,
    Comparator,
    Condition,
    Field,
    Node,
    Not,
    Or,
    SomeSpan,
    conjuncts,
)

__all__ = [
    "OPERATORS",
    "FieldLayout",
    "compare_number",
    "compare_text",
    "compile_all",
    "compile_tree",
]

_INT64: Final = range(-(1 << 63), 1 << 63)
OPERATORS: Final[dict[Comparator, Callable[[Any, Any], ColumnElement[bool]]]] = {
    Comparator.EQ: operator.eq,
    Comparator.NE: operator.ne,
    Comparator.LT: operator.lt,
    Comparator.LE: operator.le,
    Comparator.GT: operator.gt,
    Comparator.GE: operator.ge,
}


class FieldLayout(Protocol):
    """Where a database keeps the fields of a trace, and how it compares them."""

    def text(self, field: Field) -> ColumnElement[Any]:
        """Return the text of a trace-level field; NULL where it is absent."""

    def number(self, field: Field) -> ColumnElement[Any]:
        """Return a trace-level integer; NULL where it is absent."""

    def equals(self, field: Field, values: tuple[str, ...]) -> ColumnElement[bool]:
        """Return whether a trace-level text field is one of ``values``."""

    def some_span(self, part: Node) -> ColumnElement[bool]:
        """Return whether one span of the trace fulfils a tree of conditions."""

    def like(self, text: ColumnElement[Any], pattern: str) -> ColumnElement[bool]:
        """Return whether a text fits a pattern, letter by letter."""

    def ilike(self, text: ColumnElement[Any], pattern: str) -> ColumnElement[bool]:
        """Return whether a text fits a pattern when A to Z equal a to z."""

    def rlike(self, text: ColumnElement[Any], pattern: str) -> ColumnElement[bool]:
        """Return whether a regular expression (RE2) is found in a text."""


def compile_all(root: Node, layout: FieldLayout) -> list[ColumnElement[bool]]:
    """Return the expressions that must all hold for a trace to fulfil a tree."""

    def leaf(node: Condition | SomeSpan) -> ColumnElement[bool]:
        if isinstance(node, SomeSpan):
            return layout.some_span(node.part)
        return _trace_condition(node, layout)

    return [compile_tree(part, leaf) for part in conjuncts(root)]


def compile_tree(
    node: Node, leaf: Callable[[Condition | SomeSpan], ColumnElement[bool]]
) -> ColumnElement[bool]:
    """Return the expression of a tree.

    Args:
        node: the tree.
        leaf: returns the expression of a condition or of a group of spans.
    """
    match node:
        case And(parts):
            return and_(true(), *(compile_tree(part, leaf) for part in parts))
        case Or(parts):
            return or_(false(), *(compile_tree(part, leaf) for part in parts))
        case Not(part):
            # A condition on an absent field does not hold, so its opposite does.
            return compile_tree(part, leaf).is_not(true())
        case _:
            return leaf(node)


def _trace_condition(condition: Condition, layout: FieldLayout) -> ColumnElement[bool]:
    field, comparator = condition.field, condition.comparator
    if field.kind in NUMBER_KINDS:
        return compare_number(layout.number(field), comparator, condition.numbers[0])
    if comparator in {Comparator.EQ, Comparator.IN}:
        return layout.equals(field, condition.texts)
    return compare_text(layout.text(field), comparator, condition.texts, layout)


def compare_text(  # noqa: PLR0911  # one for each comparator
    text: ColumnElement[Any],
    comparator: Comparator,
    values: tuple[str, ...],
    layout: FieldLayout,
) -> ColumnElement[bool]:
    """Return a text compared with the value, or the values of a list."""
    match comparator:
        case Comparator.EQ | Comparator.IN:
            return text == values[0] if len(values) == 1 else text.in_(values)
        case Comparator.NE | Comparator.NOT_IN:
            return text != values[0] if len(values) == 1 else text.not_in(values)
        case Comparator.IS_NULL:
            return text.is_(None)
        case Comparator.IS_NOT_NULL:
            return text.is_not(None)
        case Comparator.LIKE:
            if "%" not in values[0] and "_" not in values[0]:
                return text == values[0]
            return layout.like(text, values[0])
        case Comparator.ILIKE:
            return layout.ilike(text, values[0])
        case Comparator.RLIKE:
            return layout.rlike(text, values[0])
        case _:
            raise AssertionError(comparator)


def compare_number(
    number: ColumnElement[Any], comparator: Comparator, value: Decimal
) -> ColumnElement[bool]:
    """Return an integer compared with an exact number of any size and precision.

    The number is first rounded to the integer that gives the same result, so that every
    bound value is a 64-bit integer and no comparison loses precision.
    """
    always, never = number.is_not(None), false()
    # `< 5.5` means `< 6`, and `<= 5.5` means `<= 5`.
    rounds_up = comparator in {Comparator.LT, Comparator.GE}
    bound = _whole(value, ROUND_CEILING if rounds_up else ROUND_FLOOR)
    if comparator in {Comparator.EQ, Comparator.NE}:
        holds = comparator is Comparator.NE
        comparable = bound == value
    else:
        holds = (comparator in {Comparator.LT, Comparator.LE}) == (bound > 0)
        comparable = True
    if comparable and bound in _INT64:
        return OPERATORS[comparator](number, bound)
    return always if holds else never


def _whole(value: Decimal, rounding: str) -> int:
    """Round a number of any exponent without computing all of its digits."""
    if not _INT64.start <= value < _INT64.stop:
        return _INT64.stop if value > 0 else _INT64.start - 1
    return int(value.to_integral_value(rounding))
