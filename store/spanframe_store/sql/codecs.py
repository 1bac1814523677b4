"""The codecs of a store's span blocks, read once and kept as long as its engine."""

from collections.abc import Iterable
from typing import Final
from weakref import WeakKeyDictionary

from sqlalchemy import Connection, Engine

from spanframe_store.sql.blocks import Codec, load_codecs

__all__ = ["Codecs", "codecs_of"]


class Codecs:
    """Codecs by dictionary key; the key None is of blocks without a dictionary."""

    def __init__(self) -> None:
        self._known: dict[int | None, Codec] = {None: Codec()}

    def __getitem__(self, dictionary_key: int | None) -> Codec:
        return self._known[dictionary_key]

    def read(self, keys: Iterable[int | None], connected: Connection) -> None:
        """Read the dictionaries of ``keys`` that are not known yet."""
        missing = [key for key in keys if key is not None and key not in self._known]
        if missing:
            self._known.update(load_codecs(connected, missing))

    def read_all(self, connected: Connection) -> None:
        """Read every dictionary that is not known yet."""
        newest = max((key for key in self._known if key is not None), default=0)
        self._known.update(load_codecs(connected, after=newest))


_of_engines: Final[WeakKeyDictionary[Engine, Codecs]] = WeakKeyDictionary()


def codecs_of(engine: Engine) -> Codecs:
    """Return the codecs of the store behind an engine."""
    return _of_engines.setdefault(engine, Codecs())
