"""The files that an engine has opened, told from others that take their names later.

A connection goes on writing to a file that was deleted, or that another one has
replaced, and SQLite does not say so: what it commits is lost.
"""

import os
from pathlib import Path
from typing import Final
from weakref import WeakKeyDictionary

from sqlalchemy import Engine

from spanframe_store.contract.errors import (
    StoreUnavailableError,
    StoreUnusableError,
)

__all__ = ["files_of"]

_SIDECARS: Final = ("-wal", "-shm")
"""What SQLite appends to a name for the write-ahead log and for its index."""

_Identity = tuple[int, int]
"""Device and inode."""


class _Files:
    """The files of one writing engine.

    The first connection, or the first look, decides which file is the store. Its log,
    and the index of that, exist as long as a connection is open.
    """

    def __init__(self, path: Path) -> None:
        self._path = str(path)
        self._sidecar_paths: list[str] = []
        # Not yet: a file of an image's lower layer gets an inode when it is opened.
        self._store: _Identity | None = None
        self._sidecars: dict[str, _Identity] = {}
        self._connections = 0
        self._is_filled = False

    @property
    def may_be_new(self) -> bool:
        """Whether a connection may make the file."""
        return self._store is None

    def connected(self) -> None:
        """Note the files of a new connection.

        Raises:
            StoreUnusableError: they are not those of the connections before.
        """
        # SQLite follows a link, and keeps the log beside the file itself.
        real_path = os.path.realpath(self._path)
        self._sidecar_paths = [real_path + suffix for suffix in _SIDECARS]
        self._connections += 1
        try:
            self.check()
        except StoreUnavailableError:
            self.disconnected()
            raise

    def disconnected(self) -> None:
        """Note the end of a connection: the last one deletes the log."""
        self._connections -= 1
        if not self._connections:
            self._sidecars.clear()

    def check(self) -> None:
        """Check that the files are there that were opened.

        Raises:
            StoreUnusableError: a file was deleted, emptied or replaced.
            StoreUnavailableError: a file cannot be looked at.
        """
        status = _status(self._path)
        self._store = self._store or _identity(status)
        if self._store is None:
            return
        _compare(self._path, status, self._store)
        size = 0 if status is None else status.st_size
        if self._is_filled and not size:
            raise _unusable(self._path, "was emptied")
        self._is_filled = size > 0
        if self._connections:
            self._check_sidecars()

    def _check_sidecars(self) -> None:
        for path in self._sidecar_paths:
            status = _status(path)
            opened = self._sidecars.get(path)
            if opened is not None:
                _compare(path, status, opened)
            elif (found := _identity(status)) is not None:
                self._sidecars[path] = found


_of_engines: Final[WeakKeyDictionary[Engine, _Files]] = WeakKeyDictionary()


def files_of(engine: Engine) -> _Files:
    """Return the files of a writing engine."""
    found = _of_engines.get(engine)
    if found is None:
        path = Path(engine.url.database or "").expanduser().absolute()
        found = _of_engines[engine] = _Files(path)
    return found


def _unusable(path: str, fate: str) -> StoreUnusableError:
    return StoreUnusableError(
        f"{path} {fate} while it was in use (put back what belongs there; a restart "
        "uses what is there)"
    )


def _compare(path: str, found: os.stat_result | None, opened: _Identity) -> None:
    if found is None:
        raise _unusable(path, "was deleted")
    if _identity(found) != opened:
        raise _unusable(path, "was replaced by another file")


def _identity(status: os.stat_result | None) -> _Identity | None:
    return None if status is None else (status.st_dev, status.st_ino)


def _status(path: str) -> os.stat_result | None:
    """Return the status of a file; None: there is no file.

    Raises:
        StoreUnavailableError: nobody can tell.
    """
    try:
        return os.stat(path)  # noqa: PTH116 - in a third of the time of `Path.stat`
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise StoreUnavailableError(f"{path}: {error.strerror}") from error
