"""PostgreSQL 15 or later."""

from spanframe_store.sql.engines.postgresql.database import PostgreSQL

__all__ = ["PostgreSQL"]
