"""Keys of values that spans share: resources, scopes and span signatures."""

from collections.abc import Iterable, Mapping
from typing import Final, Protocol

from sqlalchemy import Connection, Table, func, insert, select

from spanframe_store.sql.chunks import MAX_LOOKUP_VALUES, chunks

__all__ = ["Interner", "next_key"]

_MAX_REMEMBERED_KEYS: Final = 10_000


class _Value(Protocol):
    """A value of an interned table; its fields are the columns but for the key."""

    @property
    def digest(self) -> bytes: ...

    def _asdict(self) -> dict[str, object]: ...


class Interner:
    """Gives the values of one table their keys, storing new ones.

    What was once committed is remembered, as these rows never change.
    """

    def __init__(self, table: Table) -> None:
        self._table = table
        self._key = next(iter(table.primary_key.columns))
        self._remembered: dict[bytes, int] = {}

    def keys(
        self, connection: Connection, values: Iterable[_Value]
    ) -> Mapping[bytes, int]:
        """Return the keys of values by their digests."""
        wanted = {value.digest: value for value in values}
        known = self._remembered
        keys = {digest: known[digest] for digest in wanted if digest in known}
        for digests in chunks((d for d in wanted if d not in keys), MAX_LOOKUP_VALUES):
            column = self._table.c.digest
            query = select(column, self._key).where(column.in_(digests))
            keys.update({row[0]: row[1] for row in connection.execute(query)})
        # In an order of their own: they come as a set, and equal stores get equal keys.
        new = [wanted[digest] for digest in sorted(wanted.keys() - keys.keys())]
        if new:
            following = next_key(connection, self._table)
            keys.update({v.digest: following + n for n, v in enumerate(new)})
            connection.execute(
                insert(self._table),
                [{self._key.name: keys[v.digest], **v._asdict()} for v in new],
            )
        return keys

    def remember(self, keys: Mapping[bytes, int]) -> None:
        """Remember keys that are committed, and only those."""
        if (
            len(self._remembered) > _MAX_REMEMBERED_KEYS
        ):  # a sender must not fill the memory
            self._remembered.clear()
        self._remembered.update(keys)


def next_key(connection: Connection, table: Table) -> int:
    """Return the key that follows the greatest; the write lock makes it ours."""
    key = next(iter(table.primary_key.columns))
    return int(connection.execute(select(func.max(key))).scalar() or 0) + 1
