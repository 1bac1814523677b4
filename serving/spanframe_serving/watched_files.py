"""Values read from files, read again when the files change.

A rotated secret or a renewed certificate needs no restart.
"""

import logging
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final, Generic, TypeVar

__all__ = ["WatchedFiles"]

_log: Final = logging.getLogger(__name__)

T = TypeVar("T")


class WatchedFiles(Generic[T]):
    """A value read from files, read again when one of them changes."""

    def __init__(self, paths: Sequence[str], read: Callable[[], T]) -> None:
        self._paths = [Path(path) for path in paths]
        self._read = read
        self._stamp = self._stat()
        self.value = read()

    def changed(self) -> bool:
        """Read again if a file changed; return whether there is a new value.

        A file that cannot be read, or holds nonsense while it is being replaced, leaves
        the old value in force.
        """
        try:
            stamp = self._stat()
            if stamp == self._stamp:
                return False
            self._stamp = stamp
            self.value = self._read()
        except (OSError, ValueError) as error:
            # An OSError tells its file itself; the text of others may hold a secret.
            reason = error if isinstance(error, OSError) else "it holds nothing usable"
            names = ", ".join(str(path) for path in self._paths)
            _log.warning("Keeping what was last read from %s: %s", names, reason)
            return False
        _log.info("Read %s again", ", ".join(str(path) for path in self._paths))
        return True

    def _stat(self) -> list[tuple[int, int, int]]:
        stats = [path.stat() for path in self._paths]
        return [(s.st_mtime_ns, s.st_size, s.st_ino) for s in stats]
