"""Traces to a PyArrow table, without pandas in between; pure.

Tags and metadata are maps from text to text; what can be any JSON value (request,
response, spans, extracted fields) is JSON text.
"""

import importlib
import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from spanframe.errors import MissingExtraError
from spanframe_query.columns import LAYOUTS, Column
from spanframe_query.entities import SpanDicts, Trace
from spanframe_query.extract import ExtractField

__all__ = ["PLAIN_COLUMNS", "build_table", "json_cell", "json_text", "table_schema"]

PLAIN_COLUMNS: Final[Mapping[str, tuple[Column, ...]]] = {
    layout: tuple(column for column in columns if column.name != "trace")
    for layout, columns in LAYOUTS.items()
}
"""The columns of each layout that leave Python: all but the trace itself."""


def build_table(
    traces: Sequence[Trace],
    columns: Sequence[Column],
    fields: Sequence[ExtractField] = (),
) -> Any:
    """Lay traces out as a ``pyarrow.Table``, one row each, in their order.

    Args:
        traces: the traces.
        columns: some of `PLAIN_COLUMNS`.
        fields: more columns, each taken from the inputs or outputs of a span.

    Raises:
        MissingExtraError: when pyarrow is not installed.
    """
    arrays = [
        [_arrow_cell(column, trace) for trace in traces] for column in columns
    ] + [
        [json_text(field.value_in(trace.data.spans)) for trace in traces]
        for field in fields
    ]
    schema = table_schema(columns, fields)
    arrow = _pyarrow()
    filled = [
        arrow.array(values, type=field.type)
        for values, field in zip(arrays, schema, strict=True)
    ]
    return arrow.Table.from_arrays(filled, schema=schema)


def table_schema(columns: Sequence[Column], fields: Sequence[ExtractField] = ()) -> Any:
    """Return the ``pyarrow.Schema`` of such a table.

    Raises:
        MissingExtraError: when pyarrow is not installed.
    """
    arrow = _pyarrow()
    types = {
        "integer": arrow.int64(),
        "integer or missing": arrow.int64(),
        "entries": arrow.map_(arrow.string(), arrow.string()),
    }
    return arrow.schema(
        [(column.name, types.get(column.kind, arrow.string())) for column in columns]
        + [(field.column, arrow.string()) for field in fields]
    )


def json_cell(column: Column, trace: Trace) -> Any:
    """Return what JSON can hold of a cell."""
    value = column.cell(trace)
    return list(value) if isinstance(value, SpanDicts) else value


def json_text(value: Any) -> str | None:
    """Return JSON text of a cell's value; None for None."""
    return None if value is None else json.dumps(value, default=str)


def _arrow_cell(column: Column, trace: Trace) -> Any:
    if column.kind == "object":
        return json_text(json_cell(column, trace))
    value = column.cell(trace)
    return list(value.items()) if column.kind == "entries" else value


def _pyarrow() -> Any:
    try:
        return importlib.import_module("pyarrow")
    except ModuleNotFoundError as error:
        raise MissingExtraError("Arrow and Parquet output", "parquet") from error
