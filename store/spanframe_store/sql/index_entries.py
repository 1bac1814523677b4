"""The rows of ``attribute_index``, which find traces by their tags and metadata.

The index rows of a trace follow from its trace row alone, so a change is the difference
of two sets and needs no query.
"""

import json
from collections.abc import Mapping
from typing import Any, Final, NamedTuple, Self

from sqlalchemy import Connection, bindparam, delete

from spanframe_store.sql.bulk import execute_many
from spanframe_store.sql.engines import database_of
from spanframe_store.sql.schema import (
    KIND_METADATA,
    KIND_TAG,
    MAX_INDEXED_KEY_CHARS,
    MAX_INDEXED_VALUE_CHARS,
    UNINDEXED_METADATA,
    attribute_index,
)

__all__ = ["Changes", "Entry", "Searchable", "entries"]


Entry = tuple[int, str, str, int, int, str | None]
"""A row of ``attribute_index``: the values of its columns, in their order."""


_KEY_COLUMNS: Final = tuple(attribute_index.primary_key.columns)
_OLD_NAMES: Final = tuple(f"old_{column.name}" for column in _KEY_COLUMNS)
_DELETE: Final = delete(attribute_index).where(
    *(c == bindparam(name) for c, name in zip(_KEY_COLUMNS, _OLD_NAMES, strict=True))
)


class Searchable(NamedTuple):
    """The values by which the index finds a trace."""

    timestamp_ms: int
    tags: Mapping[str, str]
    metadata: Mapping[str, str]

    @classmethod
    def of_row(cls, row: Mapping[str, Any]) -> Self:
        """Read the values from a row of ``schema.traces``."""
        tags, metadata = json.loads(row["tags"]), json.loads(row["metadata"])
        return cls(row["timestamp_ms"], tags, metadata)


def _without(found_by: Searchable, other: Searchable) -> Searchable:
    """Return the values by which the index finds a trace, and not another state."""
    if found_by.timestamp_ms != other.timestamp_ms:
        return found_by
    tags, metadata = (
        {key: text for key, text in ours.items() if theirs.get(key) != text}
        for ours, theirs in (
            (found_by.tags, other.tags),
            (found_by.metadata, other.metadata),
        )
    )
    return Searchable(found_by.timestamp_ms, tags, metadata)


def entries(trace_key: int, found_by: Searchable) -> list[Entry]:
    """Return the index rows of a trace."""
    timestamp_ms = found_by.timestamp_ms
    return [
        (kind, key, value, timestamp_ms, trace_key, None)
        if len(value) <= MAX_INDEXED_VALUE_CHARS
        else (
            kind,
            key,
            value[:MAX_INDEXED_VALUE_CHARS],
            timestamp_ms,
            trace_key,
            value,
        )
        for kind, pairs in (
            (KIND_TAG, found_by.tags),
            (KIND_METADATA, found_by.metadata),
        )
        for key, value in pairs.items()
        if len(key) <= MAX_INDEXED_KEY_CHARS
        and (kind != KIND_METADATA or key not in UNINDEXED_METADATA)
    ]


class Changes:
    """Collects the index changes of a batch of traces, and writes them together."""

    def __init__(self) -> None:
        self._new: list[Entry] = []
        self._old: list[Entry] = []

    def add(
        self, trace_key: int, before: Searchable | None, after: Searchable | None
    ) -> None:
        """Add the change of a trace; None: it does not exist before, or after."""
        if before is None:
            self._new += entries(trace_key, after) if after else []
        elif after is None:
            self._old += entries(trace_key, before)
        elif before != after:
            self._old += entries(trace_key, _without(before, after))
            self._new += entries(trace_key, _without(after, before))

    def write(self, connection: Connection) -> None:
        """Write the changes; old rows go first, as a new row may have the same key."""
        old = [dict(zip(_OLD_NAMES, entry, strict=False)) for entry in self._old]
        execute_many(connection, _DELETE, old)
        if self._new:
            # Key order writes neighbours to one page. No two rows have the same key, so
            # the column after the key is never compared.
            self._new.sort()
            database_of(connection).insert_rows(connection, attribute_index, self._new)
