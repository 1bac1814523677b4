"""The `Database` of SQLite."""

import contextlib
import json
import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple, cast

from sqlalchemy import (
    URL,
    Connection,
    Engine,
    Table,
    bindparam,
    event,
    func,
    select,
)
from sqlalchemy.exc import (
    DatabaseError,
    DataError,
    DBAPIError,
    IntegrityError,
    ProgrammingError,
)

from spanframe.errors import InvalidArgumentError, StoreError
from spanframe_store.contract.store import Progress, WriterOptions
from spanframe_store.sql.bulk import insert_in_portions
from spanframe_store.sql.codecs import codecs_of
from spanframe_store.sql.database import Database, FileIdentity, Pair
from spanframe_store.sql.engines.sqlite.connections import open_sqlite
from spanframe_store.sql.engines.sqlite.files import files_of
from spanframe_store.sql.engines.sqlite.private_files import create_private
from spanframe_store.sql.engines.sqlite.turns import TurnConnection
from spanframe_store.sql.schema import spans

if TYPE_CHECKING:
    from spanframe_store.sql.layout import RowLayout
    from spanframe_store.sql.plans import Plan

__all__ = ["SQLite"]

_PORTION_PAGES: Final = 2000
"""Pages copied per step; writers get their turn in between."""

_WITHOUT_WAL_RESET_BUG: Final = (3, 51, 3)
"""The first version of SQLite without its WAL-reset bug."""

_EQUAL_KEYS: Final = frozenset(
    {
        sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY,
        sqlite3.SQLITE_CONSTRAINT_ROWID,
        sqlite3.SQLITE_CONSTRAINT_UNIQUE,
    }
)
_DAMAGE: Final = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})
"""Primary result codes; their extended ones have the same lowest byte."""

_pair: Final = func.json_each(bindparam("pairs")).table_valued("value", name="pair")
# One range probe per pair, however many spans the traces hold.
_KNOWN_SPANS: Final = select(
    spans.c.trace_key, spans.c.span_id, spans.c.digest
).select_from(
    _pair.join(
        spans,
        (spans.c.trace_key == func.json_extract(_pair.c.value, "$[0]"))
        & (spans.c.span_id == func.json_extract(_pair.c.value, "$[1]")),
    )
)


class _Mark(NamedTuple):
    """Values of which one changes whenever the database does."""

    connection: sqlite3.Connection
    changes_of_others: int
    changes_of_ours: int


