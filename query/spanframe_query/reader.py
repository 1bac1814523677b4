"""From a search to traces: one select for their rows, one for the spans of a batch.

They run on one read-only connection and see one state of the store. Where a filter
leaves a choice of indexes, a select that counts a few index rows goes before; what it
counts is a guess, so that without spans each select may see a state of its own.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from itertools import islice
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection, Engine, Row, Select, select
from sqlalchemy.exc import DBAPIError

from spanframe import keys
from spanframe.errors import StoreError
from spanframe_collector.store.engine import (
    driver_message,
    each_by_itself,
    store_name,
)
from spanframe_collector.store.schema import (
    resources,
    scopes,
    span_blocks,
    spans,
)
from spanframe_query import select as statements
from spanframe_query.codecs import codecs_of
from spanframe_query.entities import TraceState
from spanframe_query.entities.content import StoredBlock, StoredSpan
from spanframe_query.entities.found import NO_FACTS, Facts, FoundTraces
from spanframe_query.entities.info import location_of
from spanframe_query.filter.nodes import FieldKind
from spanframe_query.layouts import BODY_KINDS, add_computed, layout_for
from spanframe_query.select import Search
from spanframe_query.sifting import count_found, found_rows, is_sifted

__all__ = [
    "BATCH_TRACES",
    "Page",
    "connection",
    "count",
    "read",
    "read_page",
    "read_pages",
    "sample_spans",
]

BATCH_TRACES: Final = 10_000
"""Traces whose spans one select reads: below every engine's limit of bound values."""

_BLOCKS: Final[Select[*tuple[Any, ...]]] = (
    select(
        spans.c.trace_key,
        span_blocks.c.dictionary_key,
        span_blocks.c.body,
        scopes.c.body.label("scope"),
        scopes.c.digest.label("scope_digest"),
        resources.c.digest.label("resource_digest"),
    )
    .join(span_blocks, span_blocks.c.block_key == spans.c.block_key)
    .join(scopes, scopes.c.scope_key == span_blocks.c.scope_key)
    .join(resources, resources.c.resource_key == span_blocks.c.resource_key)
    # Each block has a first span, so each is read once.
    .where(spans.c.position == 0)
)
_STATES: Final = {state.value: state for state in TraceState}
_UNSPECIFIED: Final = TraceState.STATE_UNSPECIFIED


class Page(NamedTuple):
    """Traces in the order of their search; ``end`` is the last row when more follow."""

    traces: FoundTraces
    end: Row[Any] | None


def count(engine: Engine, search: Search) -> int:
    """Return how many traces a search finds, whatever its limit.

    Raises:
        FilterError: when the engine cannot serve a clause of the filter.
        StoreError: when the store cannot be read.
    """
    one_state = is_sifted(search, engine.dialect.name)
    with connection(engine, one_state=one_state) as connected:
        _prepare(connected, search)
        return count_found(connected, search)


def read(engine: Engine, search: Search, *, include_spans: bool) -> FoundTraces:
    """Return the traces of a search, in its order.

    Args:
        engine: a reading engine.
        search: what to search for.
        include_spans: whether to read the spans; else every trace has none.

    Raises:
        FilterError: when the engine cannot serve a clause of the filter.
        StoreError: when the store cannot be read.
    """
    return read_page(engine, search, include_spans=include_spans).traces


def read_page(engine: Engine, search: Search, *, include_spans: bool) -> Page:
    """Return the traces of a search, and where the next page starts."""
    limit = search.limit
    # One row more than asked for tells whether anything follows.
    probing = search if limit is None else replace(search, limit=limit + 1)
    one_state = include_spans or is_sifted(search, engine.dialect.name)
    with connection(engine, one_state=one_state) as connected:
        _prepare(connected, probing)
        found = found_rows(connected, probing)
        rows = found[:limit]
        stored = _spans(connected, rows) if include_spans else None
    more = len(found) > len(rows) > 0
    return Page(_traces(rows, stored), rows[-1] if more else None)


def read_pages(
    engine: Engine, search: Search, *, include_spans: bool, size: int
) -> Iterator[Page]:
    """Yield the traces of a search in portions, each read in a transaction of its own.

    Traces that arrive meanwhile neither repeat a trace nor push one out.
    """
    left = search.limit
    after = search.after
    while left is None or left > 0:
        limit = size if left is None else min(size, left)
        page = read_page(
            engine,
            replace(search, limit=limit, after=after),
            include_spans=include_spans,
        )
        if page.traces:
            yield page
        if page.end is None:
            return
        after = statements.order_values(page.end, search.order)
        left = None if left is None else left - len(page.traces)


