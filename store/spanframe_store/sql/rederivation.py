"""Derives everything anew that is derived from stored span bodies.

It is used after a change of the table of conventions: span types, usage, names,
previews, tags and metadata of stored traces become what they would be if the spans
arrived now. Edits in the store stay, and so do an experiment and a run that only a
header of the request named.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from google.protobuf.message import DecodeError
from sqlalchemy import Connection, Engine, Row, bindparam, func, select, update

from spanframe import keys
from spanframe.errors import StoreError
from spanframe_store.contract.results import Rederived
from spanframe_store.contract.spans import Source, SpanRow
from spanframe_store.contract.store import MAX_TRACE_ENTRIES
from spanframe_store.otlp import decode_stored
from spanframe_store.otlp.entry_limits import limited
from spanframe_store.otlp.envelope import split_spans
from spanframe_store.otlp.trace_state import METADATA, Stamp, TraceState, fold
from spanframe_store.sql import index_entries
from spanframe_store.sql.blocks import Codec, load_codecs
from spanframe_store.sql.experiments import Experiments
from spanframe_store.sql.interning import Interner
from spanframe_store.sql.large_usage import forget_parts
from spanframe_store.sql.schema import (
    resources,
    scopes,
    span_blocks,
    span_signatures,
    spans,
    traces,
)
from spanframe_store.sql.trace_columns import columns_of, searchable_of, state_of
from spanframe_store.sql.usage import totals_of_traces

__all__ = ["count_traces", "rederive_portion"]

_PORTION_TRACES: Final = 200
"""Traces per transaction."""

_STORED: Final = (
    select(
        spans.c.trace_key,
        spans.c.position,
        span_blocks.c.block_key,
        span_blocks.c.dictionary_key,
        span_blocks.c.body,
        resources.c.body.label("resource"),
        resources.c.schema_url.label("resource_schema_url"),
        scopes.c.body.label("scope"),
        scopes.c.schema_url.label("scope_schema_url"),
    )
    .join(span_blocks, span_blocks.c.block_key == spans.c.block_key)
    .join(resources, resources.c.resource_key == span_blocks.c.resource_key)
    .join(scopes, scopes.c.scope_key == span_blocks.c.scope_key)
    .where(spans.c.trace_key.in_(bindparam("trace_keys", expanding=True)))
    .where(spans.c.position == 0)
)
_CHANGED_SPAN: Final = update(spans).where(
    spans.c.trace_key == bindparam("key"),
    spans.c.span_id == bindparam("id"),
    spans.c.digest == bindparam("body_digest"),
)


_NEVER: Final = Stamp(-1, 0, 0, 0, 0, 0)
"""The stamp of a field that nothing has set."""

_OF_HEADERS: Final = {"experiment_id", METADATA + keys.META_SOURCE_RUN}
"""Fields that a header of the request may have stated, which no span keeps."""


def count_traces(engine: Engine) -> int:
    """Return how many traces the store holds."""
    with engine.connect() as connection:
        return int(
            connection.execute(select(func.count(traces.c.trace_key))).scalar_one()
        )


def rederive_portion(
    engine: Engine, after: int, max_entries: int = MAX_TRACE_ENTRIES
) -> Rederived:
    """Derive a portion of the traces anew whose keys are greater than ``after``.

    A trace whose spans cannot be read stays as it is.

    Args:
        engine: a writing engine.
        after: the ``after`` of the call before; 0 for the first.
        max_entries: maximum tags and metadata entries of a trace.
    """
    portion = (
        select(traces)
        .where(traces.c.trace_key > after)
        .order_by(traces.c.trace_key)
        .limit(_PORTION_TRACES)
    )
    with engine.begin() as connection:
        rows = connection.execute(portion).all()
        if not rows:
            return Rederived(0, after, [])
        derived = _derived(connection, [row.trace_key for row in rows])
        readable = [row for row in rows if row.trace_key in derived]
        if readable:
            _rederive(connection, readable, derived, max_entries)
    damaged = [row.trace_id for row in rows if row.trace_key not in derived]
    return Rederived(len(rows), int(rows[-1].trace_key), damaged)


def _derived(
    connection: Connection, trace_keys: Sequence[int]
) -> dict[int, list[SpanRow]]:
    """Return the spans of traces, decoded again; damaged traces are left out."""
    derived: dict[int, list[SpanRow]] = {key: [] for key in trace_keys}
    damaged: set[int] = set()
    codecs: dict[int | None, Codec] = {None: Codec()}
    codecs.update(load_codecs(connection))
    for stored in connection.execute(_STORED, {"trace_keys": trace_keys}):
        try:
            bodies = split_spans(codecs[stored.dictionary_key].unpack(stored.body))
            derived[stored.trace_key] += [
                decode_stored(
                    body,
                    (stored.resource, stored.resource_schema_url),
                    (stored.scope, stored.scope_schema_url),
                )
                for body in bodies
            ]
        except (StoreError, DecodeError, ValueError):
            damaged.add(stored.trace_key)
    return {key: derived[key] for key in trace_keys if key not in damaged}


def _rederive(
    connection: Connection,
    rows: Sequence[Row[Any]],
    derived: Mapping[int, Sequence[SpanRow]],
    max_entries: int,
) -> None:
    trace_keys = [row.trace_key for row in rows]
    all_spans = [span for group in derived.values() for span in group]
    forget_parts(connection, trace_keys)
    signature_keys = Interner(span_signatures).keys(
        connection, {s.signature for s in all_spans}
    )
    connection.execute(
        _CHANGED_SPAN,
        [
            {
                "key": key,
                "id": span.span_id,
                "body_digest": span.digest,
                "kind_key": signature_keys[span.signature.digest],
                "usage": span.usage,
            }
            for key, group in derived.items()
            for span in group
        ],
    )
    named, _ = Experiments().ids(connection, all_spans)
    totals = totals_of_traces(connection, trace_keys)
    changed = []
    changes = index_entries.Changes()
    for row in rows:
        before = row._asdict()
        state = _with_kept(state_of(before), fold(derived[row.trace_key], named))
        state, _ = limited(state, max_entries)
        state = state._replace(totals=totals.get(row.trace_key))
        found_by = searchable_of(state)
        changed.append({"key": row.trace_key, **columns_of(state, found_by)})
        changes.add(row.trace_key, index_entries.Searchable.of_row(before), found_by)
    update_traces = update(traces).where(traces.c.trace_key == bindparam("key"))
    connection.execute(update_traces, changed)
    changes.write(connection)


def _with_kept(old: TraceState, new: TraceState) -> TraceState:
    """Return the new state with the old fields that no span can state again."""
    kept = {
        field
        for field, stamp in old.stamps.items()
        if stamp.source == Source.EDIT
        or (field in _OF_HEADERS and field not in new.stamps)
        # A span states the same again, under the same stamp; an import stated more.
        or (stamp.source == Source.EXPLICIT and stamp > new.stamps.get(field, _NEVER))
    }
    return new._replace(
        values={**new.values, **{field: old.values[field] for field in kept}},
        stamps={**new.stamps, **{field: old.stamps[field] for field in kept}},
    )
