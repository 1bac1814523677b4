"""The rows of a request as bytes, which go from one process to another.

MessagePack, column by column. What rows share (a signature, a resource, a scope, the
facts of these) is written once, and is one object again in the other process.
"""

from collections.abc import Iterable, Sequence
from functools import cached_property
from typing import Any, Final, NamedTuple, TypeVar, overload

import msgspec

from spanframe_store.contract.spans import (
    Fact,
    Interned,
    Previews,
    Rank,
    Signature,
    SpanRow,
)

__all__ = ["PackedRows", "pack", "unpack"]

T = TypeVar("T")

Shared = tuple[list[T], list[int]]
"""The different values of a column, and the number of the one that each row has."""


class _Columns(NamedTuple):
    """The fields of `SpanRow`, each of all rows."""

    trace_id: list[bytes]
    span_id: list[int]
    digest: list[int]
    parent_span_id: list[int | None]
    rank: list[Rank]
    signature: Shared[Signature]
    start_ns: list[int]
    end_ns: list[int]
    usage: list[str | None]
    resource: Shared[Interned]
    scope: Shared[Interned]
    json_layer: list[bool]
    body: list[bytes]
    shared_facts: Shared[tuple[Fact, ...]]
    own_facts: list[tuple[Fact, ...]]
    previews: list[Previews | None]


_SHARED: Final = tuple(
    map(SpanRow._fields.index, ("signature", "resource", "scope", "shared_facts"))
)
"""The columns whose values are shared by rows, by number."""

_encode: Final = msgspec.msgpack.Encoder().encode
_decode: Final = msgspec.msgpack.Decoder(_Columns).decode


class PackedRows(Sequence[SpanRow]):
    """Rows as bytes, which become rows again when one of them is asked for."""

    def __init__(self, rows: Sequence[SpanRow]) -> None:
        self.packed: Final = pack(rows)
        self._count = len(rows)

    def __len__(self) -> int:
        return self._count

    @overload
    def __getitem__(self, index: int) -> SpanRow: ...
    @overload
    def __getitem__(self, index: slice) -> list[SpanRow]: ...
    def __getitem__(self, index: int | slice) -> SpanRow | list[SpanRow]:
        return self._rows[index]

    @cached_property
    def _rows(self) -> list[SpanRow]:
        return unpack(self.packed)


def pack(rows: Sequence[SpanRow]) -> bytes:
    """Return rows as bytes, which `unpack` reads."""
    columns: list[Sequence[Any]] = list(zip(*rows, strict=True))
    if not columns:
        columns = [()] * len(SpanRow._fields)
    for position in _SHARED:
        columns[position] = _shared(columns[position])
    return _encode(columns)


def unpack(packed: bytes | memoryview) -> list[SpanRow]:
    """Return the rows that `pack` was given.

    Raises:
        msgspec.DecodeError: the bytes were not written by `pack`.
    """
    columns: list[Iterable[Any]] = list(_decode(packed))
    for position in _SHARED:
        values, numbers = columns[position]
        columns[position] = map(values.__getitem__, numbers)
    return list(map(SpanRow._make, zip(*columns, strict=True)))


def _shared(column: Sequence[T]) -> Shared[T]:
    # By identity: it costs the same whatever the size of a value, and what decoding
    # shares is one object.
    ids = list(map(id, column))
    values = dict(zip(ids, column, strict=True))
    numbers = dict(zip(values, range(len(values)), strict=True))
    return list(values.values()), list(map(numbers.__getitem__, ids))
