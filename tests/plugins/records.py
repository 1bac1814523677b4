"""Traces as plain values, and a real SQLite store that holds them."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.trace.v1 import trace_pb2
from sqlalchemy import Connection, Engine, Row, create_engine, delete, event, insert

from spanframe_store.contract.search import Search
from spanframe_store.contract.spans import Signature
from spanframe_store.sql import schema
from spanframe_store.sql.backend import open_engine
from spanframe_store.sql.blocks import Codec
from spanframe_store.sql.codecs import Codecs
from spanframe_store.sql.engines import database_of
from spanframe_store.sql.engines.sqlite.layout import install_functions
from spanframe_store.sql.plans import Plan
from spanframe_store.sql.prepared import prepare
from spanframe_store.sql.residual import count_found, found_rows

Attribute = str | bool | int | float

_FILLED = (
    schema.traces,
    schema.attribute_index,
    schema.spans,
    schema.span_blocks,
    schema.span_signatures,
)


@dataclass(frozen=True, kw_only=True)
class SpanRecord:
    """A span as filters see it."""

    name: str = "step"
    type: str = "UNKNOWN"
    status: str = "OK"
    attributes: Mapping[str, Attribute] = field(default_factory=dict)
    exceptions: tuple[tuple[str, str], ...] = ()
    """The types and messages of the exceptions it recorded."""

    @property
    def events(self) -> list[dict[str, str]]:
        """The attributes of its events."""
        return [
            {"exception.type": kind, "exception.message": message}
            for kind, message in self.exceptions
        ]

    def body(self) -> bytes:
        return trace_pb2.Span(
            name=self.name,
            attributes=_pairs(self.attributes),
            events=[
                trace_pb2.Span.Event(name="exception", attributes=_pairs(event))
                for event in self.events
            ],
        ).SerializeToString()


def _pairs(attributes: Mapping[str, Attribute]) -> list[KeyValue]:
    return [
        KeyValue(key=key, value=_any_value(value)) for key, value in attributes.items()
    ]


@dataclass(frozen=True, kw_only=True)
class TraceRecord:
    """A trace as filters see it; ``number`` is its key and its trace id."""

    number: int
    timestamp_ms: int = 1_000
    execution_time_ms: int | None = 10
    status: str = "OK"
    name: str | None = "chat"
    client_request_id: str | None = None
    experiment_id: int = 0
    trace_inputs: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    metadata: Mapping[str, str] = field(default_factory=dict)
    spans: tuple[SpanRecord, ...] = ()

    @property
    def trace_id(self) -> bytes:
        return self.number.to_bytes(16, "big")

    @property
    def request_id(self) -> str:
        return f"tr-{self.trace_id.hex()}"


def open_store(where: Path | str, records: Iterable[TraceRecord] = ()) -> Engine:
    """Create a store of the real schema in a file, or in a database, and fill it."""
    if isinstance(where, str):
        engine = open_engine(where)
    else:
        engine = create_engine(f"sqlite:///{where}")
        event.listen(engine, "connect", _prepare)
    schema.metadata.create_all(engine)
    fill(engine, records)
    return engine


def _prepare(raw: Any, _: object) -> None:
    install_functions(raw, Codecs())
    # What a power cut would leave of a test's store does not matter.
    raw.execute("PRAGMA synchronous = OFF").close()


def rows_of(
    connection: Connection, search: Search, plan: Plan | None = None
) -> Sequence[Row[Any]]:
    """Return the trace rows of a search, in its order."""
    return found_rows(connection, prepare(search, database_of(connection)), plan)


def count_of(connection: Connection, search: Search, plan: Plan | None = None) -> int:
    """Return how many traces a search finds."""
    return count_found(connection, prepare(search, database_of(connection)), plan)


def refill(engine: Engine, records: Iterable[TraceRecord]) -> None:
    """Make a store hold these traces and no others."""
    with engine.begin() as connection:
        for table in _FILLED:
            connection.execute(delete(table))
    fill(engine, records)


def fill(engine: Engine, records: Iterable[TraceRecord]) -> None:
    """Insert traces, their index rows and their spans."""
    traces: list[dict[str, Any]] = []
    entries: list[dict[str, Any]] = []
    spans: list[dict[str, Any]] = []
    blocks: list[dict[str, Any]] = []
    kinds: dict[Signature, int] = {}
    for record in records:
        traces.append(_trace_row(record))
        for kind, pairs in (
            (schema.KIND_TAG, record.tags),
            (schema.KIND_METADATA, record.metadata),
        ):
            entries += [_entry_row(record, kind, *pair) for pair in pairs.items()]
        if record.spans:
            blocks.append(_block_row(record))
        spans += [
            _span_row(record, place, kinds.setdefault(_signature(span), len(kinds) + 1))
            for place, span in enumerate(record.spans)
        ]
    kind_rows = [{"kind_key": key, **kind._asdict()} for kind, key in kinds.items()]
    with engine.begin() as connection:
        for table, rows in zip(
            _FILLED, (traces, entries, spans, blocks, kind_rows), strict=True
        ):
            if rows:
                connection.execute(insert(table), rows)


def _trace_row(record: TraceRecord) -> dict[str, Any]:
    return {
        "trace_key": record.number,
        "trace_id": record.trace_id,
        "experiment_id": record.experiment_id,
        "timestamp_ms": record.timestamp_ms,
        "execution_time_ms": record.execution_time_ms,
        "status": record.status,
        "name": record.name,
        "client_request_id": record.client_request_id,
        "trace_inputs": record.trace_inputs,
        "tags": json.dumps(dict(record.tags), ensure_ascii=False),
        "metadata": json.dumps(dict(record.metadata), ensure_ascii=False),
        "span_count": len(record.spans),
        "size_bytes": sum(len(span.body()) for span in record.spans),
        "stamps": b"",
    }


def _entry_row(record: TraceRecord, kind: int, key: str, value: str) -> dict[str, Any]:
    length = schema.MAX_INDEXED_VALUE_CHARS
    return {
        "kind": kind,
        "key": key,
        "value": value[:length],
        "timestamp_ms": record.timestamp_ms,
        "trace_key": record.number,
        "whole_value": value if len(value) > length else None,
    }


def _signature(span: SpanRecord) -> Signature:
    texts = (span.name, span.type, span.status)
    return Signature(repr(texts).encode(), *texts)


def _block_row(record: TraceRecord) -> dict[str, Any]:
    return {
        "block_key": record.number,
        "resource_key": 1,
        "scope_key": 1,
        "dictionary_key": None,
        "body": Codec().pack([[span.body() for span in record.spans]])[0],
    }


def _span_row(record: TraceRecord, place: int, kind_key: int) -> dict[str, Any]:
    return {
        "trace_key": record.number,
        "span_id": place + 1,
        "digest": 0,
        "parent_span_id": None,
        "kind_key": kind_key,
        "end_ns": 0,
        "block_key": record.number,
        "position": place,
    }


def _any_value(value: Attribute) -> AnyValue:
    match value:
        case bool():
            return AnyValue(bool_value=value)
        case int():
            return AnyValue(int_value=value)
        case float():
            return AnyValue(double_value=value)
        case str():
            return AnyValue(string_value=value)
