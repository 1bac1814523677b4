"""Reads a row store: one select for trace rows, one for the spans of each portion.

The selects run on one read-only connection and see one state of the store. Where a
filter leaves a choice of indexes, a select that counts index rows runs first. Its
counts are estimates, so without spans each select may see a state of its own.
"""

import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from types import MappingProxyType
from typing import Any, Final

from sqlalchemy import (
    ColumnElement,
    Connection,
    Engine,
    Row,
    Select,
    Table,
    func,
    select,
)
from sqlalchemy.exc import DBAPIError

from spanframe import keys
from spanframe.errors import StoreError
from spanframe_store.contract.aggregates import Aggregation, Group
from spanframe_store.contract.capabilities import Capability
from spanframe_store.contract.filter import Field, FieldKind
from spanframe_store.contract.results import (
    NO_TRACES,
    ClauseUse,
    Experiment,
    KnownField,
    Origin,
    Page,
    SpanBlock,
    SpanPage,
    TraceColumns,
)
from spanframe_store.contract.search import Search
from spanframe_store.contract.spans import Interned
from spanframe_store.contract.texts import stored_text
from spanframe_store.residual.span_pages import TracesOfSpans, page_of_spans
from spanframe_store.sql.aggregates import aggregate
from spanframe_store.sql.chunks import MAX_LOOKUP_VALUES, chunks
from spanframe_store.sql.codecs import codecs_of
from spanframe_store.sql.computed import add_computed
from spanframe_store.sql.engines import database_of
from spanframe_store.sql.explain import explain
from spanframe_store.sql.index_conditions import is_indexed
from spanframe_store.sql.layout import BODY_KINDS
from spanframe_store.sql.migrations import check_version
from spanframe_store.sql.plans import WALK_TRACES
from spanframe_store.sql.prepared import prepare
from spanframe_store.sql.residual import count_found, found_rows
from spanframe_store.sql.schema import (
    KIND_METADATA,
    KIND_TAG,
    attribute_index,
    experiments,
    resources,
    scopes,
    span_blocks,
    spans,
    traces,
)
from spanframe_store.sql.statements import order_values
from spanframe_store.sql.urls import driver_message, store_name

__all__ = ["PORTION_TRACES", "SqlReader", "reading"]

PORTION_TRACES: Final = 10_000
"""Maximum traces whose spans one select reads; every database binds as many values."""

_DIGEST_BYTES: Final = 16
"""Size of the digest of a resource or scope, in bytes."""

_MAX_EXAMPLE_CHARS: Final = 80
"""Maximum characters of an example value."""

_INT32: Final = range(1 << 31)
_ENTRY_KINDS: Final = {KIND_TAG: FieldKind.TAG, KIND_METADATA: FieldKind.METADATA}

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
    # Each block has one first span, so each block is read once.
    .where(spans.c.position == 0)
)
_BLOCKS_WITH_RESOURCES: Final = _BLOCKS.add_columns(resources.c.body.label("resource"))


