"""Keys of values that spans share: resources, scopes and span signatures."""

from collections.abc import Iterable, Mapping
from typing import Final, Protocol

from sqlalchemy import Connection, Table, func, insert, select

from spanframe_store.sql.chunks import MAX_LOOKUP_VALUES, chunks

__all__ = ["Interner", "next_key"]

_MAX_REMEMBERED_KEYS: Final = 10_000
"""Keys per table at which the memory starts anew."""


class _Value(Protocol):
    """A value of an interned table; its fields are the columns without the key."""

    @property
    def digest(self) -> bytes: ...

    def _asdict(self) -> dict[str, object]: ...


class Interner:
    """Returns the keys of values of one table, and stores new values.

    Committed keys stay in memory, as the rows of such a table never change.
    """

    def __init__(self, table: Table) -> None:
        self._table = table
        self._key = next(iter(table.primary_key.columns))
        self._remembered: dict[bytes, int] = {}

    def keys(
        self, connection: Connection, values: Iterable[_Value]
    ) -> Mapping[bytes, int]:
        """Return the keys of values by their digests."""
        by_digest = {value.digest: value for value in values}
        remembered = self._remembered
        keys = {each: remembered[each] for each in by_digest if each in remembered}
        unknown = [digest for digest in by_digest if digest not in keys]
        for digests in chunks(unknown, MAX_LOOKUP_VALUES):
            column = self._table.c.digest
            query = select(column, self._key).where(column.in_(digests))
            keys.update({row[0]: row[1] for row in connection.execute(query)})
        # The values come as a set; sorted digests give equal stores equal keys.
        new = [by_digest[digest] for digest in sorted(by_digest.keys() - keys.keys())]
        if new:
            following = next_key(connection, self._table)
            keys.update({v.digest: following + n for n, v in enumerate(new)})
            connection.execute(
                insert(self._table),
                [{self._key.name: keys[v.digest], **v._asdict()} for v in new],
            )
        return keys

    def remember(self, keys: Mapping[bytes, int]) -> None:
        """Remember keys that are committed; a caller passes no others."""
        if (
            len(self._remembered) > _MAX_REMEMBERED_KEYS
        ):  # senders must not fill the memory
            self._remembered.clear()
        self._remembered.update(keys)


def next_key(connection: Connection, table: Table) -> int:
    """Return the key after the greatest; the write lock reserves it for the caller."""
    key = next(iter(table.primary_key.columns))
    return int(connection.execute(select(func.max(key))).scalar() or 0) + 1
