"""The only writer of spans: one batch, one transaction, idempotent on every span.

A batch is folded in memory, and the store is asked only about traces it already holds:
which spans of them are known, and what their rows say. All of it happens inside one
transaction that excludes other writers, so nothing can change in between, and two
collectors on one store are safe.
"""

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, Final, NamedTuple, TypeVar

from sqlalchemy import (
    Connection,
    Engine,
    Table,
    bindparam,
    func,
    insert,
    select,
    update,
)

from spanframe_collector.rows import Fact, Interned, SpanRow
from spanframe_collector.store import index, postgresql, sqlite
from spanframe_collector.store.bulk import insert_rows
from spanframe_collector.store.rollup import (
    EMPTY,
    EXPERIMENT_FIELDS,
    TraceState,
    columns_of,
    fold,
    merge,
    state_of,
)
from spanframe_collector.store.schema import (
    experiments,
    resources,
    scopes,
    spans,
    traces,
)
from spanframe_collector.store.usage import usage_of_traces

__all__ = ["SpanWriter", "Written", "experiment_ids"]

_TRACE_COLUMNS: Final = tuple(traces.c.keys())
_CHANGED: Final = update(traces).where(traces.c.trace_key == bindparam("key"))
_GROWN: Final = _CHANGED.values(
    span_count=bindparam("count"), size_bytes=bindparam("size")
)

_KNOWN_SPANS: Final = {
    "sqlite": sqlite.known_spans,
    "postgresql": postgresql.known_spans,
}

T = TypeVar("T")

_LOOKUP_SIZE: Final = 500
"""Bound values in one lookup; every engine takes as many."""


class Written(NamedTuple):
    """What became of the spans of one request."""

    stored: int
    duplicates: int


class _Known(NamedTuple):
    """A trace the store holds already: its key, its row, its state."""

    trace_key: int
    row: Mapping[str, Any]
    state: TraceState


