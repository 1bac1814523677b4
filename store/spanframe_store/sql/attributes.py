"""Comparisons of a span attribute, as SQLAlchemy expressions."""

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

    A text compares with the text of the attribute, a number with its number. An
    attribute that is not a number equals no number.

    Args:
        text: the decoded attribute as text; NULL where the span does not have it.
        number: the attribute as a number; NULL where it is not one.
        condition: the comparator and the value.
        layout: the layout, which compares patterns.
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
