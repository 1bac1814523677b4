"""The only writer of spans: one transaction per batch, idempotent for every span.

A batch is folded in memory. The writer reads only the rows of traces that the store
already holds, and which of their spans it knows. All of it happens in one transaction
that excludes other writers, so nothing changes in between, and two collectors may share
a store.
"""

from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import chain, pairwise
from operator import itemgetter
from typing import Final, NamedTuple

from sqlalchemy import Connection, Engine, bindparam, event, select

from spanframe_store.contract.spans import (
    Fact,
    Interned,
    Previews,
    Rank,
    Signature,
    Source,
    SpanRow,
)
from spanframe_store.contract.store import MAX_TRACE_ENTRIES, Written
from spanframe_store.otlp.trace_state import TraceState
from spanframe_store.otlp.usage import Totals
from spanframe_store.sql.access import Access
from spanframe_store.sql.blocks import Dictionaries
from spanframe_store.sql.chunks import MAX_LOOKUP_VALUES, chunks
from spanframe_store.sql.engines import database_of
from spanframe_store.sql.experiments import Experiments
from spanframe_store.sql.interning import Interner, next_key
from spanframe_store.sql.large_usage import MIN_LARGE_SPANS, totals_of_large_trace
from spanframe_store.sql.recent import KnownTrace, RecentTraces, known_after
from spanframe_store.sql.schema import (
    resources,
    scopes,
    span_signatures,
    traces,
)
from spanframe_store.sql.span_rows import Keys, groups_of, write_spans
from spanframe_store.sql.trace_columns import state_of
from spanframe_store.sql.trace_rows import states_of, write_traces
from spanframe_store.sql.usage import totals_of_traces

__all__ = ["SpanWriter"]

_TRACES_BY_ID: Final = select(traces).where(
    traces.c.trace_id.in_(bindparam("ids", expanding=True))
)

_PROBE: Final = SpanRow(
    trace_id=bytes(16),  # no sender may use this one
    span_id=0,
    digest=0,
    parent_span_id=None,
    rank=Rank.ROOT,
    signature=Signature(b"probe", "probe", "UNKNOWN", "UNSET"),
    start_ns=0,
    end_ns=0,
    usage=None,
    resource=Interned(b"probe", "", b""),
    scope=Interned(b"probe", "", b""),
    json_layer=False,
    body=b"",
    shared_facts=(),
    own_facts=(Fact("tags.probe", Source.SPAN, ""),),
    previews=Previews(None, None, "", ""),
)
"""A span that is written to find out whether others can be, and is never committed."""

_MIN_PARALLEL_SPANS: Final = 128
"""Minimum spans per transaction for which compressing in another thread pays."""

_Identity = tuple[bytes, int, int]
"""Trace id, span id and digest of a span."""

_identity: Final[Callable[[SpanRow], _Identity]] = itemgetter(
    *map(SpanRow._fields.index, ("trace_id", "span_id", "digest"))
)


class _Memories(NamedTuple):
    """Values of a transaction, to be remembered once it is committed."""

    keys: Keys
    experiments: Mapping[bytes, int]
    traces: Mapping[bytes, KnownTrace]
    dropped_entries: int


