"""The only writer of spans: one batch, one transaction, idempotent on every span.

A batch is folded in memory, and the store is asked only about traces it already holds:
which spans of them are known, and what their rows say. All of it happens inside one
transaction that excludes other writers, so nothing can change in between, and two
collectors on one store are safe.
"""

import time
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import chain
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection, Engine, bindparam, insert, select, update

from spanframe_collector.rows import Fact, SpanRow
from spanframe_collector.store import index, postgresql, sqlite
from spanframe_collector.store.blocks import Dictionaries, portions
from spanframe_collector.store.bulk import execute_many, insert_rows
from spanframe_collector.store.chunks import LOOKUP_SIZE, chunks
from spanframe_collector.store.interning import Interner, next_key
from spanframe_collector.store.rollup import (
    EMPTY,
    EXPERIMENT_FIELDS,
    TraceState,
    columns_of,
    fold,
    merge,
    searchable_of,
    state_of,
)
from spanframe_collector.store.schema import (
    experiments,
    resources,
    scopes,
    span_blocks,
    span_kinds,
    spans,
    traces,
)
from spanframe_collector.store.usage import usage_of_spans, usage_of_traces

__all__ = ["SpanWriter", "Written", "experiment_ids"]

_TRACE_COLUMNS: Final = tuple(traces.c.keys())
_CHANGED: Final = update(traces).where(traces.c.trace_key == bindparam("key"))
_GROWN: Final = _CHANGED.values(
    span_count=bindparam("count"), size_bytes=bindparam("size")
)
_BY_ID: Final = select(traces).where(
    traces.c.trace_id.in_(bindparam("ids", expanding=True))
)

_KNOWN_SPANS: Final = {
    "sqlite": sqlite.known_spans,
    "postgresql": postgresql.known_spans,
}


_Identity = tuple[bytes, int, int]
"""Trace id, span id and digest of a span."""


class Written(NamedTuple):
    """What became of the spans of one request."""

    stored: int
    duplicates: int


class _Known(NamedTuple):
    """A trace the store holds already: its key, its row, its state."""

    trace_key: int
    row: Mapping[str, Any]
    state: TraceState


class _Interned(NamedTuple):
    """The keys of what the spans of a batch refer to, by digest."""

    resources: Mapping[bytes, int]
    scopes: Mapping[bytes, int]
    kinds: Mapping[bytes, int]


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

    def write(self, requests: Sequence[Sequence[SpanRow]]) -> list[Written]:
        """Commit the spans of several requests in one transaction.

        When this returns, every one of them is in the store.

        Returns:
            What became of the spans of each request, in the order of the requests.

        Raises:
            sqlalchemy.exc.DBAPIError: when the store refuses; nothing is stored.
        """
        distinct = {_identity(span): span for batch in requests for span in batch}
        interned = None
        with self._engine.begin() as connection:
            trace_ids = {trace_id for trace_id, _, _ in distinct}
            known = dict(_known_traces(connection, trace_ids))
            fresh = _without_known_spans(connection, distinct, known)
            new = fresh.values()
            if fresh:
                by_trace: dict[bytes, list[SpanRow]] = {}
                for span in new:
                    by_trace.setdefault(span.trace_id, []).append(span)
                trace_keys = _trace_keys(connection, by_trace, known)
                interned = self._intern(connection, new)
                self._write_spans(connection, by_trace, trace_keys, interned)
                _write_traces(connection, by_trace, known, trace_keys)
        if interned is not None:
            # Only what is committed may be remembered.
            self._resources.remember(interned.resources)
            self._scopes.remember(interned.scopes)
            self._kinds.remember(interned.kinds)
            self._learn(new)
        return _shares(requests, fresh)

    def _intern(self, connection: Connection, fresh: Iterable[SpanRow]) -> _Interned:
        return _Interned(
            self._resources.keys(connection, {span.resource for span in fresh}),
            self._scopes.keys(connection, {span.scope for span in fresh}),
            self._kinds.keys(connection, {span.kind for span in fresh}),
        )

    def _write_spans(
        self,
        connection: Connection,
        fresh: Mapping[bytes, Sequence[SpanRow]],
        trace_keys: Mapping[bytes, int],
        interned: _Interned,
    ) -> None:
        """Insert spans and their blocks."""
        dictionary_key, codec = self._dictionaries.current(connection)
        block_key = next_key(connection, span_blocks)
        blocks: list[tuple[Any, ...]] = []
        rows: list[tuple[Any, ...]] = []
        for block in _blocks(fresh, trace_keys):
            first = block[0]
            trace_key = trace_keys[first.trace_id]
            blocks.append(
                (
                    block_key,
                    interned.resources[first.resource.digest],
                    interned.scopes[first.scope.digest],
                    dictionary_key,
                    codec.pack([span.body for span in block]),
                )
            )
            rows += [
                (
                    trace_key,
                    span.span_id,
                    span.digest,
                    span.parent_span_id,
                    interned.kinds[span.kind.digest],
                    span.end_ns,
                    span.usage,
                    block_key,
                    position,
                )
                for position, span in enumerate(block)
            ]
            block_key += 1
        insert_rows(connection, span_blocks, blocks)
        insert_rows(connection, spans, rows)

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
    requests: Sequence[Sequence[SpanRow]], fresh: Collection[_Identity]
) -> list[Written]:
    """Say of each request what was new; a span sent twice counts for the first."""
    new = set(fresh)
    shares = []
    for batch in requests:
        mine = new.intersection(map(_identity, batch))
        new -= mine
        shares.append(Written(len(mine), len(batch) - len(mine)))
    return shares


