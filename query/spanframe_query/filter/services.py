"""The field ``service``: a service that has spans in the trace.

A trace of one service has it as the tag ``service.name``; one of several names each in
a metadata entry. So a clause on ``service`` is a choice of two, as no other clause is.
"""

from typing import Final

from spanframe import keys
from spanframe_query.filter.errors import fail
from spanframe_query.filter.nodes import Comparison, Key
from spanframe_query.filter.values import checked_value
from spanframe_store.contract.fields import Type
from spanframe_store.contract.filter import (
    Comparator,
    Condition,
    Field,
    FieldKind,
    Node,
    Not,
    Or,
    SourceRange,
)

__all__ = ["SERVICE", "is_service", "service_node"]

SERVICE: Final = "service"
_COMPARATORS: Final = {
    Comparator.EQ: True,
    Comparator.IN: True,
    Comparator.NE: False,
    Comparator.NOT_IN: False,
}
"""The comparators, and whether a service of the trace has to be among the values."""


def is_service(key: Key) -> bool:
    """Tell whether a key names the field."""
    return key.name == SERVICE and key.scope in {
        None,
        "attribute",
        "attributes",
        "trace",
    }


def service_node(source: str, comparison: Comparison) -> Node:
    """Return the tree of a clause on the field.

    Raises:
        FilterError: when the comparator or a value does not fit.
    """
    key, comparator = comparison.key, comparison.comparator
    if comparator not in _COMPARATORS:
        title = f"{SERVICE} is not compared by {comparator}"
        hint = f"Write one of {' '.join(_COMPARATORS)}"
        fail(title, source, comparison.comparator_place, hint)
    texts = [
        str(checked_value(source, SERVICE, Type.TEXT, comparator, literal))
        for literal in comparison.values
    ]
    place = SourceRange(key.place.start, comparison.values[-1].place.end)
    tag = Field(FieldKind.TAG, keys.SERVICE_NAME)
    choice = Or(
        tuple(
            condition
            for text in texts
            for condition in (
                Condition(tag, Comparator.EQ, text, place),
                Condition(_entry(text), Comparator.IS_NOT_NULL, None, place),
            )
        )
    )
    return choice if _COMPARATORS[comparator] else Not(choice)


def _entry(service: str) -> Field:
    return Field(FieldKind.METADATA, keys.META_SERVICE_PREFIX + service)
