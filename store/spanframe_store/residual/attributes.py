"""What a comparator means for a span attribute, whose type is known only when read.

A text compares with the text of the attribute, a number with its number; an attribute
that is not a number equals none.
"""

import operator
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Final

from spanframe_store.contract.filter import Comparator, Condition
from spanframe_store.contract.texts import stored_text
from spanframe_store.otlp.anyvalue import decoded_text, text_of
from spanframe_store.residual.matching import matcher

__all__ = ["attribute_matcher", "compared_number", "compared_text"]

_PATTERNS: Final = (Comparator.LIKE, Comparator.ILIKE, Comparator.RLIKE)
_INT64_LIMIT: Final = 1 << 63


def attribute_matcher(
    condition: Condition,
) -> Callable[[str | None, float | None], bool]:
    """Return a function that compares a decoded attribute by its text or its number.

    It takes the attribute as text, None where it is absent, and as a number.
    """
    comparator = condition.comparator
    if comparator in _PATTERNS:
        fits = matcher(comparator, condition.texts)
        return lambda text, _: text is not None and fits(text)
    texts = {compared_text(value) for value in condition.texts}
    numbers = [compared_number(value) for value in condition.numbers]
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


def compared_text(value: str) -> str:
    """Return the text that an attribute must have to equal a text of a filter."""
    return stored_text(text_of(decoded_text(value)))


def compared_number(value: Decimal) -> float:
    """Return a number as a driver binds it: a 64-bit integer, else a double."""
    if -_INT64_LIMIT <= value < _INT64_LIMIT and value == value.to_integral_value():
        return int(value)
    return float(value)
