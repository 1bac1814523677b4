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

Stamps = list[tuple[int, int, int] | None]


class WatchedFiles(Generic[T]):
    """A value read from files, read again when one of them changes."""

    def __init__(self, paths: Sequence[str], read: Callable[[], T]) -> None:
        self._paths = [Path(path) for path in paths]
        self._read = read
        self._stamps = self._look()
        self._trouble: tuple[Stamps, str] | None = None
        self.value = read()

    def changed(self) -> bool:
        """Read the files again if one changed; return whether there is a new value.

        The old value stays in force while a file is away, cannot be read or is not
        valid, as when it is being replaced; each of these is logged once.
        """
        stamps = self._look()
        if stamps == self._stamps:
            if self._trouble is not None:
                self._trouble = None
                _log.info("%s can be used again, as before", self._names)
            return False
        try:
            self.value = self._read()
        except (OSError, ValueError) as error:
            # An OSError names its file; the text of other errors may hold a secret.
            reason = error if isinstance(error, OSError) else "the content is not valid"
            trouble = (stamps, str(reason))
            if trouble != self._trouble:
                self._trouble = trouble
                _log.warning(
                    "%s changed and cannot be used: %s. What was read before stays in "
                    "force, and every use tries again; put a valid file there.",
                    self._names,
                    reason,
                )
            return False
        self._stamps, self._trouble = stamps, None
        _log.info("%s changed and was read again", self._names)
        return True

    @property
    def _names(self) -> str:
        return ", ".join(str(path) for path in self._paths)

    def _look(self) -> Stamps:
        return [_stamp(path) for path in self._paths]


def _stamp(path: Path) -> tuple[int, int, int] | None:
    """Return what tells one content of a file from another; None: it is away."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino
