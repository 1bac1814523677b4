"""Copies a row store to another one, on the same or another database, and verifies it.

Traces are copied in portions, in the order of their keys. The rows of a trace are
compared in both stores; traces that differ are copied, read back and compared again. A
trace that the target refuses is left out and named at the end. An interrupted copy
continues where it stopped, and copying again brings the copy of a store in use up to
date. Keys do not change.
"""

from collections.abc import Container, Iterator, Mapping, Sequence
from typing import Any, Final

from sqlalchemy import Connection, Engine, Row, Table, delete, func, select
from sqlalchemy.exc import DBAPIError, StatementError

from spanframe import keys
from spanframe.errors import InvalidArgumentError, SpanframeError, StoreError
from spanframe_store.contract.results import Copied
from spanframe_store.contract.store import Progress
from spanframe_store.contract.texts import stored_text
from spanframe_store.otlp.trace_state import storable
from spanframe_store.sql import index_entries
from spanframe_store.sql.chunks import MAX_LOOKUP_VALUES, chunks
from spanframe_store.sql.engines import database_of
from spanframe_store.sql.large_usage import forget_parts
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
from spanframe_store.sql.trace_columns import columns_of, state_of
from spanframe_store.sql.urls import driver_message, store_name

__all__ = ["copy_store"]

_PORTION_TRACES: Final = 200
"""Traces per transaction."""

_SHARED: Final = (experiments, resources, scopes, span_signatures, dictionaries)
"""Tables whose rows traces refer to by key; a row of them never changes."""

_ESCAPED_NUL: Final = "\\u0000"

_MAX_NAMED_TRACES: Final = 5
"""Maximum traces that an error names."""

_COUNTED: Final = (traces, spans, span_blocks, attribute_index)
"""Tables whose rows are counted in both stores at the end."""


def copy_store(source: Engine, target: Engine, progress: Progress) -> Copied:
    """Make a store hold what another one holds.

    Args:
        source: a reading engine of a store of this version.
        target: a writing engine of a store of this version: empty, or made by an
            earlier copy.
        progress: called with the traces done and the traces in total.

    Raises:
        InvalidArgumentError: when the target holds something else.
        StoreError: when a store refuses, or the copy is not equal to its source.
    """
    refused: dict[str, str] = {}
    try:
        with source.connect() as reading:
            total = _count(reading, traces)
            with target.begin() as writing:
                _copy_shared(reading, writing)
            copied = equal = 0
            for first, last in _portions(reading):
                rows = _rows(reading, first, last)
                changed, same = _copy_portion(rows, target, first, last, refused)
                copied, equal = copied + changed, equal + same
                progress(copied + equal + len(refused), total)
            if not refused:
                _check_counts(reading, target)
            with target.begin() as writing:
                database_of(writing).gather_statistics(writing)
            database_of(target).keep_commits(target)
    except DBAPIError as error:
        names = f"{store_name(source)} to {store_name(target)}"
        raise StoreError(
            f"The copy of {names} stopped: {driver_message(error)}. Copy again: the "
            "copy continues where it stopped."
        ) from error
    if refused:
        named = [f"{each} ({why})" for each, why in refused.items()]
        raise StoreError(
            f"{store_name(target)} holds all traces of {store_name(source)} but "
            f"{len(refused)}, which cannot be copied: "
            f"{', '.join(named[:_MAX_NAMED_TRACES])}. The source still has them."
        )
    return Copied(copied, equal)


def _copy_shared(reading: Connection, writing: Connection) -> None:
    """Copy the rows that traces refer to; refuse a target that holds other traces."""
    newest = select(traces.c.trace_key, traces.c.trace_id)
    newest = newest.order_by(traces.c.trace_key.desc()).limit(1)
    last = writing.execute(newest).first()
    if last is not None:
        same_key = select(traces.c.trace_id).where(traces.c.trace_key == last.trace_key)
        if reading.execute(same_key).scalar() != last.trace_id:
            raise _other_traces(writing)
    for table in _SHARED:
        key = next(iter(table.primary_key.columns)).name
        copied = {row[0]: tuple(row) for row in writing.execute(select(table))}
        new = []
        for row in map(
            _storable, reading.execute(select(table).order_by(table.c[key]))
        ):
            if row[0] not in copied:
                new.append(row)
            elif copied[row[0]] != row:
                raise _other_traces(writing)
        database_of(writing).insert_rows(writing, table, new)


def _other_traces(target: Connection) -> InvalidArgumentError:
    return InvalidArgumentError(
        f"{store_name(target.engine)} holds traces of another store. Name an empty "
        "store, or one that was copied from this source."
    )


def _portions(reading: Connection) -> Iterator[tuple[int, int | None]]:
    """Yield ranges of trace keys, first and last; the last range has no end."""
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


class _ChangedError(ValueError):
    """The target does not give back what was written to it."""


_Rows = Mapping[int, Mapping[Table, Sequence[tuple[Any, ...]]]]


