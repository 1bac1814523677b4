"""SQLite 3.38 or later: the embedded store, one file."""

from spanframe_store.sql.engines.sqlite.database import SQLite

__all__ = ["SQLite"]
