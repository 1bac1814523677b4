"""Tags and metadata that MLflow 3.17 shows and the row stores do not keep as entries.

Each is defined once, as an expression for filters and as values for the entities that
are built from rows, so that a filter finds what a trace shows.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import repeat
from typing import Any, Final

from sqlalchemy import ColumnElement, Text, case, cast, func, literal

from spanframe import keys
from spanframe_store.contract.filter import FieldKind
from spanframe_store.otlp.computed import (
    ARTIFACT_PREFIX,
    SCHEMA_VERSION,
    SPANS_LOCATION,
)
from spanframe_store.otlp.previews import (
    ELLIPSIS,
    MAX_METADATA_CHARS,
    cut,
)

__all__ = ["COMPUTED", "Computed", "add_computed"]

Columns = Callable[[str], ColumnElement[Any]]
"""Function of a column name of the trace row, or ``request_id``: its expression."""

Fetched = Mapping[str, Sequence[Any]]
"""Fetched rows of ``schema.traces``, column by column, with ``request_id``."""


@dataclass(frozen=True, slots=True)
class Computed:
    """An entry that follows from the columns of a trace row.

    Attributes:
        expression: the entry in a statement.
        values: the entries of fetched rows; None where one is absent.
    """

    expression: Callable[[Columns], ColumnElement[Any]]
    values: Callable[[Fetched], Iterable[str | None]]


def _column(name: str) -> Computed:
    return Computed(lambda column: column(name), lambda rows: rows[name])


def _column_or_preview(name: str, preview: str) -> Computed:
    """Return a column that is NULL where it equals the preview, cut."""

    def expression(column: Columns) -> ColumnElement[Any]:
        shown = column(preview)
        beginning = func.substr(
            shown, 1, MAX_METADATA_CHARS - len(ELLIPSIS), type_=Text
        )
        is_short = func.length(shown) <= MAX_METADATA_CHARS
        cut_preview = case((is_short, shown), else_=beginning + ELLIPSIS)
        return func.coalesce(column(name), cut_preview, type_=Text)

    def values(rows: Fetched) -> Iterable[str | None]:
        return [
            text
            if text is not None or shown is None
            else shown
            if len(shown) <= MAX_METADATA_CHARS
            else cut(shown, MAX_METADATA_CHARS)
            for text, shown in zip(rows[name], rows[preview], strict=True)
        ]

    return Computed(expression, values)


def _constant(text: str) -> Computed:
    return Computed(lambda _: literal(text, Text), lambda _: repeat(text))


COMPUTED: Final[Mapping[tuple[FieldKind, str], Computed]] = {
    (FieldKind.TAG, keys.TAG_TRACE_NAME): _column("name"),
    (FieldKind.TAG, keys.TAG_ARTIFACT_LOCATION): Computed(
        lambda column: literal(ARTIFACT_PREFIX, Text) + column("request_id"),
        lambda rows: map(ARTIFACT_PREFIX.__add__, rows["request_id"]),
    ),
    (FieldKind.TAG, keys.TAG_SPANS_LOCATION): _constant(SPANS_LOCATION),
    (FieldKind.METADATA, keys.META_TRACE_INPUTS): _column_or_preview(
        "trace_inputs", "request_preview"
    ),
    (FieldKind.METADATA, keys.META_TRACE_OUTPUTS): _column_or_preview(
        "trace_outputs", "response_preview"
    ),
    (FieldKind.METADATA, keys.META_SCHEMA_VERSION): _constant(SCHEMA_VERSION),
    (FieldKind.METADATA, keys.META_SIZE_BYTES): Computed(
        lambda column: cast(column("size_bytes"), Text),
        lambda rows: map(str, rows["size_bytes"]),
    ),
}


def add_computed(
    kind: FieldKind, entries: Sequence[dict[str, str]], rows: Fetched
) -> None:
    """Add the computed tags or metadata to the entries of each fetched row."""
    for (entry_kind, key), computed in COMPUTED.items():
        if entry_kind is not kind:
            continue
        for each, value in zip(entries, computed.values(rows), strict=False):
            if value is not None:
                each[key] = value