@contextmanager
def connection(engine: Engine, *, one_state: bool = True) -> Iterator[Connection]:
    """Connect; what the database refuses is a StoreError.

    Args:
        engine: a reading engine.
        one_state: whether what is read by several statements has to fit together.
    """
    try:
        with engine.connect() as connected:
            if not one_state:
                each_by_itself(connected)
            yield connected
    except DBAPIError as error:
        where = store_name(engine)
        raise StoreError(
            f"The store {where} cannot be read: {driver_message(error)}."
        ) from error


def _prepare(connected: Connection, search: Search) -> None:
    """Have at hand what the functions need that a filter calls on span bodies."""
    kinds = {condition.field.kind for condition in search.filter.conditions}
    if kinds & BODY_KINDS:
        codecs_of(connected.engine).read_all(connected)


def sample_spans(connected: Connection, number: int) -> Iterator[StoredSpan]:
    """Yield spans of the newest traces, at most ``number``."""
    newest = _BLOCKS.order_by(spans.c.trace_key.desc()).limit(number)
    blocks = _stored_blocks(connected, connected.execute(newest).all())
    found = (span for _, block in blocks for span in block.spans())
    return islice(found, number)


def _spans(
    connected: Connection, rows: Sequence[Row[Any]]
) -> dict[int, list[StoredBlock]]:
    """Return the spans of traces by trace key, one select a batch of traces."""
    layout = layout_for(connected.dialect.name)
    found: dict[int, list[StoredBlock]] = {}
    for start in range(0, len(rows), BATCH_TRACES):
        trace_keys = [row.trace_key for row in rows[start : start + BATCH_TRACES]]
        statement = _BLOCKS.where(layout.is_key_of(spans.c.trace_key, trace_keys))
        blocks = connected.execute(statement).all()
        for trace_key, block in _stored_blocks(connected, blocks):
            found.setdefault(trace_key, []).append(block)
    return found


def _stored_blocks(
    connected: Connection, rows: Sequence[Row[*tuple[Any, ...]]]
) -> Iterator[tuple[int, StoredBlock]]:
    codecs = codecs_of(connected.engine)
    codecs.read({row.dictionary_key for row in rows}, connected)
    for trace_key, dictionary_key, body, scope, scope_digest, resource_digest in rows:
        origin = resource_digest + scope_digest
        yield trace_key, StoredBlock(origin, scope, codecs[dictionary_key], body)


def _traces(
    rows: Sequence[Row[Any]], stored: Mapping[int, Sequence[StoredBlock]] | None
) -> FoundTraces:
    if not rows:
        return FoundTraces(NO_FACTS)
    names = map(str, rows[0]._fields)
    columns: dict[str, Sequence[Any]] = dict(
        zip(names, zip(*rows, strict=True), strict=True)
    )
    prefix = keys.REQUEST_ID_PREFIX
    columns["request_id"] = [prefix + each.hex() for each in columns["trace_id"]]
    tags, metadata = _objects(columns["tags"]), _objects(columns["metadata"])
    add_computed(FieldKind.TAG, tags, columns)
    add_computed(FieldKind.METADATA, metadata, columns)
    facts = Facts(
        columns["request_id"],
        [location_of(each) for each in columns["experiment_id"]],
        columns["timestamp_ms"],
        [_STATES.get(each, _UNSPECIFIED) for each in columns["status"]],
        columns["request_preview"],
        columns["response_preview"],
        columns["client_request_id"],
        columns["execution_time_ms"],
        metadata,
        tags,
    )
    if stored is None:
        return FoundTraces(facts)
    return FoundTraces(facts, [stored.get(key, ()) for key in columns["trace_key"]])


def _objects(texts: Sequence[str]) -> list[dict[str, str]]:
    """Decode many JSON objects; one call, since a call costs as much as an object."""
    try:
        objects: list[dict[str, str]] = json.loads(f"[{','.join(texts)}]")
    except ValueError as error:
        raise StoreError(
            "The tags or metadata of a stored trace are not JSON: the store is "
            "damaged. `spanframe db check` names what else is."
        ) from error
    return objects