def _blocks(
    fresh: Mapping[bytes, Sequence[SpanRow]], trace_keys: Mapping[bytes, int]
) -> Iterator[Sequence[SpanRow]]:
    """Yield the spans that share a block, in the order of the keys of their traces.

    So the tree of spans grows at its end, and a trace is read from one place.
    """
    for trace_id in sorted(fresh, key=trace_keys.__getitem__):
        origins: dict[tuple[bytes, bytes], list[SpanRow]] = {}
        for span in fresh[trace_id]:
            origin = (span.resource.digest, span.scope.digest)
            origins.setdefault(origin, []).append(span)
        for members in origins.values():
            yield from portions(members, [len(span.body) for span in members])


def _known_traces(
    connection: Connection, trace_ids: Iterable[bytes]
) -> Iterator[tuple[bytes, _Known]]:
    """Yield the traces the store holds already, by trace id."""
    for ids in chunks(trace_ids, LOOKUP_SIZE):
        for row in connection.execute(_BY_ID, {"ids": ids}):
            columns = row._asdict()
            yield row.trace_id, _Known(row.trace_key, columns, state_of(columns))


def _without_known_spans(
    connection: Connection,
    batch: Mapping[_Identity, SpanRow],
    known: Mapping[bytes, _Known],
) -> Mapping[_Identity, SpanRow]:
    """Return the spans that the store does not hold yet."""
    pairs = [
        (known[trace_id].trace_key, span_id)
        for trace_id, span_id, _ in batch
        if trace_id in known
    ]
    if not pairs:
        return batch
    known_spans = _KNOWN_SPANS[connection.dialect.name]
    stored = set(known_spans(connection, pairs))
    return {
        (trace_id, span_id, digest): span
        for (trace_id, span_id, digest), span in batch.items()
        if trace_id not in known
        or (known[trace_id].trace_key, span_id, digest) not in stored
    }


