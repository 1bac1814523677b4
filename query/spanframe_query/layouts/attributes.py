"""What a comparator means for a span attribute, whose type is known only when read."""

import operator
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any, Final

from sqlalchemy import ColumnElement, and_, or_

from spanframe_query.filter.compile import OPERATORS, Layout, compare_text
from spanframe_query.filter.matching import matcher
from spanframe_query.filter.nodes import Comparator, Condition
from spanframe_query.filter.values import stored_text
from spanframe_query.layouts.span_body import decoded_text, json_text

__all__ = ["attribute_matcher", "compare_attribute"]

_PATTERNS = (Comparator.LIKE, Comparator.ILIKE, Comparator.RLIKE)
_INT64_LIMIT = 1 << 63


def compare_attribute(
    text: ColumnElement[Any],
    number: ColumnElement[Any],
    condition: Condition,
    layout: Layout,
) -> ColumnElement[bool]:
    """Return an attribute compared with texts, numbers, or a list of both.

    A text compares with the text of the attribute, a number with its number; an
    attribute that is no number equals none.

    Args:
        text: the decoded attribute as text; NULL where it is absent.
        number: the attribute as a number; NULL where it is none.
        condition: the comparator and the value.
        layout: how patterns are compared.
    """
    comparator = condition.comparator
    if comparator in _PATTERNS:
        return compare_text(text, comparator, condition.texts, layout)
    texts = [stored_text(json_text(decoded_text(v))) for v in condition.texts]
    numbers = [_bound(value) for value in condition.numbers]
    match comparator:
        case Comparator.EQ | Comparator.IN:
            return or_(
                *([text.in_(texts)] if texts else []),
                *([number.in_(numbers)] if numbers else []),
            )
        case Comparator.NE | Comparator.NOT_IN:
            return and_(
                text.not_in(texts) if texts else text.is_not(None),
                *([or_(number.is_(None), number.not_in(numbers))] if numbers else []),
            )
        case _:
            return OPERATORS[comparator](number, numbers[0])


def attribute_matcher(
    condition: Condition,
) -> Callable[[str | None, float | None], bool]:
    """Return a function that compares a decoded attribute as `compare_attribute` does.

    It takes the attribute as text, None where it is absent, and as a number.
    """
    comparator = condition.comparator
    if comparator in _PATTERNS:
        fits = matcher(comparator, condition.texts)
        return lambda text, _: text is not None and fits(text)
    texts = {stored_text(json_text(decoded_text(v))) for v in condition.texts}
    numbers = [_bound(value) for value in condition.numbers]
    match comparator:
        case Comparator.EQ | Comparator.IN:
            return lambda text, number: text in texts or number in numbers
        case Comparator.NE | Comparator.NOT_IN:
            return lambda text, number: (
                text is not None and text not in texts and number not in numbers
            )
        case _:
            holds, bound = _ORDERINGS[comparator], numbers[0]
            return lambda _, number: number is not None and holds(number, bound)


_ORDERINGS: Final[Mapping[Comparator, Callable[[float, float], bool]]] = {
    Comparator.LT: operator.lt,
    Comparator.LE: operator.le,
    Comparator.GT: operator.gt,
    Comparator.GE: operator.ge,
}


def _bound(value: Decimal) -> float:
    """Return a number as a driver binds it: a 64-bit integer, else a double."""
    if -_INT64_LIMIT <= value < _INT64_LIMIT and value == value.to_integral_value():
        return int(value)
    return float(value)