class SqlReader:
    """The `Reader` of a row store.

    Args:
        engine: a reading engine.
    """

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self._database = database_of(engine)
        self._database.prepare_reading(engine)
        self._identity = self._database.identity(engine)

    @property
    def name(self) -> str:
        """The URL of the store, without its password."""
        return store_name(self.engine)

    @property
    def engine_name(self) -> str:
        """The kind of database, as people read it."""
        return self._database.name

    def check_version(self) -> None:
        """Check that the store has the version this code reads."""
        check_version(self.engine)

    @property
    def capabilities(self) -> frozenset[Capability]:
        """All capabilities; only EXPLAIN depends on the database."""
        explains = Capability.EXPLAIN in self._database.layout(WALK_TRACES).capabilities
        left_out = frozenset() if explains else {Capability.EXPLAIN}
        return frozenset(Capability) - left_out

    def find(self, search: Search, *, include_spans: bool) -> Page:
        """Return the traces of a search, in its order; see `Reader.find`."""
        limit = search.limit
        # One row beyond the limit tells whether another page follows.
        probing = search if limit is None else replace(search, limit=limit + 1)
        prepared = prepare(probing, self._database)
        one_state = include_spans or bool(prepared.left)
        with reading(self.engine, one_state=one_state) as connected:
            self._load_codecs(connected, search)
            found = found_rows(connected, prepared)
            rows = found[:limit]
            blocks = self._blocks(connected, rows, _BLOCKS) if include_spans else None
        end = None
        if len(found) > len(rows) > 0:
            end = order_values(rows[-1], search.order)
        return Page(_columns(rows), blocks, end)

    def find_spans(self, search: Search, attributes: Sequence[str] = ()) -> SpanPage:
        """Return spans of the traces of a search; see `Reader.find_spans`."""
        with reading(self.engine) as connected:
            self._load_codecs(connected, search)
            find = partial(self._traces_of_spans, connected)
            return page_of_spans(find, search, attributes)

    def count(self, search: Search) -> int:
        """Return how many traces a search finds, whatever its limit."""
        prepared = prepare(search, self._database)
        with reading(self.engine, one_state=bool(prepared.left)) as connected:
            self._load_codecs(connected, search)
            return count_found(connected, prepared)

    def aggregate(self, aggregation: Aggregation) -> list[Group]:
        """Return the groups of an aggregation; see `Reader.aggregate`."""
        search = aggregation.search
        one_state = bool(prepare(search, self._database).left)
        with reading(self.engine, one_state=one_state) as connected:
            self._load_codecs(connected, search)
            return aggregate(connected, self._database, aggregation)

    def explain(self, search: Search) -> list[ClauseUse]:
        """Return how each clause of a search is answered; the search does not run."""
        with reading(self.engine) as connected:
            return explain(connected, self._database, search)

    def known_entries(self) -> list[KnownField]:
        """Return every key of tags and metadata that traces have, in order."""
        kind, key = attribute_index.c.kind, attribute_index.c.key
        statement = (
            select(kind, key, func.count(), func.min(attribute_index.c.value))
            .group_by(kind, key)
            .order_by(kind, key)
        )
        with reading(self.engine, one_state=False) as connected:
            return [
                KnownField(
                    str(Field(_ENTRY_KINDS[number], name)),
                    "text",
                    count,
                    example[:_MAX_EXAMPLE_CHARS],
                )
                for number, name, count, example in connected.execute(statement)
            ]

    def is_listed(self, field: Field) -> bool:
        """Whether `known_entries` lists a field as soon as some trace has it."""
        return is_indexed(field)

    def newest_blocks(self, number: int) -> list[SpanBlock]:
        """Return blocks of spans of the newest traces, at most ``number``."""
        newest = _BLOCKS.order_by(spans.c.trace_key.desc()).limit(number)
        with reading(self.engine) as connected:
            rows = connected.execute(newest).all()
            keys_of_blocks = {row.trace_key for row in rows}
            of_blocks = select(traces.c.trace_key, traces.c.trace_id).where(
                self._database.layout(WALK_TRACES).is_key_of(
                    traces.c.trace_key, sorted(keys_of_blocks)
                )
            )
            trace_ids = {row[0]: row[1] for row in connected.execute(of_blocks)}
            return [block for _, block in _with_codecs(connected, rows, trace_ids)]

    def origins(self, wanted: Collection[bytes]) -> dict[bytes, Origin]:
        """Return the resources and scopes of blocks, as they arrived."""
        with reading(self.engine) as connected:
            of_resources = _interned(
                connected, resources, {each[:_DIGEST_BYTES] for each in wanted}
            )
            of_scopes = _interned(
                connected, scopes, {each[_DIGEST_BYTES:] for each in wanted}
            )
        return {
            each: Origin(
                of_resources[each[:_DIGEST_BYTES]], of_scopes[each[_DIGEST_BYTES:]]
            )
            for each in wanted
        }

    def experiment_named(self, name: str) -> Experiment | None:
        """Return the experiment of a name; None when the store has none."""
        text = stored_text(name)
        return self._experiment(self._database.has_name(experiments.c.name, [text]))

    def experiment_of(self, experiment_id: int) -> Experiment | None:
        """Return the experiment of an id; None when the store has none."""
        if experiment_id not in _INT32:
            return None
        return self._experiment(experiments.c.experiment_id == experiment_id)

    def experiments(self) -> list[Experiment]:
        """Return every experiment, in the order of the ids."""
        query = select(experiments).order_by(experiments.c.experiment_id)
        with reading(self.engine, one_state=False) as connected:
            return [_experiment(row) for row in connected.execute(query)]

    def is_current(self) -> bool:
        """Whether the file is still the one that was opened."""
        return self._database.identity(self.engine) == self._identity

    def close(self) -> None:
        """Close every connection."""
        self.engine.dispose()

    def abandon(self) -> None:
        """Forget every connection without closing it."""
        self.engine.dispose(close=False)

    def _experiment(self, condition: ColumnElement[bool]) -> Experiment | None:
        with reading(self.engine, one_state=False) as connected:
            row = connected.execute(select(experiments).where(condition)).first()
        return None if row is None else _experiment(row)

    def _load_codecs(self, connected: Connection, search: Search) -> None:
        """Load the dictionaries that a filter on span bodies needs."""
        kinds = {condition.field.kind for condition in search.filter.leaves()}
        if kinds & BODY_KINDS:
            codecs_of(self.engine).read_all(connected)

    def _traces_of_spans(self, connected: Connection, search: Search) -> TracesOfSpans:
        rows = found_rows(connected, prepare(search, self._database))
        return TracesOfSpans(
            [order_values(row, search.order) for row in rows],
            self._blocks(connected, rows, _BLOCKS_WITH_RESOURCES),
        )

    def _blocks(
        self,
        connected: Connection,
        rows: Sequence[Row[Any]],
        statement: Select[*tuple[Any, ...]],
    ) -> list[Sequence[SpanBlock]]:
        """Return the blocks of each trace; one select reads a portion of traces."""
        layout = self._database.layout(WALK_TRACES)
        found: dict[int, list[SpanBlock]] = {}
        for start in range(0, len(rows), PORTION_TRACES):
            portion = rows[start : start + PORTION_TRACES]
            trace_ids = {row.trace_key: row.trace_id for row in portion}
            of_traces = layout.is_key_of(spans.c.trace_key, list(trace_ids))
            blocks = connected.execute(statement.where(of_traces)).all()
            for trace_key, block in _with_codecs(connected, blocks, trace_ids):
                found.setdefault(trace_key, []).append(block)
        return [found.get(row.trace_key, ()) for row in rows]