class SpanWriter:
    """Writes batches of spans to one store.

    Not thread-safe: one thread owns a writer, as one connection holds the write lock.
    """

    def __init__(
        self, engine: Engine, max_trace_entries: int = MAX_TRACE_ENTRIES
    ) -> None:
        self._engine = engine
        self._access = Access(engine)
        self._max_trace_entries = max_trace_entries
        self.dropped_entries = 0
        """Tags and metadata entries that were dropped, beyond the limit of a trace."""
        self._forget()
        # A new session may meet another store: a server that was restored, a database
        # that was made anew. Keys of the old one would point nowhere.
        event.listen(engine, "connect", self._forget)
        self._compressor = ThreadPoolExecutor(1, "spanframe-compressor")

    def _forget(self, *_: object) -> None:
        """Remember nothing of the store."""
        self._resources = Interner(resources)
        self._scopes = Interner(scopes)
        self._signatures = Interner(span_signatures)
        self._experiments = Experiments()
        self._dictionaries = Dictionaries()
        self._recent = RecentTraces()

    def write(self, requests: Sequence[Sequence[SpanRow]]) -> list[Written]:
        """Commit the spans of several requests; see `Writer.write`."""
        distinct: dict[_Identity, SpanRow] = {}
        ends: list[int] = []
        for request in requests:
            distinct.update(zip(map(_identity, request), request, strict=True))
            ends.append(len(distinct))
        with self._access.refusals():
            stored = self._store(distinct)
        return _shares(requests, distinct, ends, stored)

    def _store(self, distinct: Mapping[_Identity, SpanRow]) -> set[_Identity]:
        """Commit distinct spans; return the spans that the store held before."""
        by_trace: dict[bytes, list[SpanRow]] = {}
        for (trace_id, _, _), span in distinct.items():
            by_trace.setdefault(trace_id, []).append(span)
        with self._access.connection() as connection, connection.begin():
            known = self._recent.known(connection, by_trace)
            known |= _known_traces(connection, by_trace.keys() - known.keys())
            stored = _known_spans(connection, by_trace, known)
            for trace_id in {trace_id for trace_id, _, _ in stored}:
                group = by_trace.pop(trace_id)
                fresh = [span for span in group if _identity(span) not in stored]
                if fresh:
                    by_trace[trace_id] = fresh
            written = self._write_new(connection, by_trace, known) if by_trace else None
            mark = database_of(connection).mark(connection)
        # Only committed rows may be remembered.
        self._recent.keep({} if written is None else written.traces, mark)
        if written is not None:
            self._resources.remember(written.keys.resources)
            self._scopes.remember(written.keys.scopes)
            self._signatures.remember(written.keys.signatures)
            self._experiments.remember(written.experiments)
            self.dropped_entries += written.dropped_entries
            self._train_if_due(chain.from_iterable(by_trace.values()))
        return stored

    def _write_new(
        self,
        connection: Connection,
        by_trace: Mapping[bytes, Sequence[SpanRow]],
        known: Mapping[bytes, KnownTrace],
    ) -> _Memories:
        """Write spans that the store does not hold; return what may be remembered."""
        new = list(chain.from_iterable(by_trace.values()))
        keys = Keys(
            _trace_keys(connection, by_trace, known),
            self._resources.keys(connection, {span.resource for span in new}),
            self._scopes.keys(connection, {span.scope for span in new}),
            self._signatures.keys(connection, {span.signature for span in new}),
        )
        named, experiments = self._experiments.ids(connection, new)
        dictionary_key, codec = self._dictionaries.current(connection)
        groups = list(groups_of(by_trace, keys.traces))
        bodies = [[span.body for span in group] for group in groups]
        # Compressing releases the interpreter lock; folding does not need its result.
        packing = (
            self._compressor.submit(codec.pack, bodies)
            if len(new) >= _MIN_PARALLEL_SPANS
            else None
        )
        states, without_totals, dropped = states_of(
            by_trace, known, named, self._max_trace_entries
        )
        packed = codec.pack(bodies) if packing is None else packing.result()
        write_spans(connection, groups, packed, keys, dictionary_key)
        for trace_id, totals in _totals(connection, states, without_totals, by_trace):
            states[trace_id] = states[trace_id]._replace(totals=totals)
        write_traces(connection, states, known, keys.traces)
        written = {
            trace_id: known_after(
                keys.traces[trace_id], state, known.get(trace_id), by_trace[trace_id]
            )
            for trace_id, state in states.items()
        }
        return _Memories(keys, experiments, written, dropped)

    def _train_if_due(self, stored: Iterable[SpanRow]) -> None:
        """Train a new dictionary when one is due; no span is lost if training fails."""
        if self._dictionaries.sample([span.body for span in stored]):
            with self._engine.begin() as connection:
                self._dictionaries.train(connection)

    def release(self) -> None:
        """Release memory and connections until the next write."""
        self._recent.clear()
        self._engine.dispose()

    def check(self) -> None:
        """See whether the store is there; see `Writer.check`."""
        self._access.check()

    def probe(self) -> None:
        """Write a span to every table, take it back, and commit; see `Writer.probe`.

        The commit has to reach the disk: SQLite writes the pages that were changed, and
        PostgreSQL the record of the transaction.
        """
        with (
            self._access.refusals(),
            self._access.connection() as connection,
            connection.begin(),
            connection.begin_nested() as attempt,
        ):
            self._write_new(connection, {_PROBE.trace_id: [_PROBE]}, {})
            attempt.rollback()

    def close(self) -> None:
        """Release everything; the writer is not used again."""
        self._compressor.shutdown()
        self._engine.dispose()


