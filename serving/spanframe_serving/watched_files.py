"""Values that are read from files, and again when the files change.

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
        """Read the files again if one changed; return whether there is a new value.

        The old value stays in force while a file cannot be read or is not valid, as
        when it is being replaced.
        """
        try:
            stamp = self._stat()
            if stamp == self._stamp:
                return False
            self._stamp = stamp
            self.value = self._read()
        except (OSError, ValueError) as error:
            # An OSError names its file; the text of other errors may hold a secret.
            reason = error if isinstance(error, OSError) else "the content is not valid"
            names = ", ".join(str(path) for path in self._paths)
            _log.warning(
                "%s changed and cannot be used: %s. What was read before stays in "
                "force; the next change is read again.",
                names,
                reason,
            )
            return False
        _log.info(
            "%s changed and was read again",
            ", ".join(str(path) for path in self._paths),
        )
        return True

    def _stat(self) -> list[tuple[int, int, int]]:
        stats = [path.stat() for path in self._paths]
        return [(s.st_mtime_ns, s.st_size, s.st_ino) for s in stats]
