"""Inspects a store for an operator: its version, integrity, row counts and sizes."""

from sqlalchemy import Connection, Engine, column, func, select, table
from sqlalchemy.exc import DBAPIError

from spanframe.errors import StoreError
from spanframe_store.contract.results import Report
from spanframe_store.sql.engines import database_of
from spanframe_store.sql.migrations import HEAD, stored_version
from spanframe_store.sql.schema import attribute_index, experiments, spans, traces
from spanframe_store.sql.urls import driver_message, store_name

__all__ = ["inspect_store"]


def inspect_store(engine: Engine) -> Report:
    """Check a store from end to end; takes time in proportion to its size.

    Raises:
        StoreError: when the store cannot be read at all.
    """
    try:
        with engine.connect() as connection:
            version = stored_version(connection)
            database = database_of(connection)
            return Report(
                version,
                HEAD,
                database.version_note(),
                database.integrity_problems(connection),
                _counts(connection) if version == HEAD else {},
                *database.file_sizes(engine),
            )
    except DBAPIError as error:
        where = store_name(engine)
        raise StoreError(
            f"The store {where} cannot be read: {driver_message(error)}."
        ) from error


def _counts(connection: Connection) -> dict[str, int]:
    return {
        each.name: connection.execute(
            select(func.count()).select_from(table(each.name, column("*")))
        ).scalar_one()
        for each in (experiments, traces, spans, attribute_index)
    }