def _trace_keys(
    connection: Connection, trace_ids: Iterable[bytes], known: Mapping[bytes, _Known]
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


def _write_traces(
    connection: Connection,
    by_trace: Mapping[bytes, Sequence[SpanRow]],
    known: Mapping[bytes, _Known],
    trace_keys: Mapping[bytes, int],
) -> None:
    """Insert or update the rows of the traces whose spans have just been stored."""
    named = experiment_ids(connection, chain.from_iterable(by_trace.values()))
    states = {
        trace_id: merge(
            known[trace_id].state if trace_id in known else EMPTY,
            fold(group, named),
        )
        for trace_id, group in by_trace.items()
    }
    _put_usage(connection, by_trace, known, states)
    new_rows: list[tuple[Any, ...]] = []
    changed_rows: list[dict[str, Any]] = []
    grown_rows: list[dict[str, Any]] = []
    changes = index.Changes()
    for trace_id, state in states.items():
        key, before = trace_keys[trace_id], known.get(trace_id)
        if before is not None and _only_grew(before.state, state):
            grown_rows.append(
                {"key": key, "count": state.span_count, "size": state.size_bytes}
            )
            continue
        found_by = searchable_of(state)
        columns = columns_of(state, found_by)
        if before is None:
            columns |= {"trace_key": key, "trace_id": trace_id}
            new_rows.append(tuple([columns[name] for name in _TRACE_COLUMNS]))
            changes.add(key, None, found_by)
        else:
            changed_rows.append({"key": key, **columns})
            changes.add(key, index.Searchable.of_row(before.row), found_by)
    insert_rows(connection, traces, new_rows)
    execute_many(connection, _CHANGED, changed_rows)
    execute_many(connection, _GROWN, grown_rows)
    changes.write(connection)


def _only_grew(before: TraceState, after: TraceState) -> bool:
    """Whether a trace got spans that say nothing new of it, as most late ones do."""
    return after.picks is before.picks and after.usage == before.usage


def _put_usage(
    connection: Connection,
    by_trace: Mapping[bytes, Sequence[SpanRow]],
    known: Mapping[bytes, _Known],
    states: dict[bytes, TraceState],
) -> None:
    """Put the token usage into the states of the traces that have any."""
    asked: dict[int, bytes] = {}
    for trace_id, group in by_trace.items():
        state = states[trace_id]
        if state.usage is None and all(span.usage is None for span in group):
            continue
        if trace_id in known:
            asked[known[trace_id].trace_key] = trace_id
        else:
            states[trace_id] = state._replace(usage=usage_of_spans(group))
    for keys in chunks(asked, LOOKUP_SIZE):
        for key, usage in usage_of_traces(connection, keys).items():
            states[asked[key]] = states[asked[key]]._replace(usage=usage)


def experiment_ids(connection: Connection, batch: Iterable[SpanRow]) -> dict[Fact, int]:
    """Return the ids of the experiments that are spoken of, creating unknown names.

    A number that names no experiment is left out: its traces go where the other facts
    say, at last to ``Default``.
    """
    wanted: set[Fact] = set()
    shared: dict[int, tuple[Fact, ...]] = {}
    for span in batch:
        shared[id(span.shared_facts)] = span.shared_facts
        wanted.update(f for f in span.own_facts if f.field in EXPERIMENT_FIELDS)
    for facts in shared.values():
        wanted.update(f for f in facts if f.field in EXPERIMENT_FIELDS)
    if not wanted:
        return {}
    query = select(experiments.c.name, experiments.c.experiment_id)
    ids = {row.name: row.experiment_id for row in connection.execute(query)}
    numbers = {str(number): number for number in ids.values()}
    new = sorted({f.value for f in wanted if f.field == "experiment"} - ids.keys())
    if new:
        following = next_key(connection, experiments)
        now_ms = time.time_ns() // 1_000_000
        ids.update({name: following + n for n, name in enumerate(new)})
        connection.execute(
            insert(experiments),
            [
                {"experiment_id": ids[n], "name": n, "creation_time_ms": now_ms}
                for n in new
            ],
        )
    return {
        fact: (ids if fact.field == "experiment" else numbers)[fact.value]
        for fact in wanted
        if fact.field == "experiment" or fact.value in numbers
    }
