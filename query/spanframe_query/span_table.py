"""Columns of spans → a DataFrame, a PyArrow table, or a dictionary for each span."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Final, NamedTuple

import pandas as pd

from spanframe import keys
from spanframe_query.arrow import table_of
from spanframe_query.arrow_types import arrow_array, arrow_type, pyarrow
from spanframe_query.columns import Kind
from spanframe_query.entities.json_cells import JsonText, json_cell
from spanframe_query.entities.json_text import json_text
from spanframe_query.frame import frame_of
from spanframe_store.contract.results import SpanColumns

__all__ = ["SPAN_COLUMNS", "SpanColumn", "span_frame", "span_rows", "span_table"]

_ATTRIBUTE_PREFIX: Final = "attributes."
_MAX_INT64: Final = (1 << 63) - 1
_NS_OF_MS: Final = 1e6


class SpanColumn(NamedTuple):
    """A column of a search for spans.

    Attributes:
        name: the name.
        kind: the type of its cells.
        cells: returns them; a JSON value as its text.
        sentence: the description, for the documentation.
    """

    name: str
    kind: Kind
    cells: Callable[[SpanColumns], Sequence[Any]]
    sentence: str


def _trace_ids(spans: SpanColumns) -> list[str]:
    prefix = keys.REQUEST_ID_PREFIX
    return [prefix + each.hex() for each in spans.trace_id]


def _times(values: Iterable[int]) -> list[int | None]:
    return [value if 0 < value <= _MAX_INT64 else None for value in values]


def _durations(spans: SpanColumns) -> list[float | None]:
    times = zip(spans.start_ns, spans.end_ns, strict=True)
    return [(b - a) / _NS_OF_MS if a and b else None for a, b in times]


SPAN_COLUMNS: Final = (
    SpanColumn("trace_id", "text", _trace_ids, "Trace id, tr- and 32 hex digits."),
    SpanColumn(
        "span_id", "text", lambda s: [i.hex() for i in s.span_id], "16 hex digits."
    ),
    SpanColumn(
        "parent_id",
        "text",
        lambda s: [i and i.hex() for i in s.parent_id],
        "Span id of the parent; missing for a root.",
    ),
    SpanColumn("name", "text", lambda s: s.name, "Name."),
    SpanColumn("type", "text", lambda s: s.type, "LLM, TOOL, …, UNKNOWN."),
    SpanColumn("service", "text", lambda s: s.service, "Service that sent it."),
    SpanColumn("start", "time", lambda s: _times(s.start_ns), "Start, UTC."),
    SpanColumn(
        "end", "time", lambda s: _times(s.end_ns), "End, UTC; missing before it ends."
    ),
    SpanColumn("duration_ms", "number", _durations, "Duration in ms."),
    SpanColumn("status", "text", lambda s: s.status, "UNSET, OK or ERROR."),
    SpanColumn("error_type", "text", lambda s: s.error_type, "Type of its exception."),
    SpanColumn("error_message", "text", lambda s: s.error_message, "Why it failed."),
    SpanColumn("inputs", "json", lambda s: s.inputs, "Inputs, decoded from JSON."),
    SpanColumn("outputs", "json", lambda s: s.outputs, "Outputs, decoded from JSON."),
    SpanColumn("model", "text", lambda s: s.model, "Called model."),
    SpanColumn("provider", "text", lambda s: s.provider, "Who serves the model."),
    SpanColumn(
        "input_tokens", "integer or missing", lambda s: s.input_tokens, "Input tokens."
    ),
    SpanColumn(
        "output_tokens",
        "integer or missing",
        lambda s: s.output_tokens,
        "Output tokens.",
    ),
    SpanColumn(
        "total_tokens", "integer or missing", lambda s: s.total_tokens, "All tokens."
    ),
    SpanColumn("cost_usd", "number", lambda s: s.cost_usd, "Cost in USD."),
)
"""The columns of a search for spans; one for each attribute that is asked for follows.
"""


def span_frame(pages: Iterable[SpanColumns], attributes: Sequence[str]) -> pd.DataFrame:
    """Return pages of spans as a DataFrame, one row per span."""
    cells: list[list[Any]] = [[] for _ in SPAN_COLUMNS]
    asked: list[list[Any]] = [[] for _ in attributes]
    for page in pages:
        _extend(cells, [_pandas_cells(column, page) for column in SPAN_COLUMNS])
        _extend(asked, page.attributes)
    named: list[tuple[str, Kind, Sequence[Any]]] = [
        (column.name, column.kind, values)
        for column, values in zip(SPAN_COLUMNS, cells, strict=True)
    ]
    named += _attribute_columns(attributes, asked)
    return frame_of(named, len(cells[0]))


def span_table(pages: Iterable[SpanColumns], attributes: Sequence[str]) -> Any:
    """Return pages of spans as a ``pyarrow.Table``, one row per span."""
    arrow = pyarrow()
    schema = arrow.schema([(c.name, arrow_type(c.kind)) for c in SPAN_COLUMNS])
    # A JSON value is JSON text there, and it is that already.
    kinds = ["text" if c.kind == "json" else c.kind for c in SPAN_COLUMNS]
    asked: list[list[Any]] = [[] for _ in attributes]
    tables = [schema.empty_table()]
    for page in pages:
        cells = (column.cells(page) for column in SPAN_COLUMNS)
        tables.append(table_of(schema, kinds, cells))
        _extend(asked, page.attributes)
    table = arrow.concat_tables(tables)
    for name, kind, values in _attribute_columns(attributes, asked):
        table = table.append_column(name, arrow_array(kind, values))
    return table


def span_rows(
    pages: Iterable[SpanColumns], attributes: Sequence[str]
) -> Iterator[dict[str, Any]]:
    """Yield a dictionary for each span, None where it lacks a value."""
    names = [column.name for column in SPAN_COLUMNS]
    names += [_ATTRIBUTE_PREFIX + key for key in attributes]
    for page in pages:
        cells = [_values(column, page) for column in SPAN_COLUMNS]
        for row in zip(*cells, *page.attributes, strict=True):
            yield dict(zip(names, row, strict=True))


def _pandas_cells(column: SpanColumn, page: SpanColumns) -> Sequence[Any]:
    cells = column.cells(page)
    return _as_json(cells) if column.kind == "json" else cells


def _values(column: SpanColumn, page: SpanColumns) -> Iterable[Any]:
    cells = _pandas_cells(column, page)
    if column.kind == "json":
        return map(json_cell, cells)
    if column.kind == "time":
        return [None if c is None else pd.Timestamp(c, tz="UTC") for c in cells]
    return cells


def _as_json(texts: Iterable[str | None]) -> list[JsonText | None]:
    return [None if text is None else JsonText(text) for text in texts]


def _extend(columns: Sequence[list[Any]], more: Sequence[Sequence[Any]]) -> None:
    for known, values in zip(columns, more, strict=True):
        known.extend(values)


def _attribute_columns(
    attributes: Sequence[str], asked: Iterable[list[Any]]
) -> list[tuple[str, Kind, Sequence[Any]]]:
    """Return the columns of attributes, whose type follows from their values."""
    return [
        (_ATTRIBUTE_PREFIX + key, *_typed(values))
        for key, values in zip(attributes, asked, strict=True)
    ]


def _typed(values: list[Any]) -> tuple[Kind, list[Any]]:
    types = {type(value) for value in values} - {type(None)}
    if types == {bool}:
        return "boolean", values
    if types == {int} and all(v is None or abs(v) <= _MAX_INT64 for v in values):
        return "integer or missing", values
    if types and types <= {int, float}:
        return "number", [None if v is None else float(v) for v in values]
    return "text", [v if v is None or type(v) is str else json_text(v) for v in values]
