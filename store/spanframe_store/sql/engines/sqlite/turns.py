"""One program at a time writes to a file, or copies its log into it.

SQLite before 3.51.3 can damage a database when one connection copies the write-ahead
log into the file (a checkpoint, which a commit may do) while another one begins the log
anew. SQLite's own lock of writers does not exclude checkpoints. So every transaction
that may write, and every checkpoint of our own, holds a lock on a file beside the
store. The system frees the lock when its holder dies.
"""

import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final
from weakref import WeakSet

try:
    import fcntl
except ModuleNotFoundError:  # pragma: no cover - Windows
    fcntl = None  # type: ignore[assignment]

__all__ = ["LOCK_SUFFIX", "TurnConnection"]

LOCK_SUFFIX: Final = "-lock"
"""What is appended to the name of a store for the file that is locked."""

_MODE_BITS: Final = 0o666
_MIN_PAUSE_SECONDS: Final = 0.001
_MAX_PAUSE_SECONDS: Final = 0.05


class TurnConnection(sqlite3.Connection):
    """A connection that writes in turn with those of other programs.

    Its caller calls `take_turn` before it begins a transaction.
    """

    def __init__(self, database: str, timeout: float, **options: Any) -> None:
        super().__init__(database, timeout=timeout, **options)
        self._timeout_seconds = timeout
        self._path = ""
        self._file: int | None = None
        self._holds = False
        _connections.add(self)

    def lock_beside(self, path: Path) -> None:
        """Name the store; its lock is beside the file itself, not beside a link."""
        self._path = os.path.realpath(path)

    def take_turn(self) -> None:
        """Wait until no other program writes.

        Raises:
            sqlite3.OperationalError: another one does for longer than SQLite waits for
                a lock.
        """
        if fcntl is None:  # pragma: no cover - Windows
            return
        pause, end = _MIN_PAUSE_SECONDS, time.monotonic() + self._timeout_seconds
        while not self._try_turn():
            if time.monotonic() >= end:
                raise sqlite3.OperationalError("database is locked")
            time.sleep(pause)
            pause = min(2 * pause, _MAX_PAUSE_SECONDS)

    def end_turn(self) -> None:
        """Let others write."""
        if self._holds and self._file is not None:
            self._holds = False
            fcntl.flock(self._file, fcntl.LOCK_UN)

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Hold the turn for a checkpoint."""
        self.take_turn()
        try:
            yield
        finally:
            self.end_turn()

    def commit(self) -> None:
        """Commit, which may be a checkpoint as well, and let others write."""
        try:
            super().commit()
        finally:
            self._end_with_transaction()

    def rollback(self) -> None:
        """Roll back, and let others write."""
        try:
            super().rollback()
        finally:
            self._end_with_transaction()

    def close(self) -> None:
        """Close; the last connection of all copies the log, when nobody else can."""
        super().close()
        self.forget()

    def forget(self) -> None:
        """Close the locked file; in a forked process the lock stays the parent's."""
        self._holds = False
        file, self._file = self._file, None
        if file is not None:
            os.close(file)

    def _end_with_transaction(self) -> None:
        if not self.in_transaction:
            self.end_turn()

    def _try_turn(self) -> bool:
        lock_path = self._path + LOCK_SUFFIX
        if self._file is None:
            self._file = _opened(self._path, lock_path)
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        self._holds = True
        return _is_at(self._file, lock_path) or not self._reopen(lock_path)

    def _reopen(self, lock_path: str) -> bool:
        """Open the file that has taken the place of the locked one; False: none has.

        Others would lock the new one. Where the whole folder is gone, those who have
        the store open have the same file.
        """
        try:
            fresh = _opened(self._path, lock_path)
        except sqlite3.OperationalError:
            return False
        self.forget()
        self._file = fresh
        return True


_connections: Final[WeakSet[TurnConnection]] = WeakSet()


def _opened(store: str, lock_path: str) -> int:
    """Open the file that is locked; a new one gets the mode of the store."""
    flags = os.O_RDONLY | os.O_CREAT | os.O_CLOEXEC
    try:
        mode = os.stat(store).st_mode & _MODE_BITS  # noqa: PTH116
        file = os.open(lock_path, flags | os.O_EXCL, mode)
        os.fchmod(file, mode)
    except FileExistsError:
        file = os.open(lock_path, flags)
    except OSError as error:
        raise sqlite3.OperationalError(f"unable to open {lock_path}") from error
    return file


def _is_at(file: int, path: str) -> bool:
    try:
        return os.path.samestat(os.fstat(file), os.stat(path))  # noqa: PTH116
    except FileNotFoundError:
        return False


def _forget_all() -> None:
    for connection in list(_connections):
        connection.forget()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_all)
