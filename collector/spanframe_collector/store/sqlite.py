"""Where SQLite differs from the other engines."""

import contextlib
import json
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Final, cast

from sqlalchemy import Connection, Engine, bindparam, func, select

from spanframe.errors import InvalidArgumentError, StoreError
from spanframe_collector.store.schema import spans

__all__ = ["backup", "known_spans"]

_BACKUP_PAGES: Final = 2000
"""Pages copied at a time; writers get their turn in between."""

_pair: Final = func.json_each(bindparam("pairs")).table_valued("value", name="pair")
# One range probe a pair, however many spans the traces hold.
_KNOWN_SPANS: Final = select(
    spans.c.trace_key, spans.c.span_id, spans.c.digest
).select_from(
    _pair.join(
        spans,
        (spans.c.trace_key == func.json_extract(_pair.c.value, "$[0]"))
        & (spans.c.span_id == func.json_extract(_pair.c.value, "$[1]")),
    )
)


def known_spans(
    connection: Connection, pairs: Sequence[tuple[int, int]]
) -> Iterator[tuple[int, int, int]]:
    """Yield (trace key, span id, digest) of the stored spans among (key, id) pairs."""
    rows = connection.execute(_KNOWN_SPANS, {"pairs": json.dumps(pairs)})
    for row in rows:
        yield row.trace_key, row.span_id, row.digest


def backup(engine: Engine, path: Path, progress: Callable[[int, int], None]) -> None:
    """Copy a store that is in use to a new file.

    Args:
        engine: of the store to copy.
        path: a file that does not exist.
        progress: told pages done and pages in all, again and again.

    Raises:
        InvalidArgumentError: when the file exists.
        StoreError: when the store cannot be read or the file not be written.
    """
    if path.exists():
        raise InvalidArgumentError(f"{path} exists; name a file that does not.")
    pooled = engine.raw_connection()
    source = cast("sqlite3.Connection", pooled.driver_connection)
    try:
        with contextlib.closing(sqlite3.connect(path)) as copy:
            source.backup(
                copy,
                pages=_BACKUP_PAGES,
                progress=lambda _, left, total: progress(total - left, total),
            )
    except sqlite3.Error as error:
        raise StoreError(f"The store cannot be copied to {path}: {error}.") from error
    finally:
        pooled.close()
