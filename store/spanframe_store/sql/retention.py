"""Deletes the traces beyond a limit of age or size: whole traces, oldest first.

A trace whose start is unknown has no age: only the limit of size deletes it, and it
comes first. One call deletes one portion, so that writers get their turn in between.
New spans use the freed pages; the file does not shrink.
"""

from sqlalchemy import Engine, func, select
from sqlalchemy.exc import DBAPIError

from spanframe.errors import StoreError
from spanframe_store.contract.store import Limits
from spanframe_store.sql.engines import database_of
from spanframe_store.sql.mutations import delete_traces_before, transaction
from spanframe_store.sql.schema import traces
from spanframe_store.sql.urls import driver_message, store_name

__all__ = [
    "count_before",
    "last_written_ms",
    "prune_portion",
    "used_bytes",
]


def prune_portion(engine: Engine, limits: Limits, now_ms: int) -> int:
    """Delete one portion of the traces beyond the limits; return how many.

    Raises:
        StoreError: when the store cannot be written.
    """
    deleted = 0
    if limits.age_ms is not None:
        latest = now_ms - limits.age_ms
        deleted = delete_traces_before(engine, latest, with_start=True)
    if not deleted and limits.size_bytes is not None:
        used = used_bytes(engine)
        if used is not None and used > limits.size_bytes:
            deleted = delete_traces_before(engine, _latest_ms(engine))
    return deleted


def last_written_ms(engine: Engine) -> int | None:
    """Return when the store was last written, epoch ms; None: it is new.

    Raises:
        StoreError: when the store cannot be read.
    """
    try:
        return database_of(engine).last_written_ms(engine)
    except DBAPIError as error:
        where = store_name(engine)
        raise StoreError(
            f"The store {where} cannot be opened: {driver_message(error)}."
        ) from error


def count_before(engine: Engine, timestamp_ms: int) -> int:
    """Return how many traces are known to have started by ``timestamp_ms``."""
    start = traces.c.timestamp_ms
    query = select(func.count()).where(start <= timestamp_ms, start > 0)
    with engine.connect() as connection:
        return int(connection.execute(query).scalar_one())


def used_bytes(engine: Engine) -> int | None:
    """Return the bytes in use, without freed pages; None: the size is unknown.

    PostgreSQL counts the space of deleted rows as used until new rows take it, so that
    a limit of size would delete everything.

    Raises:
        StoreError: when the store is locked.
    """
    database = database_of(engine)
    if not database.knows_its_size:
        return None
    with transaction(engine) as connection:
        return database.used_bytes(connection)


def _latest_ms(engine: Engine) -> int:
    query = select(func.max(traces.c.timestamp_ms))
    with transaction(engine) as connection:
        return int(connection.execute(query).scalar() or 0)
