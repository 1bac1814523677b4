"""Connections to SQLite with the guarantees of the store.

WAL and synchronous=FULL, so that a commit survives power loss; every transaction of a
writer begins IMMEDIATE, because a read transaction that upgrades is refused at once
(SQLITE_BUSY_SNAPSHOT); readers are query_only and never create a file.
"""

import sqlite3
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final
from urllib.parse import quote

from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.exc import OperationalError

from spanframe.errors import StoreError
from spanframe_store.contract.store import WriterOptions
from spanframe_store.sql.engines.sqlite.files import files_of
from spanframe_store.sql.engines.sqlite.private_files import create_private
from spanframe_store.sql.engines.sqlite.turns import TurnConnection

__all__ = ["open_sqlite"]

_BUSY_TIMEOUT_SECONDS: Final = 4.0
"""Maximum wait for a lock, below the 5 s for answering an export."""

_PAGE_BYTES: Final = 8192
"""Bytes of a page; blocks of spans fill such pages better than pages of 4096 bytes."""

_OWN_TABLE: Final = "alembic_version"
_MAX_NAMED_TABLES: Final = 3
"""Maximum tables of another program that a message names."""

_READING: Final = ("query_only = ON", "wal_autocheckpoint = 0")
_WRITING: Final = (
    f"page_size = {_PAGE_BYTES}",  # of a new file
    "journal_mode = WAL",
    "temp_store = MEMORY",
)
# New traces write to some 5 000 pages of the indexes of a million traces. A larger
# cache holds most of these pages for the next batch, and a longer log copies the writes
# of several batches into the file together, so that a span takes a third less time.
_BUSY: Final = (
    f"cache_size = -{16 << 10}",  # KiB
    "wal_autocheckpoint = 16000",  # pages, 128 MB
)


def open_sqlite(url: URL, *, read_only: bool, options: WriterOptions) -> Engine:
    """Open the engine of a file; it connects, and creates a new file, on first use.

    Raises:
        StoreError: when a read-only engine is asked for a file that does not exist.
    """
    if read_only:
        return _engine(url, _READING, read_only=True)
    level = "NORMAL" if options.synchronous == "normal" else "FULL"
    pragmas = (*_WRITING, f"synchronous = {level}", *(_BUSY if options.busy else ()))
    return _engine(url, pragmas, read_only=False)


def _engine(url: URL, pragmas: Sequence[str], *, read_only: bool) -> Engine:
    path = Path(url.database or "").expanduser()
    if read_only and not path.is_file():
        raise StoreError(
            f"There is no store at {path.absolute()}. Start a collector with "
            f"--store sqlite:///{path}, or name the right file with "
            "spanframe.configure(store=…) or SPANFRAME_STORE."
        )
    name = f"file:{quote(str(path.absolute()))}"

    def connect() -> sqlite3.Connection:
        may_create = files is not None and files.may_be_new
        if may_create:
            with suppress(OSError):  # it exists, or SQLite says why it cannot
                create_private(path)
        connection = sqlite3.connect(
            f"{name}?mode={'rwc' if may_create else 'rw'}",
            uri=True,
            timeout=_BUSY_TIMEOUT_SECONDS,
            isolation_level=None,  # `_begin` begins transactions
            check_same_thread=False,  # the pool lends it to one thread at a time
            factory=sqlite3.Connection if read_only else TurnConnection,
        )
        try:
            if isinstance(connection, TurnConnection):
                _refuse_foreign(connection, path)
                connection.lock_beside(path)
            for pragma in pragmas:
                connection.execute(f"PRAGMA {pragma}").close()
            if files is not None:
                files.connected()
        # The file is not a database or not the one of before, or the disk is full.
        except (sqlite3.Error, StoreError):
            connection.close()
            raise
        return connection

    engine = create_engine(url, creator=connect)
    files = None if read_only else files_of(engine)
    if files is not None:
        event.listen(engine, "close", lambda *_: files.disconnected())

    event.listen(engine, "begin", _begin)
    return engine


def _begin(connection: Connection) -> None:
    """Begin a transaction: one that writes in turn, with SQLite's lock of writers."""
    driver = connection.connection.driver_connection
    if not isinstance(driver, TurnConnection):
        connection.exec_driver_sql("BEGIN")
        return
    try:
        driver.take_turn()
    except sqlite3.OperationalError as error:
        raise OperationalError("BEGIN IMMEDIATE", None, error) from error
    try:
        connection.exec_driver_sql("BEGIN IMMEDIATE")
    except BaseException:
        driver.end_turn()
        raise


def _refuse_foreign(connection: sqlite3.Connection, path: Path) -> None:
    """Leave a file of another program as it is: its journal mode would be changed.

    Raises:
        StoreError: when the file has tables, and none of a store.
    """
    found = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
    names = [name for (name,) in found]
    if names and _OWN_TABLE not in names:
        raise StoreError(
            f"{path} is not a store of spanframe: it has the tables of another program "
            f"({', '.join(names[:_MAX_NAMED_TABLES])}). Name another file, which is "
            "made."
        )
