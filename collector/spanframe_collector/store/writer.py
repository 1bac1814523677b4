"""The only writer of spans: one batch, one transaction, idempotent on every span.

A batch is folded in memory, and the store is asked only about traces it already holds:
which spans of them are known, and what their rows say. All of it happens inside one
transaction that excludes other writers, so nothing can change in between, and two
collectors on one store are safe.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final, NamedTuple

from sqlalchemy import Connection, Engine, bindparam, select

from spanframe_collector.rows import SpanRow
from spanframe_collector.store import postgresql, sqlite
from spanframe_collector.store.blocks import Dictionaries
from spanframe_collector.store.chunks import LOOKUP_SIZE, chunks
from spanframe_collector.store.experiments import experiment_ids
from spanframe_collector.store.interning import Interner, next_key
from spanframe_collector.store.recent import (
    KnownTrace,
    RecentTraces,
    known_after,
    mark_of,
)
from spanframe_collector.store.rollup import state_of
from spanframe_collector.store.schema import resources, scopes, span_kinds, traces
from spanframe_collector.store.span_rows import Keys, groups_of, write_spans
from spanframe_collector.store.trace_rows import states_of, write_traces
from spanframe_collector.store.usage import usage_of_traces

__all__ = ["SpanWriter", "Written"]

_BY_ID: Final = select(traces).where(
    traces.c.trace_id.in_(bindparam("ids", expanding=True))
)

_KNOWN_SPANS: Final = {
    "sqlite": sqlite.known_spans,
    "postgresql": postgresql.known_spans,
}


_MANY_SPANS: Final = 128
"""In one transaction; for fewer it is not worth waking another thread."""

_Identity = tuple[bytes, int, int]
"""Trace id, span id and digest of a span."""


class Written(NamedTuple):
    """What became of the spans of one request."""

    stored: int
    duplicates: int


class _Memories(NamedTuple):
    """What a transaction has stored, to be remembered once it is committed."""

    keys: Keys
    traces: Mapping[bytes, KnownTrace]


class SpanWriter:
    """Writes batches of spans to one store.

    Not thread-safe: one thread owns a writer, as one connection owns the write lock.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._resources = Interner(resources)
        self._scopes = Interner(scopes)
        self._kinds = Interner(span_kinds)
        self._dictionaries = Dictionaries()
        self._recent = RecentTraces()
        self._compressor = ThreadPoolExecutor(1, "spanframe-compressor")

    def write(self, requests: Sequence[Sequence[SpanRow]]) -> list[Written]:
        """Commit the spans of several requests in one transaction.

        When this returns, every one of them is in the store.

        Returns:
            What became of the spans of each request, in the order of the requests.

        Raises:
            sqlalchemy.exc.DBAPIError: when the store refuses; nothing is stored.
        """
        identities = [[_identity(span) for span in batch] for batch in requests]
        distinct: dict[_Identity, SpanRow] = {}
        for named, batch in zip(identities, requests, strict=True):
            distinct.update(zip(named, batch, strict=True))
        with self._engine.begin() as connection:
            trace_ids = {trace_id for trace_id, _, _ in distinct}
            known = self._recent.known(connection, trace_ids)
            known |= _known_traces(connection, trace_ids - known.keys())
            fresh = _without_known_spans(connection, distinct, known)
            new = fresh.values()
            written = self._write_new(connection, new, known) if fresh else None
            mark = mark_of(connection)
        # Only what is committed may be remembered.
        self._recent.keep({} if written is None else written.traces, mark)
        if written is not None:
            self._resources.remember(written.keys.resources)
            self._scopes.remember(written.keys.scopes)
            self._kinds.remember(written.keys.kinds)
            self._learn(new)
        return _shares(identities, fresh)

    def _write_new(
        self,
        connection: Connection,
        new: Collection[SpanRow],
        known: Mapping[bytes, KnownTrace],
    ) -> _Memories:
        """Write spans that the store does not hold; return what may be remembered."""
        by_trace: dict[bytes, list[SpanRow]] = {}
        for span in new:
            by_trace.setdefault(span.trace_id, []).append(span)
        keys = Keys(
            _trace_keys(connection, by_trace, known),
            self._resources.keys(connection, {span.resource for span in new}),
            self._scopes.keys(connection, {span.scope for span in new}),
            self._kinds.keys(connection, {span.kind for span in new}),
        )
        named = experiment_ids(connection, new)
        dictionary_key, codec = self._dictionaries.current(connection)
        groups = list(groups_of(by_trace, keys.traces))
        bodies = [[span.body for span in group] for group in groups]
        # Compressing leaves the interpreter to others, and folding needs nothing else.
        packing = (
            self._compressor.submit(codec.pack, bodies)
            if len(new) >= _MANY_SPANS
            else None
        )
        states, asked = states_of(by_trace, known, named)
        packed = codec.pack(bodies) if packing is None else packing.result()
        write_spans(connection, groups, packed, keys, dictionary_key)
        for trace_keys in chunks(asked, LOOKUP_SIZE):
            usages = usage_of_traces(connection, trace_keys)
            for trace_key in trace_keys:
                trace_id = asked[trace_key]
                usage = usages.get(trace_key)
                states[trace_id] = states[trace_id]._replace(usage=usage)
        write_traces(connection, states, known, keys.traces)
        written = {
            trace_id: known_after(
                keys.traces[trace_id], state, known.get(trace_id), by_trace[trace_id]
            )
            for trace_id, state in states.items()
        }
        return _Memories(keys, written)

    def _learn(self, stored: Iterable[SpanRow]) -> None:
        """Train a new dictionary when it is time; nothing is lost if that fails."""
        if self._dictionaries.sample([span.body for span in stored]):
            with self._engine.begin() as connection:
                self._dictionaries.train(connection)

    def probe(self) -> None:
        """Take the write lock and let it go.

        Raises:
            sqlalchemy.exc.DBAPIError: when a batch would be refused now.
        """
        with self._engine.begin():
            pass


