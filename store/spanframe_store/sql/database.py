"""The interface of a database: everything that databases do differently.

The tables, the statements and the algorithm of the writer are the same on every
database. A new database is a folder in `engines`, with a `Database` and a layout.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from sqlalchemy import URL, ColumnElement, Connection, Engine, Table

from spanframe_store.contract.store import Progress, WriterOptions

if TYPE_CHECKING:
    from spanframe_store.sql.layout import RowLayout
    from spanframe_store.sql.plans import Plan

__all__ = ["Database", "FileIdentity", "Pair"]

Pair = tuple[int, int]
"""A trace key and a span id."""

FileIdentity = tuple[int, int] | None
"""Device and inode of a store's file; None for a server."""


class Database(ABC):
    """One kind of database; stateless.

    Attributes:
        name: the name that people read.
        dialect: SQLAlchemy's name of the dialect.
        knows_its_size: whether the database can tell the bytes in use, so that a limit
            on them can be kept.
    """

    name: ClassVar[str]
    dialect: ClassVar[str]
    knows_its_size: ClassVar[bool] = False

    # --- connections --------------------------------------------------------------

    @abstractmethod
    def open(self, url: URL, *, read_only: bool, options: WriterOptions) -> Engine:
        """Open the engine of a store; it connects on first use.

        A transaction of an engine that writes MUST keep every other writer out until
        its end.

        Raises:
            MissingExtraError: when the driver of the database is not installed.
            StoreError: when a read-only engine is asked for a file that does not exist.
        """

    def prepare_reading(self, engine: Engine) -> None:  # noqa: B027 - few have to
        """Prepare the connections of an engine for the statements of a layout."""

    def see_each_statement_alone(  # noqa: B027 - few have to
        self, connection: Connection
    ) -> None:
        """Let each statement of a reading connection see the latest state of the store.

        A connection that runs a single statement saves the two round trips to a server
        that begin and end a transaction.
        """

    def unsuitable(self, connection: Connection) -> str | None:
        """Return why a database cannot hold a store; None when it can."""
        del connection
        return None

    @abstractmethod
    def would_take_later(self, error: Exception) -> bool:
        """Return whether the store refuses for now, and not because of the rows."""

    def is_damaged(self, error: Exception) -> bool:
        """Return whether an error says that the store is damaged."""
        del error
        return False

    def ping(self, engine: Engine) -> None:  # noqa: B027 - a file needs no session
        """Ask a server whether it answers; take no lock."""

    def check_files(self, engine: Engine) -> None:  # noqa: B027 - a server has none
        """Check that the files that a writing engine has opened are still there.

        Raises:
            StoreUnusableError: a file was deleted, or another one took its place.
        """

    def save_log(self, connection: Connection) -> None:  # noqa: B027 - few have one
        """Bring what is committed from a log beside the file into the file."""

    def identity(self, engine: Engine) -> FileIdentity:
        """Return a value that changes when another file replaces that of the store."""
        del engine
        return None

    # --- reading ------------------------------------------------------------------

    @abstractmethod
    def layout(self, plan: "Plan") -> "RowLayout":
        """Return the layout of fields, for one statement that walks by a plan."""

    def has_name(
        self, column: ColumnElement[str], names: Sequence[str]
    ) -> ColumnElement[bool]:
        """Return whether a column holds one of some names, as its index serves it."""
        return column.in_(names)

    # --- writing ------------------------------------------------------------------

    @abstractmethod
    def known_spans(
        self, connection: Connection, pairs: Sequence[Pair]
    ) -> Iterable[tuple[int, int, int]]:
        """Yield trace key, span id and digest of the stored spans among some pairs."""

    @abstractmethod
    def insert_rows(
        self, connection: Connection, table: Table, rows: Sequence[tuple[Any, ...]]
    ) -> None:
        """Insert rows that have a value for every column, in the order of the table.

        The values are integers, text, bytes and None, and go to the driver as they are.
        """

    def mark(self, connection: Connection) -> Any:
        """Return a value that changes whenever the database does; None: it has none.

        The value changes with commits of other connections and with changes on this
        connection, which retention and edits in this process may share.
        """
        del connection
        return None

    def commit_soon(self, connection: Connection) -> None:  # noqa: B027
        """Let the commit of a transaction return before a server has written it."""

    def keep_commits(self, engine: Engine) -> None:  # noqa: B027
        """Keep over power loss what an engine with ``synchronous=normal`` committed."""

    def gather_statistics(self, connection: Connection) -> None:  # noqa: B027
        """Update the statistics of a server after many new rows."""

    # --- maintenance --------------------------------------------------------------

    def integrity_problems(self, connection: Connection) -> list[str]:
        """Return the problems that an integrity check finds."""
        del connection
        return []

    def version_note(self) -> str | None:
        """Return the version of the library, with a caution; None for a server."""
        return None

    def file_sizes(self, engine: Engine) -> tuple[int | None, int | None]:
        """Return the bytes of the file and of its log; None where there is no file."""
        del engine
        return None, None

    @abstractmethod
    def last_written_ms(self, engine: Engine) -> int | None:
        """Return when the store was last written, epoch ms; None: there is no file.

        A server returns the time of its clock.
        """

    def used_bytes(self, connection: Connection) -> int | None:
        """Return the bytes in use, without freed pages; None: the size is unknown."""
        del connection
        return None

    @abstractmethod
    def backup(self, engine: Engine, path: Path, progress: Progress) -> None:
        """Copy a store that is in use to a new file; ``progress`` counts pages.

        Raises:
            InvalidArgumentError: when the file exists, or the store is not a file.
            StoreError: when the store cannot be read, or the file cannot be written.
        """