def _interned(
    connected: Connection, table: Table, digests: Iterable[bytes]
) -> dict[bytes, Interned]:
    found: dict[bytes, Interned] = {}
    for some in chunks(digests, MAX_LOOKUP_VALUES):
        statement = select(table.c.digest, table.c.schema_url, table.c.body)
        for row in connected.execute(statement.where(table.c.digest.in_(some))):
            found[row.digest] = Interned(*row)
    return found


@contextmanager
def reading(engine: Engine, *, one_state: bool = True) -> Iterator[Connection]:
    """Connect for reading; an error of the database becomes a `StoreError`.

    Args:
        engine: a reading engine.
        one_state: whether all statements have to see one state of the store.
    """
    try:
        with engine.connect() as connected:
            if not one_state:
                database_of(engine).see_each_statement_alone(connected)
            yield connected
    except DBAPIError as error:
        where = store_name(engine)
        raise StoreError(
            f"The store {where} cannot be read: {driver_message(error)}."
        ) from error


def _with_codecs(
    connected: Connection,
    rows: Sequence[Row[*tuple[Any, ...]]],
    trace_ids: Mapping[int, bytes],
) -> Iterator[tuple[int, SpanBlock]]:
    codecs = codecs_of(connected.engine)
    codecs.read({row.dictionary_key for row in rows}, connected)
    for (
        trace_key,
        dictionary_key,
        body,
        scope,
        by_scope,
        by_resource,
        *resource,
    ) in rows:
        origin, codec = by_resource + by_scope, codecs[dictionary_key]
        trace_id = trace_ids[trace_key]
        yield trace_key, SpanBlock(origin, scope, codec, body, trace_id, *resource)


def _columns(rows: Sequence[Row[Any]]) -> TraceColumns:
    if not rows:
        return NO_TRACES
    names = map(str, rows[0]._fields)
    columns: dict[str, Sequence[Any]] = dict(
        zip(names, zip(*rows, strict=True), strict=True)
    )
    prefix = keys.REQUEST_ID_PREFIX
    columns["request_id"] = [prefix + each.hex() for each in columns["trace_id"]]
    tags, metadata = _objects(columns["tags"]), _objects(columns["metadata"])
    add_computed(FieldKind.TAG, tags, columns)
    add_computed(FieldKind.METADATA, metadata, columns)
    columns |= {"tags": tags, "metadata": metadata}
    return TraceColumns(*(columns[name] for name in TraceColumns._fields))


def _objects(texts: Sequence[str]) -> list[dict[str, str]]:
    """Decode many JSON objects in one call, as a call costs as much as an object."""
    try:
        objects: list[dict[str, str]] = json.loads(f"[{','.join(texts)}]")
    except ValueError as error:
        raise StoreError(
            "The tags or metadata of a stored trace are not JSON: the store is "
            "damaged. Run `spanframe db check` to see what else is damaged."
        ) from error
    return objects


def _experiment(row: Any) -> Experiment:
    tags = {} if row.tags is None else json.loads(row.tags)
    return Experiment(
        row.experiment_id,
        row.name,
        row.creation_time_ms,
        row.artifact_location,
        MappingProxyType(tags),
    )