def _identity(span: SpanRow) -> _Identity:
    return span.trace_id, span.span_id, span.digest


def _shares(
    requests: Sequence[Sequence[_Identity]], fresh: Collection[_Identity]
) -> list[Written]:
    """Say of each request what was new; a span sent twice counts for the first."""
    new = set(fresh)
    shares = []
    for batch in requests:
        mine = new.intersection(batch)
        new -= mine
        shares.append(Written(len(mine), len(batch) - len(mine)))
    return shares


def _known_traces(
    connection: Connection, trace_ids: Iterable[bytes]
) -> dict[bytes, KnownTrace]:
    """Return the traces the store holds already, by trace id."""
    return {
        row.trace_id: KnownTrace(row.trace_key, state_of(row._asdict()))
        for ids in chunks(trace_ids, LOOKUP_SIZE)
        for row in connection.execute(_BY_ID, {"ids": ids})
    }


def _without_known_spans(
    connection: Connection,
    batch: Mapping[_Identity, SpanRow],
    known: Mapping[bytes, KnownTrace],
) -> Mapping[_Identity, SpanRow]:
    """Return the spans that the store does not hold yet."""
    stored: set[_Identity] = set()
    asked: dict[int, bytes] = {}
    pairs: list[tuple[int, int]] = []
    for identity in batch:
        trace_id, span_id, digest = identity
        trace = known.get(trace_id)
        if trace is None:
            continue
        if trace.spans is None:
            asked[trace.trace_key] = trace_id
            pairs.append((trace.trace_key, span_id))
        elif (span_id, digest) in trace.spans:
            stored.add(identity)
    if pairs:
        known_spans = _KNOWN_SPANS[connection.dialect.name]
        for trace_key, span_id, digest in known_spans(connection, pairs):
            stored.add((asked[trace_key], span_id, digest))
    if not stored:
        return batch
    return {each: span for each, span in batch.items() if each not in stored}


def _trace_keys(
    connection: Connection,
    trace_ids: Iterable[bytes],
    known: Mapping[bytes, KnownTrace],
) -> dict[bytes, int]:
    """Return the keys of the traces that get spans, giving new ones the next."""
    following = next_key(connection, traces)
    keys = {}
    for trace_id in trace_ids:
        if trace_id in known:
            keys[trace_id] = known[trace_id].trace_key
        else:
            keys[trace_id] = following
            following += 1
    return keys
