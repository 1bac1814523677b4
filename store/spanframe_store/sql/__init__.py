"""The row stores: SQLite and PostgreSQL, by SQLAlchemy."""
