"""Which traces a store may forget: by age, by size, always whole traces, oldest first.

A trace whose start nobody knows has no age: it goes by size, and then first. One call
deletes one portion, so that writers get their turn in between. Freed pages are used
again by what is stored next; the file does not shrink.
"""

from typing import NamedTuple

from sqlalchemy import Connection, Engine, func, select

from spanframe_collector.store.mutations import delete_traces_before, transaction
from spanframe_collector.store.schema import traces

__all__ = [
    "Limits",
    "count_before",
    "knows_its_size",
    "prune_portion",
    "used_bytes",
]


class Limits(NamedTuple):
    """What may be kept; None: without limit."""

    age_ms: int | None = None
    size_bytes: int | None = None


def prune_portion(engine: Engine, limits: Limits, now_ms: int) -> int:
    """Delete a portion of what is beyond the limits; return how many traces, 0: none.

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


def count_before(engine: Engine, timestamp_ms: int) -> int:
    """Return how many traces are known to have started by ``timestamp_ms``."""
    start = traces.c.timestamp_ms
    query = select(func.count()).where(start <= timestamp_ms, start > 0)
    with engine.connect() as connection:
        return int(connection.execute(query).scalar_one())


def knows_its_size(engine: Engine) -> bool:
    """Return whether an engine can tell the bytes in use.

    PostgreSQL counts the space of deleted rows as used until it is used again: a limit
    on it would delete everything.
    """
    return engine.dialect.name == "sqlite"


def used_bytes(engine: Engine) -> int | None:
    """Return the bytes in use, without freed pages; None where nobody can tell.

    Raises:
        StoreError: when the store is locked.
    """
    if not knows_its_size(engine):
        return None
    with transaction(engine) as connection:
        total, free, size = (
            _pragma(connection, name)
            for name in ("page_count", "freelist_count", "page_size")
        )
    return (total - free) * size


def _pragma(connection: Connection, name: str) -> int:
    function = getattr(func, f"pragma_{name}")
    value = function(type_=None).table_valued(name).c[name]
    return int(connection.execute(select(value)).scalar_one())


def _latest_ms(engine: Engine) -> int:
    query = select(func.max(traces.c.timestamp_ms))
    with transaction(engine) as connection:
        return int(connection.execute(query).scalar() or 0)
