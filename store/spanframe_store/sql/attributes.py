"""What a comparator means for a span attribute, as an expression."""

from typing import Any, Final

from sqlalchemy import ColumnElement, and_, or_

from spanframe_store.contract.filter import Comparator, Condition
from spanframe_store.residual.attributes import compared_number, compared_text
from spanframe_store.sql.compile import OPERATORS, FieldLayout, compare_text

__all__ = ["compare_attribute"]

_PATTERNS: Final = (Comparator.LIKE, Comparator.ILIKE, Comparator.RLIKE)


def compare_attribute(
    text: ColumnElement[Any],
    number: ColumnElement[Any],
    condition: Condition,
    layout: FieldLayout,
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
    texts = [compared_text(value) for value in condition.texts]
    numbers = [compared_number(value) for value in condition.numbers]
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
