"""Creates the files of a store for its owner alone.

SQLite gives its write-ahead log and its index the mode of the database file.
"""

import os
from pathlib import Path
from typing import Final

__all__ = ["create_private"]

_OWNER_ONLY: Final = 0o600


def create_private(path: Path) -> None:
    """Create an empty file that its owner alone may read; leave one that exists.

    A file that exists is not even opened: closing it would drop the locks that another
    connection of this process holds on it.

    Raises:
        FileExistsError: when there is such a file.
        OSError: when it cannot be created.
    """
    os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, _OWNER_ONLY))
