"""The only writer of spans: one batch, one transaction, idempotent on every span.

A batch is folded in memory, and the store is asked only about traces it already holds:
which spans of them are known, and what their rows say. All of it happens inside one
transaction that excludes other writers, so nothing can change in between, and two
collectors on one store are safe.
"""

import time
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import chain
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection, Engine, bindparam, insert, select, update

from spanframe_collector.rows import Fact, SpanRow
from spanframe_collector.store import index, postgresql, sqlite
from spanframe_collector.store.blocks import Dictionaries, portions
from spanframe_collector.store.bulk import execute_many, insert_rows
from spanframe_collector.store.chunks import LOOKUP_SIZE, chunks
from spanframe_collector.store.interning import Interner, next_key
from spanframe_collector.store.recent import KnownTrace, RecentTraces
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
from spanframe_collector.store.usage import (
    Reporting,
    usage_of_spans,
    usage_of_traces,
)

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


_NO_SPANS: Final[Mapping[tuple[int, int], Reporting]] = {}

_Identity = tuple[bytes, int, int]
"""Trace id, span id and digest of a span."""


class Written(NamedTuple):
    """What became of the spans of one request."""

    stored: int
    duplicates: int


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
        distinct = {_identity(span): span for batch in requests for span in batch}
        with self._engine.begin() as connection:
            trace_ids = {trace_id for trace_id, _, _ in distinct}
            known = self._recent.known(connection, trace_ids)
            known |= _known_traces(connection, trace_ids - known.keys())
            fresh = _without_known_spans(connection, distinct, known)
            new = fresh.values()
            written = self._write_new(connection, new, known) if fresh else None
            self._recent.note(connection)
        if written is not None:
            # Only what is committed may be remembered.
            self._remember(*written)
            self._learn(new)
        return _shares(requests, fresh)

    def _write_new(
        self,
        connection: Connection,
        new: Collection[SpanRow],
        known: Mapping[bytes, KnownTrace],
    ) -> tuple[_Interned, dict[bytes, KnownTrace]]:
        """Write spans that the store does not hold; return what may be remembered."""
        by_trace: dict[bytes, list[SpanRow]] = {}
        for span in new:
            by_trace.setdefault(span.trace_id, []).append(span)
        trace_keys = _trace_keys(connection, by_trace, known)
        interned = self._intern(connection, new)
        dictionary_key, codec = self._dictionaries.current(connection)
        blocks = list(_blocks(by_trace, trace_keys))
        # Compressing does not hold the interpreter, and folding little else.
        bodies = [[span.body for span in block] for block in blocks]
        packing = self._compressor.submit(codec.pack, bodies)
        states = _states(connection, by_trace, known)
        packed = packing.result()
        _write_spans(connection, blocks, packed, dictionary_key, trace_keys, interned)
        _put_usage(connection, by_trace, known, states)
        _write_traces(connection, states, known, trace_keys)
        return interned, {
            trace_id: KnownTrace(
                trace_keys[trace_id], state, _spans_of(known.get(trace_id), group)
            )
            for (trace_id, group), state in zip(
                by_trace.items(), states.values(), strict=True
            )
        }

    def _remember(
        self, interned: _Interned, written: Mapping[bytes, KnownTrace]
    ) -> None:
        self._resources.remember(interned.resources)
        self._scopes.remember(interned.scopes)
        self._kinds.remember(interned.kinds)
        self._recent.keep(written)

    def _intern(self, connection: Connection, fresh: Iterable[SpanRow]) -> _Interned:
        return _Interned(
            self._resources.keys(connection, {span.resource for span in fresh}),
            self._scopes.keys(connection, {span.scope for span in fresh}),
            self._kinds.keys(connection, {span.kind for span in fresh}),
        )

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


def _write_spans(
    connection: Connection,
    groups: Sequence[Sequence[SpanRow]],
    packed: Sequence[bytes],
    dictionary_key: int | None,
    trace_keys: Mapping[bytes, int],
    interned: _Interned,
) -> None:
    """Insert spans, and the blocks that groups of them share."""
    following = next_key(connection, span_blocks)
    blocks: list[tuple[Any, ...]] = []
    rows: list[tuple[Any, ...]] = []
    for block_key, (group, body) in enumerate(
        zip(groups, packed, strict=True), following
    ):
        first = group[0]
        trace_key = trace_keys[first.trace_id]
        blocks.append(
            (
                block_key,
                interned.resources[first.resource.digest],
                interned.scopes[first.scope.digest],
                dictionary_key,
                body,
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
            for position, span in enumerate(group)
        ]
    insert_rows(connection, span_blocks, blocks)
    insert_rows(connection, spans, rows)


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


def _states(
    connection: Connection,
    by_trace: Mapping[bytes, Sequence[SpanRow]],
    known: Mapping[bytes, KnownTrace],
) -> dict[bytes, TraceState]:
    """Return the states of the traces that get spans, but for their usage."""
    named = experiment_ids(connection, chain.from_iterable(by_trace.values()))
    states: dict[bytes, TraceState] = {}
    for trace_id, group in by_trace.items():
        before = known[trace_id].state if trace_id in known else EMPTY
        states[trace_id] = merge(before, fold(group, named, before))
    return states


def _put_usage(
    connection: Connection,
    by_trace: Mapping[bytes, Sequence[SpanRow]],
    known: Mapping[bytes, KnownTrace],
    states: dict[bytes, TraceState],
) -> None:
    """Put the token usage into the states of the traces that have any.

    The store may be asked, and must hold the spans by now.
    """
    asked: dict[int, bytes] = {}
    for trace_id, group in by_trace.items():
        state = states[trace_id]
        if state.usage is None and all(span.usage is None for span in group):
            continue
        stored = known[trace_id].spans if trace_id in known else _NO_SPANS
        if stored is None:
            asked[known[trace_id].trace_key] = trace_id
        else:
            usage = usage_of_spans([*stored.values(), *group])
            states[trace_id] = state._replace(usage=usage)
    for keys in chunks(asked, LOOKUP_SIZE):
        for key, usage in usage_of_traces(connection, keys).items():
            states[asked[key]] = states[asked[key]]._replace(usage=usage)


def _write_traces(
    connection: Connection,
    states: Mapping[bytes, TraceState],
    known: Mapping[bytes, KnownTrace],
    trace_keys: Mapping[bytes, int],
) -> None:
    """Insert or update the rows of traces, and what of them is indexed."""
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
            changes.add(key, searchable_of(before.state), found_by)
    insert_rows(connection, traces, new_rows)
    execute_many(connection, _CHANGED, changed_rows)
    execute_many(connection, _GROWN, grown_rows)
    changes.write(connection)


def _only_grew(before: TraceState, after: TraceState) -> bool:
    """Whether a trace got spans that say nothing new of it, as most late ones do."""
    return after.picks is before.picks and after.usage == before.usage


def _spans_of(
    known: KnownTrace | None, group: Sequence[SpanRow]
) -> Mapping[tuple[int, int], Reporting] | None:
    """Return all spans of a trace that gets some; None when that takes asking."""
    before = _NO_SPANS if known is None else known.spans
    if before is None:
        return None
    return {**before, **{(s.span_id, s.digest): Reporting.of(s) for s in group}}


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
