"""What a store can be searched by: its tags, metadata and span attributes."""

from collections.abc import Iterable, Iterator
from difflib import get_close_matches
from typing import Any, Final

import pandas as pd
from sqlalchemy import Connection, Engine, func, select

from spanframe_collector.store.schema import (
    KIND_METADATA,
    KIND_TAG,
    attribute_index,
)
from spanframe_query.entities import Span
from spanframe_query.filter import Field, FieldKind, Filter
from spanframe_query.layouts.index import is_indexed
from spanframe_query.reader import connection, sample_spans
from spanframe_query.scope import store_url
from spanframe_query.stores import reading

__all__ = ["SAMPLED_SPANS", "fields", "misspellings"]

SAMPLED_SPANS: Final = 1000
"""Span attributes are those of so many spans of the newest traces."""

_OWN_PREFIX: Final = "mlflow."
_EXAMPLE_LENGTH: Final = 80
_KINDS: Final = {KIND_TAG: FieldKind.TAG, KIND_METADATA: FieldKind.METADATA}


_COLUMNS: Final = ("field", "type", "count", "example")
_Row = tuple[str, str, int, str]


_OWNERS: Final = {
    FieldKind.TAG: "No trace has",
    FieldKind.METADATA: "No trace has",
    FieldKind.SPAN_ATTRIBUTE: "None of the newest spans has",
}


def misspellings(engine: Engine, filter_: Filter) -> list[str]:
    """Say of each key in a filter that nothing has what it may have meant.

    For after a search that found nothing: a key that is not there is no error, as the
    next trace may bring it.

    Raises:
        StoreError: when the store cannot be read.
    """
    asked = [c.field for c in filter_.conditions if _may_be_misspelt(c.field)]
    if not asked:
        return []
    with connection(engine) as connected:
        known = {row[0] for row in _entries(connected)}
        known.update(row[0] for row in _span_attributes(connected))
    hints = []
    for field in asked:
        if str(field) not in known:
            close = get_close_matches(str(field), known, n=1)
            hint = f" Did you mean {close[0]}?" if close else ""
            hints.append(f"{_OWNERS[field.kind]} {field}.{hint}")
    return hints


def _may_be_misspelt(field: Field) -> bool:
    """Whether ``field`` is one of those that `fields` lists when a store has them."""
    if field.kind is FieldKind.SPAN_ATTRIBUTE:
        return not (field.key or "").startswith(_OWN_PREFIX)
    return is_indexed(field)


def fields(sql_warehouse_id: str | None = None) -> pd.DataFrame:
    """List what the traces of a store can be searched by, beside the fixed fields.

    Args:
        sql_warehouse_id: the store that the setting ``warehouses`` has under this name.

    Returns:
        A row for each tag, metadata entry (but token usage) and span attribute:
        ``field`` as a filter writes it, ``type`` (``text`` or ``number``), ``count`` of
        the traces that have it (of span attributes: of the `SAMPLED_SPANS` newest
        spans), ``example``.

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
    values: dict[str, list[Any]] = {}
    for stored in sample_spans(connected, SAMPLED_SPANS):
        for key, value in Span(stored).attributes.items():
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
