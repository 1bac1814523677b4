"""Traces → a PyArrow table, or a polars DataFrame, without pandas.

`spanframe_query.arrow_types` says which type a column has, and how its cells are
written.
"""

import importlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from spanframe.errors import MissingExtraError
from spanframe_query.arrow_types import arrow_array, arrow_type, pyarrow
from spanframe_query.columns import Column, Kind
from spanframe_query.entities import SpanDicts, Trace
from spanframe_query.entities.json_text import json_text
from spanframe_query.extract import ExtractField
from spanframe_query.layouts import LAYOUTS, columns_of_traces

__all__ = [
    "PLAIN_COLUMNS",
    "build_table",
    "json_cell",
    "json_text",
    "plain_columns",
    "polars_frame",
    "table_of",
    "table_schema",
]

PLAIN_COLUMNS: Final[Mapping[str, tuple[Column, ...]]] = {
    layout: tuple(column for column in columns if column.name != "trace")
    for layout, columns in LAYOUTS.items()
}
"""The columns of each layout without the trace object, which only Python can hold."""


def plain_columns(layout: str, traces: Sequence[Trace]) -> list[Column]:
    """Return the columns of some traces without the trace object.

    Raises:
        InvalidArgumentError: when the layout does not exist.
    """
    columns = columns_of_traces(layout, traces)
    return [column for column in columns if column.name != "trace"]


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
    cells: list[Sequence[Any]] = [column.cells(traces) for column in columns]
    cells += [[f.value_in(trace.data.spans) for trace in traces] for f in fields]
    return table_of(table_schema(columns, fields), _kinds(columns, fields), cells)


def table_of(schema: Any, kinds: Iterable[str], cells: Iterable[Sequence[Any]]) -> Any:
    """Return columns of these kinds as a ``pyarrow.Table``."""
    arrays = [arrow_array(*column) for column in zip(kinds, cells, strict=True)]
    return pyarrow().Table.from_arrays(arrays, schema=schema)


def polars_frame(table: Any) -> Any:
    """Return a ``pyarrow.Table`` as a ``polars.DataFrame``.

    Raises:
        MissingExtraError: when polars is not installed.
    """
    try:
        polars = importlib.import_module("polars")
    except ModuleNotFoundError as error:
        raise MissingExtraError("A DataFrame of polars", "polars") from error
    return polars.from_arrow(table)


def table_schema(columns: Sequence[Column], fields: Sequence[ExtractField] = ()) -> Any:
    """Return the ``pyarrow.Schema`` of the table that `build_table` returns.

    Raises:
        MissingExtraError: when pyarrow is not installed.
    """
    names = [each.name for each in columns] + [each.column for each in fields]
    types = map(arrow_type, _kinds(columns, fields))
    return pyarrow().schema(list(zip(names, types, strict=True)))


def json_cell(column: Column, trace: Trace) -> Any:
    """Return the value of a cell as JSON can hold it."""
    value = column.cell(trace)
    return list(value) if isinstance(value, SpanDicts) else value


def _kinds(columns: Sequence[Column], fields: Sequence[ExtractField]) -> list[Kind]:
    return [column.kind for column in columns] + ["json" for _ in fields]
