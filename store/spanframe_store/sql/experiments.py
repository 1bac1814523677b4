"""The experiments that spans state: names and numbers → ids."""

import time
from collections.abc import Iterable, Mapping
from hashlib import blake2b
from typing import Final

from sqlalchemy import Connection, insert, select

from spanframe_store.contract.spans import Fact, SpanRow
from spanframe_store.otlp.trace_state import EXPERIMENT_FIELDS
from spanframe_store.sql.chunks import MAX_LOOKUP_VALUES, chunks
from spanframe_store.sql.engines import database_of
from spanframe_store.sql.interning import next_key
from spanframe_store.sql.schema import experiments

__all__ = ["Experiments"]

_MAX_REMEMBERED: Final = 10_000
"""Experiments at which the memory starts anew."""

_MAX_ID: Final = (1 << 31) - 1
"""Maximum id of an experiment."""


class Experiments:
    """The ids of the experiments of one store.

    What is committed stays in memory, as experiments never change.
    """

    def __init__(self) -> None:
        self._remembered: dict[bytes, int] = {}

    def ids(
        self, connection: Connection, batch: Iterable[SpanRow]
    ) -> tuple[dict[Fact, int], Mapping[bytes, int]]:
        """Return the ids of the experiments that spans state; create unknown names.

        A number that no experiment has is left out: other facts decide the experiment
        of such a trace, and without any the trace goes to ``Default``.

        Returns:
            The ids by fact, and what `remember` takes once they are committed.
        """
        facts = _stated(batch)
        if not facts:
            return {}, {}
        digests = {fact: _digest(fact) for fact in facts}
        remembered = self._remembered
        ids = {f: remembered[d] for f, d in digests.items() if d in remembered}
        unknown = [fact for fact in facts if fact not in ids]
        if unknown:
            names = {fact.value for fact in unknown if fact.field == "experiment"}
            numbers = {fact.value for fact in unknown if fact.field != "experiment"}
            found = _named(connection, names)
            found |= _created(connection, sorted(names - found.keys()))
            known = _numbered(connection, numbers)
            for fact in unknown:
                by_text = found if fact.field == "experiment" else known
                if fact.value in by_text:
                    ids[fact] = by_text[fact.value]
        return ids, {digests[fact]: number for fact, number in ids.items()}

    def remember(self, ids: Mapping[bytes, int]) -> None:
        """Remember ids that are committed; a caller passes no others."""
        if len(self._remembered) > _MAX_REMEMBERED:  # senders must not fill the memory
            self._remembered.clear()
        self._remembered.update(ids)


def _stated(batch: Iterable[SpanRow]) -> set[Fact]:
    """Return the facts of spans that state an experiment."""
    stated: set[Fact] = set()
    shared: dict[int, tuple[Fact, ...]] = {}
    for span in batch:
        shared[id(span.shared_facts)] = span.shared_facts
        if span.own_facts:  # few spans have any, and this loop sees every span
            stated.update(f for f in span.own_facts if f.field in EXPERIMENT_FIELDS)
    for facts in shared.values():
        stated.update(f for f in facts if f.field in EXPERIMENT_FIELDS)
    return stated


def _digest(fact: Fact) -> bytes:
    """Return what stands for a statement in memory, whatever the length of a name."""
    text = f"{fact.field}\0{fact.value}".encode()
    return blake2b(text, digest_size=16).digest()


def _named(connection: Connection, names: Iterable[str]) -> dict[str, int]:
    """Return the ids of the names that the store has."""
    found: dict[str, int] = {}
    for some in chunks(names, MAX_LOOKUP_VALUES):
        query = select(experiments.c.name, experiments.c.experiment_id).where(
            database_of(connection).has_name(experiments.c.name, some)
        )
        found.update({row[0]: row[1] for row in connection.execute(query)})
    return found


def _created(connection: Connection, names: Iterable[str]) -> dict[str, int]:
    """Create experiments, and return their ids by name."""
    new = list(names)
    if not new:
        return {}
    following = next_key(connection, experiments)
    now_ms = time.time_ns() // 1_000_000
    ids = {name: following + n for n, name in enumerate(new)}
    connection.execute(
        insert(experiments),
        [
            {"experiment_id": number, "name": name, "creation_time_ms": now_ms}
            for name, number in ids.items()
        ],
    )
    return ids


def _numbered(connection: Connection, numbers: Iterable[str]) -> dict[str, int]:
    """Return the ids, by the text of an id, that experiments have."""
    by_text = {text: int(text) for text in numbers if _is_id(text)}
    known: set[int] = set()
    for some in chunks(by_text.values(), MAX_LOOKUP_VALUES):
        column = experiments.c.experiment_id
        known.update(
            connection.execute(select(column).where(column.in_(some))).scalars()
        )
    return {text: number for text, number in by_text.items() if number in known}


def _is_id(text: str) -> bool:
    """Return whether a text is an id in its one spelling."""
    is_number = text.isascii() and text.isdecimal() and len(text) <= len(str(_MAX_ID))
    return is_number and str(int(text)) == text and int(text) <= _MAX_ID
