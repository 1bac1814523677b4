"""The version of a store: checked on opening it, changed only by Alembic."""

from pathlib import Path
from typing import TYPE_CHECKING, Final

from sqlalchemy import Connection, Engine, column, inspect, select, table
from sqlalchemy.exc import DBAPIError

from spanframe.errors import StoreError
from spanframe_store.sql.engines import database_of
from spanframe_store.sql.urls import driver_message, store_name

if TYPE_CHECKING:
    from alembic.config import Config

__all__ = ["HEAD", "check_version", "stored_version", "upgrade"]

HEAD: Final = "0003"
"""The version this code reads and writes (a test compares it with the scripts)."""

_VERSION_TABLE: Final = table("alembic_version", column("version_num"))


def stored_version(connection: Connection) -> str | None:
    """Return the version of a store; None for a store without tables of spanframe."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(select(_VERSION_TABLE.c.version_num)).scalar()


def check_version(engine: Engine) -> None:
    """Check that a store has the version this code reads.

    Raises:
        StoreError: when the store cannot be opened, or is empty, older or newer; the
            message has both versions and the remedy.
    """
    where = store_name(engine)
    try:
        with engine.connect() as connection:
            found = stored_version(connection)
    except DBAPIError as error:
        raise StoreError(
            f"The store {where} cannot be opened: {driver_message(error)}."
        ) from error
    if found is None:
        raise StoreError(
            f"The store {where} has no tables of spanframe. Create them with "
            f"`spanframe db upgrade --store {where}`, or start a collector on it."
        )
    if found != HEAD:
        raise StoreError(_mismatch(where, found))


def upgrade(engine: Engine) -> None:
    """Bring a store, also an empty one, to `HEAD`; no-op when it has that version.

    Raises:
        StoreError: when the store is newer than this code, or cannot be changed.
    """
    where = store_name(engine)
    try:
        with engine.begin() as connection:
            found = stored_version(connection)
            if found == HEAD:
                return
            if found is not None and found > HEAD:
                raise StoreError(_mismatch(where, found))
            why_not = database_of(connection).unsuitable(connection)
            if why_not is not None:
                raise StoreError(f"The store {where} cannot be used: {why_not}.")
            # A third of the start of a collector, whose store is mostly at `HEAD`.
            from alembic import command  # noqa: PLC0415

            command.upgrade(_config(connection), HEAD)
    except DBAPIError as error:
        raise StoreError(
            f"The store {where} cannot be brought to version {HEAD}: "
            f"{driver_message(error)}."
        ) from error


def _mismatch(where: str, found: str) -> str:
    remedy = (
        "Install a newer spanframe"
        if found > HEAD
        else f"Run `spanframe db upgrade --store {where}`"
    )
    return (
        f"The store {where} has version {found}, this spanframe needs {HEAD}. {remedy}."
    )


def _config(connection: Connection) -> "Config":
    from alembic.config import Config  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    return config
