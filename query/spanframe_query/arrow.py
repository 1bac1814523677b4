"""Traces → a PyArrow table, without pandas.

Tags and metadata are maps from text to text. Columns of any JSON value (request,
response, spans, extracted fields) are JSON text.
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
"""The columns of each layout without the trace object, which only Python can hold."""


def build_table(
    traces: Sequence[Trace],
    columns: Sequence[Column],
    fields: Sequence[ExtractField] = (),
) -> Any:
    """Return traces as a ``pyarrow.Table``, one row per trace, in their order.

    Args:
        traces: the traces.
        columns: some of `PLAIN_COLUMNS`.
        fields: more columns, each from the inputs or outputs of a span.

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
    """Return the ``pyarrow.Schema`` of the table that `build_table` returns.

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
    """Return the value of a cell as JSON can hold it."""
    value = column.cell(trace)
    return list(value) if isinstance(value, SpanDicts) else value


def json_text(value: Any) -> str | None:
    """Return the value of a cell as JSON text; None for None."""
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