class SpanWriter:
    """Writes batches of spans to one store.

    Not thread-safe: one thread owns a writer, as one connection owns the write lock.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        # Interned rows never change, so what was once committed can be remembered.
        self._resource_keys: dict[bytes, int] = {}
        self._scope_keys: dict[bytes, int] = {}

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
            known = dict(_known_traces(connection, trace_ids))
            fresh = _without_known_spans(connection, distinct.values(), known)
            resource_keys = self._interned(
                connection, resources, self._resource_keys, (s.resource for s in fresh)
            )
            scope_keys = self._interned(
                connection, scopes, self._scope_keys, (s.scope for s in fresh)
            )
            trace_keys = _trace_keys(connection, fresh, known)
            if fresh:
                # In key order, so that the tree grows at its end.
                fresh.sort(key=lambda s: (trace_keys[s.trace_id], s.span_id, s.digest))
                insert_rows(
                    connection,
                    spans,
                    [
                        _span_row(
                            span,
                            trace_keys[span.trace_id],
                            resource_keys[span.resource.digest],
                            scope_keys[span.scope.digest],
                        )
                        for span in fresh
                    ],
                )
                _write_traces(connection, fresh, known, trace_keys)
        # Only what is committed may be remembered.
        _remember(self._resource_keys, resource_keys)
        _remember(self._scope_keys, scope_keys)
        return _shares(requests, fresh)

    def probe(self) -> None:
        """Take the write lock and let it go.

        Raises:
            sqlalchemy.exc.DBAPIError: when a batch would be refused now.
        """
        with self._engine.begin():
            pass

    @staticmethod
    def _interned(
        connection: Connection,
        table: Table,
        remembered: Mapping[bytes, int],
        values: Iterable[Interned],
    ) -> dict[bytes, int]:
        """Return the keys of resources or scopes by digest, storing new ones."""
        wanted = {value.digest: value for value in values}
        keys = {d: remembered[d] for d in wanted if d in remembered}
        key_column = next(iter(table.primary_key.columns))
        for digests in _chunks([d for d in wanted if d not in keys], _LOOKUP_SIZE):
            query = select(table.c.digest, key_column).where(
                table.c.digest.in_(digests)
            )
            keys.update({row[0]: row[1] for row in connection.execute(query)})
        new = [value for digest, value in wanted.items() if digest not in keys]
        if new:
            following = _next_key(connection, table)
            keys.update({v.digest: following + n for n, v in enumerate(new)})
            connection.execute(
                insert(table),
                [{key_column.name: keys[v.digest], **v._asdict()} for v in new],
            )
        return keys


def _identity(span: SpanRow) -> tuple[bytes, int, int]:
    return span.trace_id, span.span_id, span.digest


def _shares(
    requests: Sequence[Sequence[SpanRow]], fresh: Iterable[SpanRow]
) -> list[Written]:
    """Say of each request what was new; a span sent twice counts for the first."""
    new = {_identity(span) for span in fresh}
    shares = []
    for batch in requests:
        mine = {_identity(span) for span in batch} & new
        new -= mine
        shares.append(Written(len(mine), len(batch) - len(mine)))
    return shares


_REMEMBERED: Final = 10_000


def _remember(cache: dict[bytes, int], keys: Mapping[bytes, int]) -> None:
    if len(cache) > _REMEMBERED:  # a hostile sender must not fill the memory
        cache.clear()
    cache.update(keys)


def _known_traces(
    connection: Connection, trace_ids: Iterable[bytes]
) -> Iterator[tuple[bytes, _Known]]:
    """Yield the traces the store holds already, by trace id."""
    for ids in _chunks(trace_ids, _LOOKUP_SIZE):
        query = select(traces).where(traces.c.trace_id.in_(ids))
        for row in connection.execute(query):
            columns = row._asdict()
            yield row.trace_id, _Known(row.trace_key, columns, state_of(columns))


def _without_known_spans(
    connection: Connection,
    batch: Iterable[SpanRow],
    known: Mapping[bytes, _Known],
) -> list[SpanRow]:
    """Return the spans that the store does not hold yet."""
    pairs = [
        (known[span.trace_id].trace_key, span.span_id)
        for span in batch
        if span.trace_id in known
    ]
    known_spans = _KNOWN_SPANS[connection.dialect.name]
    stored = set(known_spans(connection, pairs)) if pairs else set()
    return [
        span
        for span in batch
        if span.trace_id not in known
        or (known[span.trace_id].trace_key, span.span_id, span.digest) not in stored
    ]


def _trace_keys(
    connection: Connection, fresh: Iterable[SpanRow], known: Mapping[bytes, _Known]
) -> dict[bytes, int]:
    """Return the keys of the traces that get spans, giving new ones the next."""
    trace_ids = dict.fromkeys(span.trace_id for span in fresh)
    following = _next_key(connection, traces)
    new = (trace_id for trace_id in trace_ids if trace_id not in known)
    keys = {trace_id: following + n for n, trace_id in enumerate(new)}
    keys.update({i: known[i].trace_key for i in trace_ids if i in known})
    return keys


def _write_traces(
    connection: Connection,
    fresh: Iterable[SpanRow],
    known: Mapping[bytes, _Known],
    trace_keys: Mapping[bytes, int],
) -> None:
    """Insert or update the rows of the traces whose spans have just been stored."""
    by_trace: dict[bytes, list[SpanRow]] = {}
    for span in fresh:
        by_trace.setdefault(span.trace_id, []).append(span)
    named = experiment_ids(connection, fresh)
    states = {
        trace_id: merge(
            known[trace_id].state if trace_id in known else EMPTY,
            fold(group, named),
        )
        for trace_id, group in by_trace.items()
    }
    _put_usage(connection, by_trace, trace_keys, states)
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
        columns = columns_of(state)
        if before is None:
            row = {"trace_key": key, "trace_id": trace_id, **columns}
            new_rows.append(tuple(row[name] for name in _TRACE_COLUMNS))
        else:
            changed_rows.append({"key": key, **columns})
        changes.add(key, before.row if before else None, columns)
    insert_rows(connection, traces, new_rows)
    for statement, rows in ((_CHANGED, changed_rows), (_GROWN, grown_rows)):
        if rows:
            connection.execute(statement, rows)
    changes.write(connection)


def _only_grew(before: TraceState, after: TraceState) -> bool:
    """Whether a trace got spans that say nothing new of it, as most late ones do."""
    return after.picks is before.picks and after.usage == before.usage


def _put_usage(
    connection: Connection,
    by_trace: Mapping[bytes, Sequence[SpanRow]],
    trace_keys: Mapping[bytes, int],
    states: dict[bytes, TraceState],
) -> None:
    """Put the token usage into the states of the traces that have any."""
    asked = {
        trace_keys[trace_id]: trace_id
        for trace_id, group in by_trace.items()
        if states[trace_id].usage is not None or any(span.usage for span in group)
    }
    for keys in _chunks(asked, _LOOKUP_SIZE):
        for key, usage in usage_of_traces(connection, keys).items():
            states[asked[key]] = states[asked[key]]._replace(usage=usage)


def experiment_ids(connection: Connection, batch: Iterable[SpanRow]) -> dict[Fact, int]:
    """Return the ids of the experiments that are spoken of, creating unknown names.

    A number that names no experiment is left out: its traces go where the other facts
    say, at last to ``Default``.
    """
    wanted = {f for s in batch for f in s.facts if f.field in EXPERIMENT_FIELDS}
    if not wanted:
        return {}
    query = select(experiments.c.name, experiments.c.experiment_id)
    ids = {row.name: row.experiment_id for row in connection.execute(query)}
    numbers = {str(number): number for number in ids.values()}
    new = sorted({f.value for f in wanted if f.field == "experiment"} - ids.keys())
    if new:
        following = _next_key(connection, experiments)
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


def _next_key(connection: Connection, table: Table) -> int:
    """Return the key that follows the greatest; the write lock makes it ours."""
    key = next(iter(table.primary_key.columns))
    return int(connection.execute(select(func.max(key))).scalar() or 0) + 1


def _span_row(
    span: SpanRow, trace_key: int, resource_key: int, scope_key: int
) -> tuple[Any, ...]:
    """Return a row of `spans`, in the order of its columns."""
    return (
        trace_key,
        span.span_id,
        span.digest,
        span.parent_span_id,
        span.name,
        span.type,
        span.status,
        span.start_ns,
        span.end_ns,
        span.usage,
        resource_key,
        scope_key,
        span.body,
    )


def _chunks(values: Iterable[T], size: int) -> Iterator[list[T]]:
    iterator = iter(values)
    while chunk := list(islice(iterator, size)):
        yield chunk
