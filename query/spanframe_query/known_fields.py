"""What a store can be searched by: its tags, metadata and span attributes."""

from collections.abc import Iterable, Iterator
from typing import Any, Final

import pandas as pd
from sqlalchemy import Connection, func, select

from spanframe_collector.store.schema import (
    KIND_METADATA,
    KIND_TAG,
    attribute_index,
    scopes,
    spans,
)
from spanframe_query.entities import Span
from spanframe_query.filter import Field, FieldKind
from spanframe_query.reader import SPAN_COLUMNS, connection, stored_span
from spanframe_query.scope import store_url
from spanframe_query.stores import reading

__all__ = ["SAMPLED_SPANS", "fields"]

SAMPLED_SPANS: Final = 1000
"""Span attributes are those of so many spans of the newest traces."""

_OWN_PREFIX: Final = "mlflow."
_EXAMPLE_LENGTH: Final = 80
_KINDS: Final = {KIND_TAG: FieldKind.TAG, KIND_METADATA: FieldKind.METADATA}


_COLUMNS: Final = ("field", "type", "count", "example")
_Row = tuple[str, str, int, str]


def fields(sql_warehouse_id: str | None = None) -> pd.DataFrame:
    """List what the traces of a store can be searched by, beside the fixed fields.

    Args:
        sql_warehouse_id: the store that the setting ``warehouses`` has under this name.

    Returns:
        A row for each tag, metadata entry and span attribute: ``field`` as a filter
        writes it, ``type`` (``text`` or ``number``), ``count`` of the traces that have
        it (of span attributes: of the `SAMPLED_SPANS` newest spans), ``example``.

    Raises:
        StoreError: when the store cannot be read.
    """
    with connection(reading(store_url(sql_warehouse_id))) as connected:
        known = [*_entries(connected), *_span_attributes(connected)]
    frame = pd.DataFrame(known, columns=_COLUMNS)
    return frame.astype({"count": "int64"})


def _entries(connected: Connection) -> Iterator[_Row]:
    kind, key = attribute_index.c.kind, attribute_index.c.key
    statement = (
        select(kind, key, func.count(), func.min(attribute_index.c.value))
        .group_by(kind, key)
        .order_by(kind, key)
    )
    for number, name, count, example in connected.execute(statement):
        field = str(Field(_KINDS[number], name))
        yield field, "text", count, example[:_EXAMPLE_LENGTH]


def _span_attributes(connected: Connection) -> Iterator[_Row]:
    statement = (
        select(*SPAN_COLUMNS)
        .join_from(spans, scopes, spans.c.scope_key == scopes.c.scope_key)
        .order_by(spans.c.trace_key.desc())
        .limit(SAMPLED_SPANS)
    )
    values: dict[str, list[Any]] = {}
    for row in connected.execute(statement):
        for key, value in Span(stored_span(row)).attributes.items():
            # MLflow's own keys have fields of their own: span.type, span.content.
            if not key.startswith(_OWN_PREFIX):
                values.setdefault(key, []).append(value)
    for key in sorted(values):
        field = str(Field(FieldKind.SPAN_ATTRIBUTE, key))
        example = str(values[key][0])[:_EXAMPLE_LENGTH]
        yield field, _type(values[key]), len(values[key]), example


def _type(values: Iterable[Any]) -> str:
    numeric = all(
        isinstance(v, int | float) and not isinstance(v, bool) for v in values
    )
    return "number" if numeric else "text"
