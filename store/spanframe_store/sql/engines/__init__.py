"""The databases that hold the row store, one folder each."""

from typing import Final

from sqlalchemy import Connection, Engine

from spanframe_store.sql.database import Database
from spanframe_store.sql.engines.postgresql import PostgreSQL
from spanframe_store.sql.engines.sqlite import SQLite

__all__ = ["DATABASES", "database_of"]

DATABASES: Final[dict[str, Database]] = {
    each.dialect: each for each in (SQLite(), PostgreSQL())
}
"""The databases by SQLAlchemy's name of their dialect."""


def database_of(connection: Connection | Engine) -> Database:
    """Return the database behind a connection or an engine."""
    return DATABASES[connection.dialect.name]
