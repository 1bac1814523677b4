"""What an operator asks a store: is it whole, which version, how much does it hold."""

from pathlib import Path
from typing import NamedTuple

from sqlalchemy import Connection, Engine, column, func, select, table
from sqlalchemy.exc import DBAPIError

from spanframe.errors import StoreError
from spanframe_collector.store.engine import driver_message, store_name
from spanframe_collector.store.migrations import HEAD, stored_version
from spanframe_collector.store.schema import attribute_index, experiments, spans, traces

__all__ = ["Report", "file_sizes", "inspect_store"]


class Report(NamedTuple):
    """The state of a store; sizes in bytes, None where the engine has no such file."""

    version: str | None
    expected_version: str
    problems: list[str]
    """What an integrity check found; empty: the store is whole."""
    rows: dict[str, int]
    file_bytes: int | None
    wal_bytes: int | None


def inspect_store(engine: Engine) -> Report:
    """Check a store from end to end; takes time in proportion to its size.

    Raises:
        StoreError: when it cannot be read at all.
    """
    try:
        with engine.connect() as connection:
            version = stored_version(connection)
            return Report(
                version,
                HEAD,
                _problems(connection),
                _counts(connection) if version == HEAD else {},
                *file_sizes(engine),
            )
    except DBAPIError as error:
        where = store_name(engine)
        raise StoreError(
            f"The store {where} cannot be read: {driver_message(error)}."
        ) from error


def _problems(connection: Connection) -> list[str]:
    if connection.dialect.name != "sqlite":
        return []
    check = func.pragma_integrity_check(type_=None).table_valued("integrity_check")
    found = connection.execute(select(check.c.integrity_check)).scalars().all()
    return [] if found == ["ok"] else [str(line) for line in found]


def _counts(connection: Connection) -> dict[str, int]:
    return {
        each.name: connection.execute(
            select(func.count()).select_from(table(each.name, column("*")))
        ).scalar_one()
        for each in (experiments, traces, spans, attribute_index)
    }


def file_sizes(engine: Engine) -> tuple[int | None, int | None]:
    """Return the bytes of a store's file and of its WAL; None where it has no file."""
    if engine.dialect.name != "sqlite":
        return None, None
    path = Path(engine.url.database or "")
    wal = path.with_name(path.name + "-wal")
    return path.stat().st_size, wal.stat().st_size if wal.exists() else 0
