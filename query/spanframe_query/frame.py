"""Traces → a DataFrame, column by column."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any, Final

import numpy as np
import pandas as pd

from spanframe_query.cells import CELL_KINDS, CellArray
from spanframe_query.columns import Kind
from spanframe_query.entities import Trace
from spanframe_query.extract import ExtractField
from spanframe_query.layouts import columns_of_traces

__all__ = ["TEXT_DTYPE", "build_frame", "frame_of"]

_NO_TIME: Final = np.iinfo(np.int64).min
"""What numpy takes for a time that is missing."""

# In pandas 2, "str" turns a missing value into 'None'.
TEXT_DTYPE: Final = "object" if pd.__version__.startswith("2.") else "str"
"""The dtype of columns of texts, some of which may be missing."""


def build_frame(
    traces: Sequence[Trace],
    *,
    layout: str = "v2",
    fields: Sequence[ExtractField] = (),
) -> pd.DataFrame:
    """Return traces as a DataFrame, one row per trace, in their order.

    Args:
        traces: the traces.
        layout: ``v2``, ``v3`` or ``tidy``, see `spanframe_query.layouts`.
        fields: more columns, each from the inputs or outputs of a span.

    Raises:
        InvalidArgumentError: when the layout does not exist.
    """
    named: list[tuple[str, Kind, Sequence[Any]]] = [
        (column.name, column.kind, column.cells(traces))
        for column in columns_of_traces(layout, traces)
    ]
    for field in fields:
        values = [field.value_in(trace.data.spans) for trace in traces]
        named.append((field.column, "json", values))
    return frame_of(named, len(traces))


def frame_of(
    columns: Sequence[tuple[str, Kind, Sequence[Any]]], rows: int
) -> pd.DataFrame:
    """Return a DataFrame of columns, each with its name, kind and cells."""
    # All columns share the index of the frame; pandas copies a column with another one.
    index = pd.RangeIndex(rows)
    arrays = [_array(kind, cells) for _, kind, cells in columns]
    # Positions are the keys, as two extracted fields may have one name.
    frame = pd.DataFrame(
        {
            # Without a dtype, pandas would make a text column of an array of texts.
            place: pd.Series(cells, index=index, dtype=cells.dtype, copy=False)
            for place, cells in enumerate(arrays)
        },
        index=index,
        copy=False,
    )
    frame.columns = pd.Index([name for name, _, _ in columns], dtype=TEXT_DTYPE)
    return frame


def _array(kind: Kind, cells: Sequence[Any]) -> Any:
    return CellArray(kind, cells) if kind in CELL_KINDS else _ARRAYS[kind](cells)


def _integers(values: Sequence[int]) -> Any:
    return np.fromiter(values, dtype=np.int64, count=len(values))


def _integers_or_missing(values: Sequence[int | None]) -> Any:
    missing = np.fromiter((v is None for v in values), dtype=np.bool_)
    numbers: Iterable[int] = (v or 0 for v in values)
    return pd.arrays.IntegerArray(np.fromiter(numbers, dtype=np.int64), missing)


def _numbers(values: Sequence[float | None]) -> Any:
    numbers = (np.nan if value is None else value for value in values)
    return np.fromiter(numbers, dtype=np.float64, count=len(values))


def _times(values: Sequence[int | None]) -> Any:
    numbers = (_NO_TIME if value is None else value for value in values)
    times = np.fromiter(numbers, dtype=np.int64, count=len(values))
    return pd.array(times.view("M8[ns]")).tz_localize("UTC")


_ARRAYS: Final[Mapping[Kind, Callable[[Sequence[Any]], Any]]] = {
    "text": partial(pd.array, dtype=TEXT_DTYPE),
    "integer": _integers,
    "integer or missing": _integers_or_missing,
    "number": _numbers,
    "boolean": partial(pd.array, dtype="boolean"),
    "time": _times,
}
