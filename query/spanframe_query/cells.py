"""Cells of a DataFrame that are decoded when they are asked for.

A search finds many traces and decodes the spans of few: the column ``spans`` holds
blocks of spans, and a cell becomes a list of dictionaries when code reads it
(``frame["spans"][0]``, a loop, ``to_dict``). What leaves pandas (JSON, CSV, Parquet,
Arrow, polars) has the content too, in one shape.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import repeat
from typing import Any, Final, NamedTuple, Self

import numpy as np
import pandas as pd
from pandas.api.extensions import ExtensionArray, ExtensionDtype, take
from pandas.api.indexers import check_array_indexer
from pandas.core.strings.object_array import (  # type: ignore[import-not-found]
    ObjectStringArrayMixin,
)

from spanframe_query.arrow_types import arrow_array
from spanframe_query.entities import SpanDicts
from spanframe_query.entities.json_cells import SpanList, json_cell
from spanframe_query.entities.json_text import json_text

__all__ = ["CELL_KINDS", "CellArray", "CellDtype"]

_MAX_SHOWN_CHARS: Final = 200
"""Maximum characters of a cell as a DataFrame prints it."""

_MAX_SHOWN_SPANS: Final = 3
"""Maximum names of spans that a cell prints; the rest are counted."""


class _Kind(NamedTuple):
    """A kind of cell: as code that asks gets it, as JSON, and as a frame prints it."""

    asked: Callable[[Any], Any]
    plain: Callable[[Any], Any]
    shown: Callable[[Any], str]


def _asked_spans(cell: Any) -> Any:
    return SpanList(cell) if isinstance(cell, SpanDicts) else json_cell(cell)


def _shown_spans(cell: Any) -> str:
    names = cell.names if isinstance(cell, SpanDicts) else [s["name"] for s in cell]
    shown = names[:_MAX_SHOWN_SPANS]
    if len(names) > len(shown):
        shown.append(f"… {len(names) - len(shown):,} more")
    return f"[{', '.join(shown)}]"


def _shown(cell: Any) -> str:
    text = cell if isinstance(cell, str) else repr(cell)
    is_long = len(text) > _MAX_SHOWN_CHARS
    return f"{text[: _MAX_SHOWN_CHARS - 1]}…" if is_long else text


def _itself(cell: Any) -> Any:
    return cell


_KINDS: Final[Mapping[str, _Kind]] = {
    "trace": _Kind(_itself, lambda trace: trace.to_dict(), repr),
    "spans": _Kind(_asked_spans, list, _shown_spans),
    "entries": _Kind(json_cell, _itself, _shown),
    "json": _Kind(json_cell, _itself, _shown),
}

CELL_KINDS: Final = frozenset(_KINDS)
"""The kinds of columns that are a `CellArray`."""


class CellDtype(ExtensionDtype):
    """The type of a column of traces, spans, entries or JSON values.

    Args:
        cells: one of `CELL_KINDS`.
    """

    # A Parquet file names the types of its columns, and pandas cannot read a name that
    # no library in the process has registered.
    name = "object"
    type = object
    # `.str` asks this for what the cells are, and works on some of them, as on objects.
    base = "string"
    na_value = np.nan
    _metadata = ("cells",)

    def __init__(self, cells: str) -> None:
        self.cells = cells

    @classmethod
    def construct_from_string(cls, string: str) -> Self:
        """Refuse every name: objects are not cells."""
        raise TypeError(f"{string!r} does not name a type of cells")

    @classmethod
    def construct_array_type(cls) -> Any:
        """Return the class of the array."""
        return CellArray


class CellArray(ObjectStringArrayMixin, ExtensionArray):  # type: ignore[misc]
    """Cells of one kind; None where a cell is missing.

    Args:
        kind: one of `CELL_KINDS`.
        cells: the cells, decoded or not.
    """

    def __init__(self, kind: str, cells: Sequence[Any] | np.ndarray) -> None:
        self._dtype = CellDtype(kind)
        # `np.array` would make a two-dimensional array of lists of one length.
        self._cells = np.fromiter(cells, dtype=object, count=len(cells))

    @property
    def dtype(self) -> CellDtype:
        """The type, which knows the kind of the cells."""
        return self._dtype

    @property
    def nbytes(self) -> int:
        """The bytes of the array itself, without those of its cells."""
        return int(self._cells.nbytes)

    def isna(self) -> Any:
        """Return where a cell is missing."""
        cells = self._cells
        return np.fromiter((c is None for c in cells), dtype=np.bool_, count=len(cells))

    def copy(self) -> Self:
        """Return an array of the same cells."""
        return self._of(self._cells)

    def take(
        self, indices: Any, *, allow_fill: bool = False, fill_value: Any = None
    ) -> Self:
        """Return the cells at some places; see `ExtensionArray.take`."""
        filling = None if _is_missing(fill_value) else fill_value
        return self._of(
            take(self._cells, indices, allow_fill=allow_fill, fill_value=filling)
        )

    def __len__(self) -> int:
        return len(self._cells)

    def __getitem__(self, item: Any) -> Any:
        item = check_array_indexer(self, item)
        if isinstance(item, int | np.integer):
            cell = self._cells[item] = self._kind.asked(self._cells[item])
            return cell
        return self._of(self._cells[item])

    def __setitem__(self, key: Any, value: Any) -> None:
        key = check_array_indexer(self, key)
        if isinstance(key, int | np.integer):
            self._cells[key] = None if _is_missing(value) else value
        elif isinstance(value, CellArray | np.ndarray | list):
            self._cells[key] = _objects(value)
        else:
            self._cells[key] = _objects([value])[0]

    def __iter__(self) -> Iterator[Any]:
        return (self[place] for place in range(len(self)))

    def __eq__(self, other: object) -> Any:
        if isinstance(other, pd.Series | pd.Index | pd.DataFrame):
            return NotImplemented
        is_each = isinstance(other, CellArray | np.ndarray | list) and (
            len(other) == len(self)
        )
        others: Iterable[Any] = other if is_each else repeat(other, len(self))  # type: ignore[assignment]
        equal = (a is not None and a == b for a, b in zip(self, others, strict=True))
        return np.fromiter(map(bool, equal), dtype=np.bool_, count=len(self))

    __hash__ = None  # type: ignore[assignment] # cells can be replaced

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Any:
        """Return the cells as they are printed: spans that nobody has read stay lazy.

        `astype`, `to_numpy` and everything else return what the cells look like.
        """
        lazy = self._dtype.cells == "spans"
        return (self._cells.copy() if lazy else self.to_numpy()).astype(dtype or object)

    def __arrow_array__(self, type: Any = None) -> Any:  # noqa: A002 - Arrow's name
        made = arrow_array(self._dtype.cells, self._cells)
        return made if type is None else made.cast(type)

    def to_numpy(self, *_: Any, **__: Any) -> Any:
        """Return the cells as an array of objects."""
        return _objects(self)

    def astype(self, dtype: Any, copy: bool = True) -> Any:
        """Return the cells as another type; texts are JSON."""
        wanted = pd.api.types.pandas_dtype(dtype)
        if wanted == self._dtype:
            return self.copy() if copy else self
        if wanted == np.dtype(object):
            return self.to_numpy()
        return pd.array(self.to_numpy(), dtype=wanted)

    def unique(self) -> Self:
        """Return each cell once; two cells are equal when their JSON is."""
        return self._of(self._cells[~self.duplicated()])

    def duplicated(self, keep: Any = "first") -> Any:
        """Return which cells repeat another one."""
        return pd.Series(self._texts()).duplicated(keep=keep).to_numpy()

    def factorize(self, use_na_sentinel: bool = True) -> tuple[Any, Self]:
        """Return a number for each cell, and the cells that are numbered."""
        codes, texts = pd.factorize(self._texts(), use_na_sentinel=use_na_sentinel)
        first = np.full(len(texts), len(self), dtype=np.intp)
        np.minimum.at(first, codes[codes >= 0], np.flatnonzero(codes >= 0))
        return codes, self._of(self._cells[first])

    # --- what pandas calls --------------------------------------------------------

    @property
    def _kind(self) -> _Kind:
        return _KINDS[self._dtype.cells]

    def _of(self, cells: Any) -> Self:
        return type(self)(self._dtype.cells, cells)

    def _texts(self) -> Any:
        """Return the JSON text of each cell, which can be hashed."""
        cells = self._values_for_json()
        return _objects([None if c is None else json_text(c) for c in cells])

    def _values_for_json(self) -> Any:
        plain = self._kind.plain
        return _objects([None if cell is None else plain(cell) for cell in self])

    def _explode(self) -> tuple[Self, Any]:
        lists = [(c or [None]) if isinstance(c, list) else [c] for c in self]
        counts = np.fromiter(map(len, lists), dtype=np.uint64, count=len(lists))
        return type(self)("json", [cell for cells in lists for cell in cells]), counts

    def _formatter(self, boxed: bool = False) -> Callable[[Any], str]:  # noqa: ARG002
        shown = self._kind.shown
        return lambda cell: str(cell) if cell is None else shown(cell)

    @classmethod
    def _from_sequence(
        cls,
        scalars: Any,
        *,
        dtype: Any = None,
        copy: bool = False,  # noqa: ARG003
    ) -> Self:
        kind = dtype.cells if isinstance(dtype, CellDtype) else "json"
        return cls(kind, _objects(scalars))

    @classmethod
    def _from_factorized(cls, values: Any, original: Self) -> Self:
        return cls(original.dtype.cells, values)

    @classmethod
    def _concat_same_type(cls, to_concat: Sequence[Self]) -> Self:
        cells = np.concatenate([each._cells for each in to_concat])  # noqa: SLF001
        return cls(to_concat[0].dtype.cells, cells)


def _objects(values: Iterable[Any]) -> Any:
    cells = [None if _is_missing(value) else value for value in values]
    return np.fromiter(cells, dtype=object, count=len(cells))


def _is_missing(value: Any) -> bool:
    return value is None or value is pd.NA or value is pd.NaT or _is_nan(value)


def _is_nan(value: Any) -> bool:
    return isinstance(value, float) and value != value  # noqa: PLR0124 - NaN alone
