"""Traces to a DataFrame, column by column; pure."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any, Final

import numpy as np
import pandas as pd

from spanframe_query.columns import Kind, columns_of_layout
from spanframe_query.entities import Trace
from spanframe_query.extract import ExtractField

__all__ = ["build_frame"]

# The text dtype of pandas 3; under pandas 2 "str" writes a missing value as 'None'.
_TEXT_DTYPE: Final = "object" if pd.__version__.startswith("2.") else "str"


def build_frame(
    traces: Sequence[Trace],
    *,
    layout: str = "v2",
    fields: Sequence[ExtractField] = (),
) -> pd.DataFrame:
    """Lay traces out as a DataFrame, one row each, in their order.

    Args:
        traces: the traces.
        layout: ``v2`` or ``v3``, see `spanframe_query.columns`.
        fields: more columns, each taken from the inputs or outputs of a span.

    Raises:
        InvalidArgumentError: when there is no such layout.
    """
    names: list[str] = []
    arrays: list[Any] = []
    for column in columns_of_layout(layout):
        names.append(column.name)
        arrays.append(_ARRAYS[column.kind](column.cells(traces)))
    for field in fields:
        names.append(field.column)
        arrays.append(_objects([field.value_in(trace.data.spans) for trace in traces]))
    # The very index of the frame: a column with another one is copied to fit.
    index = pd.RangeIndex(len(traces))
    # Two extracted fields may have one name, which a dictionary by name cannot hold.
    frame = pd.DataFrame(
        {
            # A frame would take a bare array of texts for text.
            place: pd.Series(cells, index=index, dtype=cells.dtype, copy=False)
            for place, cells in enumerate(arrays)
        },
        index=index,
        copy=False,
    )
    frame.columns = pd.Index(names, dtype=_TEXT_DTYPE)
    return frame


def _objects(values: Sequence[Any]) -> Any:
    # `np.array` would make a table of lists that have one length.
    return np.fromiter(values, dtype=object, count=len(values))


def _integers(values: Sequence[int]) -> Any:
    return np.fromiter(values, dtype=np.int64, count=len(values))


def _integers_or_missing(values: Sequence[int | None]) -> Any:
    missing = np.fromiter((v is None for v in values), dtype=np.bool_)
    numbers: Iterable[int] = (v or 0 for v in values)
    return pd.arrays.IntegerArray(np.fromiter(numbers, dtype=np.int64), missing)


_ARRAYS: Final[Mapping[Kind, Callable[[Sequence[Any]], Any]]] = {
    "text": partial(pd.array, dtype=_TEXT_DTYPE),
    "integer": _integers,
    "integer or missing": _integers_or_missing,
    "entries": _objects,
    "object": _objects,
}
