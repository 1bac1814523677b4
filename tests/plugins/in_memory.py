"""Where files are kept that a run of the tests makes many of."""

import os
import shutil
from pathlib import Path
from typing import Final

__all__ = ["in_memory"]

_MEMORY: Final = Path("/dev/shm")  # noqa: S108 - who takes it makes a folder of its own
_ROOM_BYTES: Final = 6 << 30
"""Free space that makes it worth asking for: all tests together take a third."""


def in_memory() -> Path | None:
    """Return a file system in memory, where there is one with room.

    A database is some 300 files, an image 10 000. On a disk a tenth of the CPU of all
    tests would go into finding them inodes, and their removal would take a minute.
    """
    if not os.access(_MEMORY, os.W_OK):
        return None
    if os.statvfs(_MEMORY).f_flag & os.ST_NOEXEC:
        return None
    return _MEMORY if shutil.disk_usage(_MEMORY).free > _ROOM_BYTES else None