class SQLite(Database):
    """SQLite 3.38 or later."""

    name = "SQLite"
    dialect = "sqlite"
    knows_its_size = True

    def open(self, url: URL, *, read_only: bool, options: WriterOptions) -> Engine:
        """Open the engine of a file; see `connections`."""
        return open_sqlite(url, read_only=read_only, options=options)

    def prepare_reading(self, engine: Engine) -> None:
        """Register the functions that statements call, on each connection."""
        from spanframe_store.sql.engines.sqlite.layout import (  # noqa: PLC0415
            install_functions,
        )

        codecs = codecs_of(engine)

        @event.listens_for(engine, "connect")
        def _install(dbapi_connection: Any, record: object) -> None:
            del record
            install_functions(dbapi_connection, codecs)

    def would_take_later(self, error: Exception) -> bool:
        """Return whether the store refuses for now: only a few errors are of the rows.

        The writer gives keys while it holds the lock. Two equal ones are a fault of the
        store, for example a damaged index.
        """
        if isinstance(error, IntegrityError):
            return _code_of(error) in _EQUAL_KEYS
        return isinstance(error, DBAPIError) and not isinstance(
            error, DataError | ProgrammingError
        )

    def is_damaged(self, error: Exception) -> bool:
        """Return whether SQLite has found the file damaged, or not to be a database."""
        return isinstance(error, DatabaseError) and _code_of(error) & 0xFF in _DAMAGE

    def check_files(self, engine: Engine) -> None:
        """Check that the file, its log and the index of that are the ones opened."""
        files_of(engine).check()

    def save_log(self, connection: Connection) -> None:
        """Copy the write-ahead log into the file, and empty it."""
        driver = cast("TurnConnection", connection.connection.driver_connection)
        with driver.turn():
            driver.execute("PRAGMA wal_checkpoint(TRUNCATE)").close()

    def identity(self, engine: Engine) -> FileIdentity:
        """Return device and inode of the file; (0, 0): there is no file."""
        if engine.url.database is None:
            return None
        try:
            status = Path(engine.url.database).expanduser().stat()
        except FileNotFoundError:
            return (0, 0)
        return (status.st_dev, status.st_ino)

    def layout(self, plan: "Plan") -> "RowLayout":
        """Return the layout of SQLite; only readers import it."""
        from spanframe_store.sql.engines.sqlite.layout import (  # noqa: PLC0415
            SQLiteLayout,
        )

        return SQLiteLayout(plan)

    def known_spans(
        self, connection: Connection, pairs: Sequence[Pair]
    ) -> Iterator[tuple[int, int, int]]:
        """Yield trace key, span id and digest of the stored spans among some pairs."""
        rows = connection.execute(_KNOWN_SPANS, {"pairs": json.dumps(pairs)})
        for row in rows:
            yield row.trace_key, row.span_id, row.digest

    def insert_rows(
        self, connection: Connection, table: Table, rows: Sequence[tuple[Any, ...]]
    ) -> None:
        """Insert rows, hundreds per statement."""
        insert_in_portions(connection, table, rows)

    def mark(self, connection: Connection) -> _Mark:
        """Return SQLite's own counts of changes; call it in a transaction."""
        of_others = connection.exec_driver_sql("PRAGMA data_version").scalar_one()
        driver = cast("sqlite3.Connection", connection.connection.driver_connection)
        return _Mark(driver, of_others, driver.total_changes)

    def integrity_problems(self, connection: Connection) -> list[str]:
        """Return the lines of SQLite's integrity check, without ``ok``."""
        check = func.pragma_integrity_check(type_=None).table_valued("integrity_check")
        found = connection.execute(select(check.c.integrity_check)).scalars().all()
        return [] if found == ["ok"] else [str(line) for line in found]

    def version_note(self) -> str:
        """Return SQLite's version, with a caution for those with the WAL-reset bug."""
        if sqlite3.sqlite_version_info >= _WITHOUT_WAL_RESET_BUG:
            return sqlite3.sqlite_version
        return (
            f"{sqlite3.sqlite_version} (below 3.51.3: let programs of spanframe alone "
            "write to the file)"
        )

    def file_sizes(self, engine: Engine) -> tuple[int, int]:
        """Return the bytes of the file and of its write-ahead log."""
        path, wal = _files(engine)
        return path.stat().st_size, wal.stat().st_size if wal.exists() else 0

    def last_written_ms(self, engine: Engine) -> int | None:
        """Return when the file or its write-ahead log was last written."""
        times = [each.stat().st_mtime for each in _files(engine) if each.exists()]
        return int(max(times) * 1000) if times else None

    def used_bytes(self, connection: Connection) -> int:
        """Return the bytes of the pages in use."""
        total, free, size = (
            _pragma(connection, name)
            for name in ("page_count", "freelist_count", "page_size")
        )
        return (total - free) * size

    def keep_commits(self, engine: Engine) -> None:
        """Write the log to the disk, and as much of it as is possible to the file."""
        with contextlib.closing(engine.raw_connection()) as pooled:
            driver = cast("TurnConnection", pooled.driver_connection)
            with driver.turn():
                driver.execute("PRAGMA wal_checkpoint(PASSIVE)").close()

    def backup(self, engine: Engine, path: Path, progress: Progress) -> None:
        """Copy a store that is in use to a new file; ``progress`` counts pages."""
        try:
            create_private(path)
        except FileExistsError:
            problem = f"{path} exists; name a file that does not."
            raise InvalidArgumentError(problem) from None
        except OSError as error:
            raise _not_copied(path, error) from error
        try:
            with (
                contextlib.closing(engine.raw_connection()) as pooled,
                contextlib.closing(sqlite3.connect(path)) as copy,
            ):
                source = cast("sqlite3.Connection", pooled.driver_connection)
                source.backup(
                    copy,
                    pages=_PORTION_PAGES,
                    progress=lambda _, left, total: progress(total - left, total),
                )
        except sqlite3.Error as error:
            path.unlink()
            raise _not_copied(path, error) from error


def _files(engine: Engine) -> tuple[Path, Path]:
    """Return the file of a store and its write-ahead log."""
    path = Path(engine.url.database or "").expanduser()
    return path, path.with_name(path.name + "-wal")


def _not_copied(path: Path, error: Exception) -> StoreError:
    return StoreError(f"The store cannot be copied to {path}: {error}.")


def _code_of(error: DBAPIError) -> int:
    return getattr(error.orig, "sqlite_errorcode", 0)


def _pragma(connection: Connection, name: str) -> int:
    function = getattr(func, f"pragma_{name}")
    value = function(type_=None).table_valued(name).c[name]
    return int(connection.execute(select(value)).scalar_one())
