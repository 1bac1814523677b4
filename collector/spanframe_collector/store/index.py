"""The rows of ``attribute_index``: what of a trace is found by its tags and metadata.

The rows of a trace follow from its trace row alone, so a change is the difference of
two sets and nothing has to be searched.
"""

import json
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection, bindparam, delete

from spanframe_collector.store.bulk import insert_rows
from spanframe_collector.store.schema import (
    INDEXED_VALUE_LENGTH,
    KIND_METADATA,
    KIND_TAG,
    attribute_index,
)

__all__ = ["Changes", "Entry", "entries"]


class Entry(NamedTuple):
    """One row of ``attribute_index``, in the order of its columns."""

    kind: int
    key: str
    value: str
    timestamp_ms: int
    trace_key: int
    whole_value: str | None


_KEY_COLUMNS: Final = tuple(attribute_index.primary_key.columns)
_DELETE: Final = delete(attribute_index).where(
    *(column == bindparam(f"old_{column.name}") for column in _KEY_COLUMNS)
)


def entries(trace_key: int, row: Mapping[str, Any]) -> set[Entry]:
    """Return the index rows of a trace row."""
    return {
        Entry(
            kind,
            key,
            value[:INDEXED_VALUE_LENGTH],
            row["timestamp_ms"],
            trace_key,
            value if len(value) > INDEXED_VALUE_LENGTH else None,
        )
        for kind, column in ((KIND_TAG, "tags"), (KIND_METADATA, "metadata"))
        for key, value in json.loads(row[column]).items()
    }


class Changes:
    """Collects the index changes of a batch of traces, to be written at once."""

    def __init__(self) -> None:
        self._new: list[Entry] = []
        self._old: list[Entry] = []

    def add(
        self,
        trace_key: int,
        before: Mapping[str, Any] | None,
        after: Mapping[str, Any] | None,
    ) -> None:
        """Note how a trace row changes; None: it is not there before, or after."""
        old = entries(trace_key, before) if before else set()
        new = entries(trace_key, after) if after else set()
        self._old.extend(old - new)
        self._new.extend(new - old)

    def write(self, connection: Connection) -> None:
        """Write the changes; old rows go first, since a new one may have their key."""
        if self._old:
            connection.execute(
                _DELETE,
                [
                    {f"old_{c.name}": getattr(entry, c.name) for c in _KEY_COLUMNS}
                    for entry in self._old
                ],
            )
        if self._new:
            # In key order, so that neighbours are written to one page.
            self._new.sort(key=lambda entry: entry[:5])
            insert_rows(connection, attribute_index, self._new)
