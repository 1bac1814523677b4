"""The row layout of SQLite, and the SQL functions that it needs on a connection."""

from typing import Any, Final

from sqlalchemy import (
    ColumnElement,
    Float,
    Select,
    Text,
    UnaryExpression,
    cast,
    func,
    literal,
    select,
)
from sqlalchemy.sql.operators import custom_op

from spanframe import keys
from spanframe_store.contract.capabilities import Capability
from spanframe_store.contract.filter import Condition, FieldKind
from spanframe_store.residual.expressions import finder
from spanframe_store.sql import schema
from spanframe_store.sql.attributes import compare_attribute
from spanframe_store.sql.block_functions import BlockFunctions
from spanframe_store.sql.codecs import Codecs
from spanframe_store.sql.compile import compare_text
from spanframe_store.sql.layout import RowLayout

__all__ = ["SQLiteLayout", "install_functions"]

_ENTRIES: Final = {
    FieldKind.TAG: schema.traces.c.tags,
    FieldKind.METADATA: schema.traces.c.metadata,
}
_GLOB: Final = str.maketrans({"%": "*", "_": "?", "*": "[*]", "?": "[?]", "[": "[[]"})


class SQLiteLayout(RowLayout):
    """SQLite 3.38 or later, with `install_functions` called on each connection."""

    capabilities = frozenset(Capability)

    def request_id(self) -> ColumnElement[Any]:
        """Return the text of the trace id."""
        digits = func.lower(func.hex(schema.traces.c.trace_id), type_=Text)
        return literal(keys.REQUEST_ID_PREFIX, Text) + digits

    def entry(self, kind: FieldKind, key: str) -> ColumnElement[Any]:
        """Return the text of a tag or metadata entry, from the JSON on the row."""
        # The key is compared; in a JSON path its characters could have a meaning.
        entries = func.json_each(_ENTRIES[kind]).table_valued("key", "value")
        return select(entries.c.value).where(entries.c.key == key).scalar_subquery()

    def unindexed(self, column: ColumnElement[Any]) -> ColumnElement[Any]:
        """Return ``+column``, for which SQLite uses no index."""
        return UnaryExpression(column, operator=custom_op("+"), type_=column.type)

    def by_bytes(self, text: ColumnElement[Any]) -> ColumnElement[Any]:
        """Return the text as it is: SQLite orders by bytes."""
        return text

    def like(self, text: ColumnElement[Any], pattern: str) -> ColumnElement[bool]:
        """Return a GLOB, since SQLite's LIKE ignores the case of A to Z."""
        return text.bool_op("GLOB")(pattern.translate(_GLOB))

    def ilike(self, text: ColumnElement[Any], pattern: str) -> ColumnElement[bool]:
        """Return a LIKE: it ignores the case of A to Z and has no escape character."""
        return text.like(pattern)

    def rlike(self, text: ColumnElement[Any], pattern: str) -> ColumnElement[bool]:
        """Return a call of RE2."""
        return func.spanframe_rlike(text, pattern) == 1

    def amount(self, key: str, name: str) -> ColumnElement[Any]:
        """Return what follows the name: a CAST reads as far as a number goes.

        An app may have written the entry, and SQLite refuses text that is not JSON.
        """
        entry = func.json_extract(_ENTRIES[FieldKind.METADATA], f'$."{key}"')
        named = f'"{name}":'
        place = func.nullif(func.instr(entry, named), 0) + len(named)
        return cast(func.substr(entry, place), Float)

    def gathered(self, numbers: ColumnElement[int]) -> ColumnElement[str]:
        """Return a call of ``group_concat``, which leaves out what is NULL."""
        return func.group_concat(numbers, type_=Text)

    def apart(self, rows: Select[Any]) -> Select[Any]:
        """Return a select with a limit, so that SQLite does not merge it into another.

        Merged, an expression is evaluated wherever the other one names its column.
        """
        return rows.limit(-1)

    def span_body(self, condition: Condition) -> ColumnElement[bool]:
        """Return a condition on the decoded body of a span."""
        blocks, key = schema.span_blocks, condition.field.key
        place = (blocks.c.body, blocks.c.dictionary_key, schema.spans.c.position)
        if key is None:
            text = func.spanframe_content(*place, type_=Text)
            return compare_text(text, condition.comparator, condition.texts, self)
        return compare_attribute(
            func.spanframe_attribute_text(*place, key, type_=Text),
            func.spanframe_attribute_number(*place, key),
            condition,
            self,
        )


def install_functions(dbapi_connection: Any, codecs: Codecs) -> None:
    """Register on a sqlite3 connection the functions that filters call.

    Args:
        dbapi_connection: a connection of the sqlite3 module, as SQLAlchemy's
            ``connect`` event passes it.
        codecs: the codecs of the store; a statement on span bodies needs all of them.
    """
    blocks = BlockFunctions(codecs)
    for name, arguments, function in (
        ("spanframe_rlike", 2, _rlike),
        ("spanframe_content", 3, blocks.content),
        ("spanframe_attribute_text", 4, blocks.attribute_text),
        ("spanframe_attribute_number", 4, blocks.attribute_number),
    ):
        dbapi_connection.create_function(name, arguments, function, deterministic=True)


def _rlike(text: str | None, expression: str) -> bool | None:
    return None if text is None else finder(expression)(text)
