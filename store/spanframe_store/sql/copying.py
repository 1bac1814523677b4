"""Copies a store to another one, on whatever engines they are: row by row, checked.

A portion of traces at a time, in the order of their keys: what the other store holds of
them is compared by a checksum a trace, what differs is copied, and compared again. So a
copy that was interrupted goes on where it was, and one of a store that is in use is
brought up to date by copying again. Keys stay what they are.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from hashlib import blake2b
from typing import Any, Final

from sqlalchemy import Connection, Engine, Table, delete, func, select
from sqlalchemy.exc import DBAPIError

from spanframe.errors import InvalidArgumentError, StoreError
from spanframe_store.contract.results import Copied
from spanframe_store.contract.store import Progress
from spanframe_store.sql import index_entries
from spanframe_store.sql.chunks import MAX_LOOKUP_VALUES, chunks
from spanframe_store.sql.engines import database_of
from spanframe_store.sql.schema import (
    attribute_index,
    dictionaries,
    experiments,
    resources,
    scopes,
    span_blocks,
    span_signatures,
    spans,
    traces,
)
from spanframe_store.sql.urls import driver_message, store_name

__all__ = ["copy_store"]

_PORTION_TRACES: Final = 200

_SHARED: Final = (experiments, resources, scopes, span_signatures, dictionaries)
"""What traces refer to by key; a row of them never changes."""

_COUNTED: Final = (traces, spans, span_blocks, attribute_index)


def copy_store(source: Engine, target: Engine, progress: Progress) -> Copied:
    """Make a store hold what another one holds.

    Args:
        source: a reading engine of a store of this version.
        target: a writing engine of a store of this version: an empty one, or what an
            earlier copy has made.
        progress: told traces done and traces in all, again and again.

    Raises:
        InvalidArgumentError: when the target holds something else.
        StoreError: when a store refuses, or the copy is not equal to its source.
    """
    try:
        with source.connect() as reading:
            total = _count(reading, traces)
            with target.begin() as writing:
                _copy_shared(reading, writing)
            copied = equal = 0
            for first, last in _portions(reading):
                with target.begin() as writing:
                    changed, same = _copy_portion(reading, writing, first, last)
                copied, equal = copied + changed, equal + same
                progress(copied + equal, total)
            _check_counts(reading, target)
            with target.begin() as writing:
                database_of(writing).gather_statistics(writing)
    except DBAPIError as error:
        names = f"{store_name(source)} to {store_name(target)}"
        raise StoreError(
            f"The copy of {names} stopped: {driver_message(error)}. Copy again: it "
            "goes on where it was."
        ) from error
    return Copied(copied, equal)


def _copy_shared(reading: Connection, writing: Connection) -> None:
    """Copy what traces refer to, if the target may be written at all."""
    newest = select(traces.c.trace_key, traces.c.trace_id)
    newest = newest.order_by(traces.c.trace_key.desc()).limit(1)
    last = writing.execute(newest).first()
    if last is not None:
        same = select(traces.c.trace_id).where(traces.c.trace_key == last.trace_key)
        if reading.execute(same).scalar() != last.trace_id:
            raise _another(writing)
    for table in _SHARED:
        key = next(iter(table.primary_key.columns)).name
        there = {row[0]: tuple(row) for row in writing.execute(select(table))}
        new = []
        for row in reading.execute(select(table).order_by(table.c[key])):
            if row[0] not in there:
                new.append(tuple(row))
            elif there[row[0]] != tuple(row):
                raise _another(writing)
        database_of(writing).insert_rows(writing, table, new)


def _another(connection: Connection) -> InvalidArgumentError:
    return InvalidArgumentError(
        f"{store_name(connection.engine)} holds traces of another store; name an empty "
        "one, or one that was copied from this source."
    )


def _portions(reading: Connection) -> Iterator[tuple[int, int | None]]:
    """Yield ranges of trace keys, first and last; the last one is open."""
    first = 0
    keys = select(traces.c.trace_key).order_by(traces.c.trace_key)
    while True:
        portion = keys.where(traces.c.trace_key >= first)
        following = portion.offset(_PORTION_TRACES).limit(1)
        end = reading.execute(following).scalar()
        yield first, None if end is None else int(end) - 1
        if end is None:
            return
        first = int(end)


_Rows = Mapping[int, Mapping[Table, Sequence[tuple[Any, ...]]]]


def _copy_portion(
    reading: Connection, writing: Connection, first: int, last: int | None
) -> tuple[int, int]:
    """Make a range of traces equal; return how many were not, and how many were."""
    wanted, there = (_rows(each, first, last) for each in (reading, writing))
    sums, before = _checksums(wanted), _checksums(there)
    different = [key for key in sums if before.get(key) != sums[key]]
    for key in there.keys() & wanted.keys():
        if _header(there[key])["trace_id"] != _header(wanted[key])["trace_id"]:
            raise _another(writing)
    _replace(writing, {key: wanted[key] for key in different}, there, wanted.keys())
    if different or there.keys() - wanted.keys():
        after = _checksums(_rows(writing, first, last))
        if after != sums:
            raise StoreError(
                f"{store_name(writing.engine)} does not hold what was written to it: "
                "the copy is not to be used. `spanframe db check` says more."
            )
    return len(different), len(sums) - len(different)


def _rows(connection: Connection, first: int, last: int | None) -> _Rows:
    """Return all rows of a range of traces, but those that follow from the others."""
    found: dict[int, dict[Table, list[tuple[Any, ...]]]] = {}
    for table in (traces, spans):
        query = select(table).where(table.c.trace_key >= first)
        if last is not None:
            query = query.where(table.c.trace_key <= last)
        query = query.order_by(*table.primary_key.columns)
        for row in connection.execute(query):
            of_trace = found.setdefault(
                row.trace_key, {traces: [], spans: [], span_blocks: []}
            )
            of_trace[table].append(tuple(row))
    place = spans.c.keys().index("block_key")
    owners = {row[place]: key for key, of in found.items() for row in of[spans]}
    for keys in chunks(sorted(owners), MAX_LOOKUP_VALUES):
        query = select(span_blocks).where(span_blocks.c.block_key.in_(keys))
        for row in connection.execute(query.order_by(span_blocks.c.block_key)):
            found[owners[row.block_key]][span_blocks].append(tuple(row))
    return found


def _checksums(rows: _Rows) -> dict[int, bytes]:
    return {
        key: blake2b(repr(list(of.values())).encode(), digest_size=16).digest()
        for key, of in rows.items()
    }


def _header(of_trace: Mapping[Table, Sequence[tuple[Any, ...]]]) -> dict[str, Any]:
    """Return the row of a trace."""
    [row] = of_trace[traces] or [(None,) * len(traces.c)]
    return dict(zip(traces.c.keys(), row, strict=True))


def _replace(
    writing: Connection, new: _Rows, there: _Rows, wanted: Iterable[int]
) -> None:
    """Put the rows of some traces in place of what is there, and delete leftovers."""
    old = [key for key in there if key in new or key not in wanted]
    changes = index_entries.Changes()
    for key in {*old, *new}:
        before = _header(there[key]) if key in there else None
        after = _header(new[key]) if key in new else None
        changes.add(
            key,
            None if before is None else index_entries.Searchable.of_row(before),
            None if after is None else index_entries.Searchable.of_row(after),
        )
    # Those of the new rows, too: a block may have lost the spans that refer to it.
    blocks = {
        row[0]
        for of in (*(there[key] for key in old), *new.values())
        for row in of[span_blocks]
    }
    for some in chunks(blocks, MAX_LOOKUP_VALUES):
        writing.execute(delete(span_blocks).where(span_blocks.c.block_key.in_(some)))
    for some in chunks(old, MAX_LOOKUP_VALUES):
        for table in (spans, traces):
            writing.execute(delete(table).where(table.c.trace_key.in_(some)))
    for table in (traces, span_blocks, spans):
        database_of(writing).insert_rows(
            writing, table, [row for of in new.values() for row in of[table]]
        )
    changes.write(writing)


def _count(connection: Connection, table: Table) -> int:
    return connection.execute(select(func.count()).select_from(table)).scalar_one()


def _check_counts(reading: Connection, target: Engine) -> None:
    for table in _COUNTED:
        here = _count(reading, table)
        with target.begin() as writing:
            there = _count(writing, table)
        if here != there:
            raise StoreError(
                f"{store_name(target)} has {there} rows in {table.name}, its "
                f"source has {here}: the copy is not to be used."
            )