def _copy_portion(
    rows: _Rows,
    target: Engine,
    first: int,
    last: int | None,
    refused: dict[str, str],
) -> tuple[int, int]:
    """Make a range of traces equal; return how many were copied, and were equal.

    Args:
        rows: those of the range in the source.
        target: a writing engine.
        first: the first key of the range.
        last: the last key of the range; None: it has no end.
        refused: gets the traces that the target refuses, with the reason.
    """
    try:
        with target.begin() as writing:
            database_of(writing).commit_soon(writing)
            return _make_equal(writing, rows, first, last)
    except SpanframeError:
        raise
    except (StatementError, ValueError, OverflowError) as error:
        if not rows or database_of(target).would_take_later(error):
            raise
        if len(rows) == 1:
            [tables] = rows.values()
            trace_id = _trace_row(tables)["trace_id"] or b""
            refused[keys.request_id(trace_id)] = driver_message(error)
            return 0, 0
    copied = equal = 0
    for key in rows:  # one of these is refused: each gets a transaction of its own
        end = last if key == max(rows) else key
        changed, same = _copy_portion({key: rows[key]}, target, first, end, refused)
        copied, equal, first = copied + changed, equal + same, key + 1
    return copied, equal


def _make_equal(
    writing: Connection, source: _Rows, first: int, last: int | None
) -> tuple[int, int]:
    target = _rows(writing, first, last)
    different = [key for key in source if target.get(key) != source[key]]
    for key in target.keys() & source.keys():
        if _trace_row(target[key])["trace_id"] != _trace_row(source[key])["trace_id"]:
            raise _other_traces(writing)
    leftover = target.keys() - source.keys()
    _replace(writing, {key: source[key] for key in different}, target, leftover)
    if (different or leftover) and _rows(writing, first, last) != source:
        raise _ChangedError("the target holds it otherwise than it was written")
    return len(different), len(source) - len(different)


def _rows(connection: Connection, first: int, last: int | None) -> _Rows:
    """Return all rows of a range of traces except index rows, which they determine."""
    found: dict[int, dict[Table, list[tuple[Any, ...]]]] = {}
    for table, as_stored in ((traces, _storable_trace), (spans, _storable)):
        query = select(table).where(table.c.trace_key >= first)
        if last is not None:
            query = query.where(table.c.trace_key <= last)
        query = query.order_by(*table.primary_key.columns)
        for row in connection.execute(query):
            rows_of_trace = found.setdefault(
                row.trace_key, {traces: [], spans: [], span_blocks: []}
            )
            rows_of_trace[table].append(as_stored(row))
    block_column = spans.c.keys().index("block_key")
    trace_of_block = {
        row[block_column]: key for key, rows in found.items() for row in rows[spans]
    }
    for block_keys in chunks(sorted(trace_of_block), MAX_LOOKUP_VALUES):
        query = select(span_blocks).where(span_blocks.c.block_key.in_(block_keys))
        for row in connection.execute(query.order_by(span_blocks.c.block_key)):
            found[trace_of_block[row.block_key]][span_blocks].append(tuple(row))
    return found


def _storable(row: Row[Any]) -> tuple[Any, ...]:
    """Return a row as every store can hold it; one of an earlier version may differ."""
    return tuple([stored_text(each) if type(each) is str else each for each in row])


def _storable_trace(row: Row[Any]) -> tuple[Any, ...]:
    if _ESCAPED_NUL in row.tags or _ESCAPED_NUL in row.metadata:
        by_column = row._asdict() | columns_of(storable(state_of(row._asdict())))
        return tuple(by_column.values())
    return _storable(row)


def _trace_row(tables: Mapping[Table, Sequence[tuple[Any, ...]]]) -> dict[str, Any]:
    """Return the row of a trace in ``schema.traces``, by column."""
    [row] = tables[traces] or [(None,) * len(traces.c)]
    return dict(zip(traces.c.keys(), row, strict=True))


def _replace(
    writing: Connection, new: _Rows, present: _Rows, leftover: Container[int]
) -> None:
    """Write the new rows in place of the present ones, and delete leftover traces."""
    old = [key for key in present if key in new or key in leftover]
    changes = index_entries.Changes()
    for key in {*old, *new}:
        before = _trace_row(present[key]) if key in present else None
        after = _trace_row(new[key]) if key in new else None
        changes.add(
            key,
            None if before is None else index_entries.Searchable.of_row(before),
            None if after is None else index_entries.Searchable.of_row(after),
        )
    # The target may hold a block of the new rows without any span that refers to it.
    blocks = {
        row[0]
        for tables in (*(present[key] for key in old), *new.values())
        for row in tables[span_blocks]
    }
    for some in chunks(blocks, MAX_LOOKUP_VALUES):
        writing.execute(delete(span_blocks).where(span_blocks.c.block_key.in_(some)))
    for some in chunks(old, MAX_LOOKUP_VALUES):
        for table in (spans, traces):
            writing.execute(delete(table).where(table.c.trace_key.in_(some)))
    forget_parts(writing, old)  # the next spans make them anew
    for table in (traces, span_blocks, spans):
        database_of(writing).insert_rows(
            writing, table, [row for tables in new.values() for row in tables[table]]
        )
    changes.write(writing)


def _count(connection: Connection, table: Table) -> int:
    return connection.execute(select(func.count()).select_from(table)).scalar_one()


def _check_counts(reading: Connection, target: Engine) -> None:
    for table in _COUNTED:
        expected = _count(reading, table)
        with target.begin() as writing:
            present = _count(writing, table)
        if present != expected:
            raise StoreError(
                f"{store_name(target)} has {present} rows in {table.name}, its source "
                f"has {expected}. Do not use the copy; copy to an empty store."
            )
