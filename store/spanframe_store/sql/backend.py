"""Opens row stores by URL: the `Backend` of SQLite and PostgreSQL."""

from contextlib import closing
from typing import TYPE_CHECKING, Final

from sqlalchemy import Engine

from spanframe.errors import InvalidArgumentError
from spanframe_store.contract.results import Copied
from spanframe_store.contract.store import DEFAULT_OPTIONS, Progress, WriterOptions
from spanframe_store.sql.admin import SqlAdmin
from spanframe_store.sql.engines import DATABASES, database_of
from spanframe_store.sql.urls import parse_url
from spanframe_store.sql.writer import SpanWriter

if TYPE_CHECKING:
    from spanframe_store.sql.reader import SqlReader

_NO_FILE: Final = (0, 0)

__all__ = ["BACKEND", "SqlBackend", "open_engine"]


class SqlBackend:
    """The `Backend` of the row stores."""

    def writer(self, url: str, options: WriterOptions = DEFAULT_OPTIONS) -> SpanWriter:
        """Open a store for writing spans."""
        engine = open_engine(url, options=options)
        return SpanWriter(engine, options.max_trace_entries)

    def reader(self, url: str) -> "SqlReader":
        """Open a store for reading; a collector never loads the modules of a reader."""
        from spanframe_store.sql.reader import SqlReader  # noqa: PLC0415

        return SqlReader(open_engine(url, read_only=True))

    def admin(
        self,
        url: str,
        options: WriterOptions = DEFAULT_OPTIONS,
        *,
        read_only: bool = False,
    ) -> SqlAdmin:
        """Open a store for changes; ``read_only`` for calls that change nothing."""
        engine = open_engine(url, read_only=read_only, options=options)
        return SqlAdmin(engine, options.max_trace_entries)

    def copy(self, source: str, target: str, progress: Progress) -> Copied:
        """Make a row store hold what another row store holds."""
        from spanframe_store.sql.copying import copy_store  # noqa: PLC0415

        # What a crash loses is found and copied again, so no portion waits for a disk
        # that a collector keeps busy; the end of the copy does.
        options = WriterOptions(synchronous="normal", busy=True)
        with (
            closing(self.admin(target, options)) as writing,  # makes no file yet
            closing(self.admin(source, read_only=True)) as reading,
        ):
            if _are_one(reading.engine, writing.engine):
                raise InvalidArgumentError(
                    f"{reading.name} would be copied to itself: name another store."
                )
            reading.check_version()
            writing.upgrade()
            return copy_store(reading.engine, writing.engine, progress)


def _are_one(one: Engine, other: Engine) -> bool:
    """Return whether two engines are of one store, by whatever names."""
    files = {database_of(engine).identity(engine) for engine in (one, other)}
    return one.url == other.url or (len(files) == 1 and not files & {None, _NO_FILE})


def open_engine(
    url: str, *, read_only: bool = False, options: WriterOptions = DEFAULT_OPTIONS
) -> Engine:
    """Open the engine of a row store; it connects on first use.

    Args:
        url: SQLAlchemy URL of the store.
        read_only: whether connections can only query; a missing SQLite file is an
            error then.
        options: the options of an engine that writes.

    Raises:
        MissingExtraError: when the driver of the database is not installed.
        SettingsError: when the URL does not name a row store.
        StoreError: when a read-only engine is asked for a file that does not exist.
    """
    parsed = parse_url(url)
    database = DATABASES[parsed.get_backend_name()]
    return database.open(parsed, read_only=read_only, options=options)


BACKEND: Final = SqlBackend()