def _totals(
    connection: Connection,
    states: Mapping[bytes, TraceState],
    without_totals: Mapping[int, bytes],
    by_trace: Mapping[bytes, Sequence[SpanRow]],
) -> Iterator[tuple[bytes, Totals | None]]:
    """Yield the totals of traces, by trace id, once the store holds their spans."""
    small = []
    for trace_key, trace_id in without_totals.items():
        if states[trace_id].span_count < MIN_LARGE_SPANS:
            small.append(trace_key)
        else:
            group = by_trace[trace_id]
            yield trace_id, totals_of_large_trace(connection, trace_key, group)
    for trace_keys in chunks(small, MAX_LOOKUP_VALUES):
        found = totals_of_traces(connection, trace_keys)
        for trace_key in trace_keys:
            yield without_totals[trace_key], found.get(trace_key)


def _shares(
    requests: Sequence[Sequence[SpanRow]],
    distinct: Iterable[_Identity],
    ends: Sequence[int],
    stored: Container[_Identity],
) -> list[Written]:
    """Return what became of each request; a span sent twice counts for the first.

    Args:
        requests: the requests.
        distinct: the distinct spans of all requests, in the order of the requests.
        ends: the number of distinct spans up to the end of each request.
        stored: the spans that the store held before.
    """
    was_new = [each not in stored for each in distinct]
    shares = []
    for request, (start, end) in zip(requests, pairwise(chain([0], ends)), strict=True):
        new = sum(was_new[start:end])
        shares.append(Written(new, len(request) - new))
    return shares


def _known_traces(
    connection: Connection, trace_ids: Iterable[bytes]
) -> dict[bytes, KnownTrace]:
    """Return the traces that the store already holds, by trace id."""
    return {
        row.trace_id: KnownTrace(row.trace_key, state_of(row._asdict()))
        for ids in chunks(trace_ids, MAX_LOOKUP_VALUES)
        for row in connection.execute(_TRACES_BY_ID, {"ids": ids})
    }


def _known_spans(
    connection: Connection,
    by_trace: Mapping[bytes, Iterable[SpanRow]],
    known: Mapping[bytes, KnownTrace],
) -> set[_Identity]:
    """Return the spans among these that the store already holds."""
    stored: set[_Identity] = set()
    trace_ids: dict[int, bytes] = {}
    pairs: list[tuple[int, int]] = []
    for trace_id, trace in known.items():
        if trace.spans is None:
            trace_ids[trace.trace_key] = trace_id
            pairs += [(trace.trace_key, span.span_id) for span in by_trace[trace_id]]
            continue
        for identity in map(_identity, by_trace[trace_id]):
            if identity[1:] in trace.spans:
                stored.add(identity)
    if pairs:
        found = database_of(connection).known_spans(connection, pairs)
        for trace_key, span_id, digest in found:
            stored.add((trace_ids[trace_key], span_id, digest))
    return stored


def _trace_keys(
    connection: Connection,
    trace_ids: Iterable[bytes],
    known: Mapping[bytes, KnownTrace],
) -> dict[bytes, int]:
    """Return the keys of the traces that get spans; new traces get the next keys."""
    following = next_key(connection, traces)
    keys = {}
    for trace_id in trace_ids:
        if trace_id in known:
            keys[trace_id] = known[trace_id].trace_key
        else:
            keys[trace_id] = following
            following += 1
    return keys
