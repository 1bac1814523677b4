"""The row layout of PostgreSQL."""

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import (
    ARRAY,
    BigInteger,
    ColumnElement,
    Double,
    Text,
    and_,
    any_,
    cast,
    collate,
    func,
    literal,
    literal_column,
)
from sqlalchemy.dialects.postgresql import JSONB

from spanframe import keys
from spanframe_store.contract.capabilities import Capability
from spanframe_store.contract.filter import Field, FieldKind, Node
from spanframe_store.sql import schema
from spanframe_store.sql.layout import RowLayout

__all__ = ["PostgreSQLLayout"]

_ENTRIES: Final = {
    FieldKind.TAG: schema.traces.c.tags,
    FieldKind.METADATA: schema.traces.c.metadata,
}
_NAMES: Final = {Field(FieldKind.NAME), Field(FieldKind.TAG, keys.TAG_TRACE_NAME)}
_BYTE_COLLATION: Final = "C"
"""The collation that compares text by its bytes."""

_AMOUNT: Final = r"([0-9]{1,30}(?:\.[0-9]{1,30})?(?:[eE][-+]?[0-9]{1,2})?)"
"""A number that any double holds."""


class PostgreSQLLayout(RowLayout):
    """PostgreSQL 15 or later."""

    capabilities = frozenset({Capability.ALTERNATIVES})

    def request_id(self) -> ColumnElement[Any]:
        """Return the text of the trace id."""
        digits = func.encode(schema.traces.c.trace_id, "hex", type_=Text)
        return literal(keys.REQUEST_ID_PREFIX, Text) + digits

    def entry(self, kind: FieldKind, key: str) -> ColumnElement[Any]:
        """Return the text of a tag or metadata entry, from the JSON on the row."""
        text: ColumnElement[Any] = cast(_ENTRIES[kind], JSONB)[key].astext
        return text

    def equals(self, field: Field, values: tuple[str, ...]) -> ColumnElement[bool]:
        """Return whether a trace-level text field is one of ``values``."""
        equal = super().equals(field, values)
        longest = max(len(value.encode()) for value in values)
        if field not in _NAMES or longest > schema.MAX_INDEXED_NAME_BYTES:
            return equal
        # The equality implies this, and the partial index of names requires it.
        size = func.octet_length(self.column("name"))
        return and_(equal, size <= literal_column(str(schema.MAX_INDEXED_NAME_BYTES)))

    def is_key_of(
        self, column: ColumnElement[int], keys: Sequence[int]
    ) -> ColumnElement[bool]:
        """Return whether a column holds one of some keys.

        The keys are bound as one array. The statement is the same for any number of
        keys, so the driver does not bind thousands of values, and the server has
        prepared it.
        """
        return column == any_(literal(list(keys), ARRAY(BigInteger)))

    def of_signatures(self, part: Node) -> ColumnElement[bool]:
        """Return whether name, type and status of a span fulfil a tree.

        The array makes the server find the keys once, and not for each span.
        """
        keys = self.signatures(part).scalar_subquery()
        return schema.spans.c.kind_key == any_(func.array(keys))

    def unindexed(self, column: ColumnElement[Any]) -> ColumnElement[Any]:
        """Return the column as it is: the planner decides by its statistics."""
        return column

    def by_bytes(self, text: ColumnElement[Any]) -> ColumnElement[Any]:
        """Return the text ordered by its bytes, whatever the database's collation."""
        return collate(text, _BYTE_COLLATION)

    def like(self, text: ColumnElement[Any], pattern: str) -> ColumnElement[bool]:
        """Return a LIKE without an escape character."""
        return text.like(_unescaped(pattern))

    def ilike(self, text: ColumnElement[Any], pattern: str) -> ColumnElement[bool]:
        """Return a LIKE of lower-case letters; the collation folds A to Z only."""
        lower = func.lower(collate(text, _BYTE_COLLATION), type_=Text)
        return lower.like(
            func.lower(collate(literal(_unescaped(pattern)), _BYTE_COLLATION))
        )

    def amount(self, key: str, name: str) -> ColumnElement[Any]:
        """Return what follows the name, as far as a number goes.

        An app may have written the entry, and PostgreSQL refuses text that is not JSON.
        """
        number = func.substring(
            self.entry(FieldKind.METADATA, key), f'"{name}": *{_AMOUNT}', type_=Text
        )
        return cast(number, Double)

    def gathered(self, numbers: ColumnElement[int]) -> ColumnElement[str]:
        """Return a call of ``string_agg``, which leaves out what is NULL."""
        return func.string_agg(cast(numbers, Text), ",", type_=Text)


def _unescaped(pattern: str) -> str:
    r"""Return a pattern in which ``\``, PostgreSQL's escape, stands for itself."""
    return pattern.replace("\\", "\\\\")
