"""Alembic's environment: migrations run on the connection of the caller."""

from alembic import context

from spanframe_store.sql.schema import metadata

context.configure(
    connection=context.config.attributes["connection"], target_metadata=metadata
)
with context.begin_transaction():
    context.run_migrations()
