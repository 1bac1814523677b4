"""What a database does its own way: all that the rest of the package asks of it.

The tables, the statements and the algorithm of the writer are the same on every
database. A new one is a folder in `engines`, with a `Database` and a layout.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from sqlalchemy import URL, Connection, Engine, Table

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
        name: for people.
        dialect: SQLAlchemy's name.
        knows_its_size: whether the bytes in use can be told, so that a limit on them
            can be kept.
    """

    name: ClassVar[str]
    dialect: ClassVar[str]
    knows_its_size: ClassVar[bool] = False

    # --- connections --------------------------------------------------------------

    @abstractmethod
    def open(self, url: URL, *, read_only: bool, options: WriterOptions) -> Engine:
        """Open the engine of a store; nothing is created or connected yet.

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
        """Have each statement of a reading connection see the store as it is by then.

        For one that runs a single statement: to begin and to end a transaction are two
        more round trips to a server.
        """

    def unsuitable(self, connection: Connection) -> str | None:
        """Return why a database cannot hold a store; None when it can."""
        del connection
        return None

    @abstractmethod
    def would_take_later(self, error: Exception) -> bool:
        """Return whether the store refuses for now, and not for what the rows hold."""

    def identity(self, engine: Engine) -> FileIdentity:
        """Return what changes when another file takes the place of the store's."""
        del engine
        return None

    # --- reading ------------------------------------------------------------------

    @abstractmethod
    def layout(self, plan: "Plan") -> "RowLayout":
        """Return where fields are found, for one statement that walks by a plan."""

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

        It changes with what other connections commit, and with what is done on this
        one: retention and edits in this process may share it.
        """
        del connection
        return None

    def gather_statistics(self, connection: Connection) -> None:  # noqa: B027
        """Have a server know at once what many new rows hold."""

    # --- looking after a store ----------------------------------------------------

    def integrity_problems(self, connection: Connection) -> list[str]:
        """Return what an integrity check finds; nothing: the store is whole."""
        del connection
        return []

    def version_note(self) -> str | None:
        """Return the version of the library, with a caution; None: it is a server's."""
        return None

    def file_sizes(self, engine: Engine) -> tuple[int | None, int | None]:
        """Return the bytes of the file and of its log; None where there is no file."""
        del engine
        return None, None

    def used_bytes(self, connection: Connection) -> int | None:
        """Return the bytes in use, without freed pages; None where nobody can tell."""
        del connection
        return None

    @abstractmethod
    def backup(self, engine: Engine, path: Path, progress: Progress) -> None:
        """Copy a store that is in use to a new file; ``progress`` is told pages.

        Raises:
            InvalidArgumentError: when the file exists, or the store is not a file.
            StoreError: when the store cannot be read or the file not be written.
        """
