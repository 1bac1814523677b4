"""Traces → a DataFrame, column by column."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any, Final

import numpy as np
import pandas as pd

from spanframe_query.columns import Kind, columns_of_layout
from spanframe_query.entities import Trace
from spanframe_query.extract import ExtractField

__all__ = ["TEXT_DTYPE", "build_frame"]

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
        layout: ``v2`` or ``v3``, see `spanframe_query.columns`.
        fields: more columns, each from the inputs or outputs of a span.

    Raises:
        InvalidArgumentError: when the layout does not exist.
    """
    names: list[str] = []
    arrays: list[Any] = []
    for column in columns_of_layout(layout):
        names.append(column.name)
        arrays.append(_ARRAYS[column.kind](column.cells(traces)))
    for field in fields:
        names.append(field.column)
        arrays.append(_objects([field.value_in(trace.data.spans) for trace in traces]))
    # All columns share the index of the frame; pandas copies a column with another one.
    index = pd.RangeIndex(len(traces))
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
    frame.columns = pd.Index(names, dtype=TEXT_DTYPE)
    return frame


def _objects(values: Sequence[Any]) -> Any:
    # `np.array` would make a two-dimensional array of lists of one length.
    return np.fromiter(values, dtype=object, count=len(values))


def _integers(values: Sequence[int]) -> Any:
    return np.fromiter(values, dtype=np.int64, count=len(values))


def _integers_or_missing(values: Sequence[int | None]) -> Any:
    missing = np.fromiter((v is None for v in values), dtype=np.bool_)
    numbers: Iterable[int] = (v or 0 for v in values)
    return pd.arrays.IntegerArray(np.fromiter(numbers, dtype=np.int64), missing)


_ARRAYS: Final[Mapping[Kind, Callable[[Sequence[Any]], Any]]] = {
    "text": partial(pd.array, dtype=TEXT_DTYPE),
    "integer": _integers,
    "integer or missing": _integers_or_missing,
    "entries": _objects,
    "object": _objects,
}
