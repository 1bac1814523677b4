"""A writer's way to its store: errors that say what to do, files that are watched."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import StatementError

from spanframe.errors import StoreError
from spanframe_store.contract.errors import (
    RowsRefusedError,
    StoreUnavailableError,
    StoreUnusableError,
)
from spanframe_store.sql.engines import database_of
from spanframe_store.sql.urls import driver_message

__all__ = ["Access"]


class Access:
    """Connects a writer, until its store turns out to be damaged or gone."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._database = database_of(engine)
        self._unusable: StoreUnusableError | None = None

    def check(self) -> None:
        """Ask the server for a sign of life, or look for the file; writes nothing."""
        with self.refusals():
            self._database.ping(self._engine)
            self._database.check_files(self._engine)

    @contextmanager
    def connection(self) -> Iterator[Connection]:
        """Connect; when the block has committed, check that it did so to the store.

        A caller who reads OK forgets the spans: a check before the commit is too early.
        """
        with self._engine.connect() as connection:
            yield connection
            self._database.check_files(self._engine)

    @contextmanager
    def refusals(self) -> Iterator[None]:
        """Turn an error of the database into one that tells whether to try again."""
        if self._unusable is not None:
            raise self._unusable
        try:
            yield
        except StoreUnusableError as error:
            self._unusable = error
            self._save_log()
            raise
        except (StatementError, ValueError, OverflowError) as error:
            message = driver_message(error)
            if self._database.is_damaged(error):
                self._unusable = StoreUnusableError(message)
                raise self._unusable from error
            if self._database.would_take_later(error):
                raise StoreUnavailableError(message) from error
            # The message of such an error may quote the row.
            raise RowsRefusedError(type(error).__name__) from error

    def _save_log(self) -> None:
        """Bring what is committed into the file that is still open, wherever it is.

        A log without its name ends with this process, and a log beside another file
        would be taken for that file's own.
        """
        with (
            suppress(StoreError, self._engine.dialect.loaded_dbapi.Error),
            self._engine.connect() as connection,
        ):
            self._database.save_log(connection)
