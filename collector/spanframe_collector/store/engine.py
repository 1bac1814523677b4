"""Engines: from a store URL to connections with the guarantees the store makes.

SQLite: WAL and synchronous=FULL, so that a commit survives power loss; every
transaction of a writer begins IMMEDIATE, because a read transaction that upgrades is
refused at once (SQLITE_BUSY_SNAPSHOT); readers are query_only and never create a file.

PostgreSQL: see `store.postgresql`.
"""

import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import (
    ArgumentError,
    DBAPIError,
    InterfaceError,
    NoSuchModuleError,
    OperationalError,
)

from spanframe.errors import SettingsError, StoreError
from spanframe.settings import redact_url
from spanframe_collector.store.postgresql import (
    DRIVER,
    blames_rows,
    open_postgresql,
    primary_message,
)

__all__ = [
    "driver_message",
    "each_by_itself",
    "open_engine",
    "store_name",
    "would_take_later",
]

_BUSY_TIMEOUT_SECONDS: Final = 4.0
"""Below the 5 s within which every export is answered."""

_PAGE_BYTES: Final = 8192
"""Blocks of spans fill such pages better than those of 4096 bytes."""

_READING: Final = ("query_only = ON", "wal_autocheckpoint = 0")
_WRITING: Final = (
    f"page_size = {_PAGE_BYTES}",  # of a file that is made now
    "journal_mode = WAL",
    "temp_store = MEMORY",
)
# The indexes of a million traces have some 5 000 places where the values of the moment
# are written, a page each. Most of these are in the cache when the next batch comes,
# and what several batches write is copied from the log into the file once, so that a
# span takes a third less time.
_BUSY: Final = (
    f"cache_size = -{16 << 10}",  # KiB
    "wal_autocheckpoint = 16000",  # pages, 128 MB
)


def open_engine(
    url: str,
    *,
    read_only: bool = False,
    synchronous: str = "full",
    busy: bool = False,
) -> Engine:
    """Open the engine of a store; nothing is created or connected yet.

    A transaction of an engine that writes keeps every other writer out until its end.

    Args:
        url: SQLAlchemy URL of the store.
        read_only: connections that can only query; a missing SQLite file is an error.
        synchronous: of SQLite; ``full`` keeps every commit over power loss, ``normal``
            may lose the last ones and never corrupts.
        busy: of SQLite; takes memory and a long log for speed.

    Raises:
        MissingExtraError: when the driver of the database is not installed.
        SettingsError: when no store of spanframe has such a URL.
        StoreError: when a read-only engine is asked for a file that does not exist.
    """
    parsed = _parse(url)
    if parsed.get_backend_name() == "sqlite":
        if read_only:
            return _sqlite(parsed, _READING, read_only=True)
        writing = (
            *_WRITING,
            f"synchronous = {'NORMAL' if synchronous == 'normal' else 'FULL'}",
            *(_BUSY if busy else ()),
        )
        return _sqlite(parsed, writing, read_only=False)
    return open_postgresql(parsed, read_only=read_only)


def _parse(url: str) -> URL:
    try:
        parsed = make_url(url)
        name = f"{parsed.get_backend_name()}+{parsed.get_driver_name()}"
    except (ArgumentError, NoSuchModuleError):
        name = ""
    else:
        if name in {"sqlite+pysqlite", DRIVER}:
            return parsed
    problem = (
        f"store is {redact_url(url)!r}: no database that spanframe stores in; "
        f"write sqlite:///FILE or {DRIVER}://USER@HOST/DATABASE"
    )
    raise SettingsError([problem])


def _sqlite(url: URL, pragmas: Sequence[str], *, read_only: bool) -> Engine:
    path = Path(url.database or "").expanduser()
    if read_only and not path.is_file():
        raise StoreError(
            f"There is no store at {path.absolute()}. Start a collector with "
            f"--store sqlite:///{path}, or name the right file with "
            "spanframe.configure(store=…) or SPANFRAME_STORE."
        )
    mode = "rw" if read_only else "rwc"
    uri = f"file:{quote(str(path.absolute()))}?mode={mode}"

    def connect() -> sqlite3.Connection:
        connection = sqlite3.connect(
            uri,
            uri=True,
            timeout=_BUSY_TIMEOUT_SECONDS,
            isolation_level=None,  # transactions begin where `_begin` says
            check_same_thread=False,  # the pool hands a connection to one at a time
        )
        try:
            for pragma in pragmas:
                connection.execute(f"PRAGMA {pragma}").close()
        except sqlite3.Error:  # a file that is no database, a full disk
            connection.close()
            raise
        return connection

    engine = create_engine(url, creator=connect)
    begin = "BEGIN" if read_only else "BEGIN IMMEDIATE"

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        connection.exec_driver_sql(begin)

    return engine


def each_by_itself(connection: Connection) -> None:
    """Have each statement of a reading connection see the store as it is by then.

    For one that runs a single statement: to begin and to end a transaction are two more
    round trips to a server. In a file they cost nothing.
    """
    if connection.dialect.name == "postgresql":
        connection.execution_options(isolation_level="AUTOCOMMIT")


def store_name(engine: Engine) -> str:
    """Return the URL of a store as it may be shown."""
    return redact_url(engine.url.render_as_string(hide_password=True))


_WHAT_TO_LOOK_AT: Final = {
    "unable to open database file": (
        " (does its folder exist, and may this user write there?)"
    ),
    "attempt to write a readonly database": " (may this user write the file?)",
}


def driver_message(error: Any) -> str:
    """Return what the database said on one line, without statement and parameters."""
    said = getattr(error, "orig", None) or error
    diagnosis = getattr(said, "diag", None)
    primary = None if diagnosis is None else primary_message(diagnosis)
    message = " ".join((primary or str(said)).split()).rstrip(".")
    return message + _WHAT_TO_LOOK_AT.get(message, "")


def would_take_later(error: Exception) -> bool:
    """Return whether a store refuses for now, and not for what the rows hold."""
    if not isinstance(error, DBAPIError):
        return False
    state = getattr(error.orig, "sqlstate", None)
    if state is not None:
        return not blames_rows(state)
    return isinstance(error, OperationalError | InterfaceError)
