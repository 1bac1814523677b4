"""The conditions that the attribute index answers, and the index rows that do.

The index has one row per tag and metadata entry, clustered on (kind, key, value, time,
trace key). A value that is too long for the key is indexed by its beginning, and the
row holds the whole value as well.
"""

from typing import Any, Final

from sqlalchemy import ColumnElement, FromClause, Text, and_, func, or_

from spanframe_store.contract.filter import Comparator, Condition, Field, FieldKind
from spanframe_store.sql import schema
from spanframe_store.sql.computed import COMPUTED

__all__ = [
    "FALLBACKS",
    "can_be_walked",
    "entry_rows",
    "entry_text",
    "is_exact",
    "is_indexed",
    "is_ordered",
    "value_rows",
]

_KINDS: Final = {
    FieldKind.TAG: schema.KIND_TAG,
    FieldKind.METADATA: schema.KIND_METADATA,
}
# MLflow reads tags.name as the name of the trace; a tag of that key comes first.
FALLBACKS: Final = {Field(FieldKind.TAG, "name"): "name"}
_UNINDEXED: Final = frozenset(
    Field(FieldKind.METADATA, key) for key in schema.UNINDEXED_METADATA
)


def is_indexed(field: Field) -> bool:
    """Return whether the index has a row for every trace that has this field."""
    return (
        field.kind in _KINDS
        and len(field.key or "") <= schema.MAX_INDEXED_KEY_CHARS
        and field not in _UNINDEXED
        and field not in FALLBACKS
        and (field.kind, field.key) not in COMPUTED
    )


def can_be_walked(condition: Condition) -> bool:
    """Return whether a part of the index holds every trace that fulfils a condition."""
    return (
        is_indexed(condition.field) and condition.comparator is not Comparator.IS_NULL
    )


def is_exact(condition: Condition) -> bool:
    """Return whether that part holds no other traces, so nothing is left to check."""
    return condition.comparator in {
        Comparator.EQ,
        Comparator.IN,
        Comparator.IS_NOT_NULL,
    }


def is_ordered(condition: Condition) -> bool:
    """Return whether that part is one range in the order of time, of any size."""
    return can_be_walked(condition) and condition.comparator is Comparator.EQ


def entry_text(index: FromClause) -> ColumnElement[Any]:
    """Return the whole text of the entry in a row of the index."""
    return func.coalesce(index.c.whole_value, index.c.value, type_=Text)


def entry_rows(index: FromClause, field: Field) -> ColumnElement[bool]:
    """Return whether a row of the index is an entry under this key."""
    return and_(index.c.kind == _KINDS[field.kind], index.c.key == field.key)


def value_rows(index: FromClause, values: tuple[str, ...]) -> ColumnElement[bool]:
    """Return whether a row of the index holds one of ``values``."""
    length = schema.MAX_INDEXED_VALUE_CHARS
    short = [value for value in values if len(value) < length]
    alternatives: list[ColumnElement[bool]] = [
        and_(
            index.c.value == value[:length],
            index.c.whole_value.is_(None)
            if len(value) == length
            else index.c.whole_value == value,
        )
        for value in values
        if len(value) >= length
    ]
    if len(short) == 1:
        alternatives.append(index.c.value == short[0])
    elif short:
        alternatives.append(index.c.value.in_(short))
    return or_(*alternatives)
