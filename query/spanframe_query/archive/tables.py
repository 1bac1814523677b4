"""The tables of an archive: their columns, and how a page of a store becomes rows."""

import importlib
import json
from collections.abc import Callable, Collection, Mapping
from typing import Any, Final, NamedTuple

from spanframe import keys
from spanframe.errors import MissingExtraError, StoreError
from spanframe_store.contract.foreign import ForeignSpan, ForeignTrace
from spanframe_store.contract.results import Origin, Page
from spanframe_store.contract.spans import Fact, Source
from spanframe_store.otlp.content import decode_body
from spanframe_store.otlp.envelope import split_spans
from spanframe_store.otlp.foreign import entry_facts
from spanframe_store.otlp.stored_spans import spans_of

__all__ = [
    "SPANS",
    "TRACES",
    "Tables",
    "pyarrow",
    "schema",
    "tables_of",
    "traces_in",
    "without",
]

TRACES: Final = "traces"
SPANS: Final = "spans"

_NS_PER_MS: Final = 1_000_000
_SHOWN_STATES: Final = frozenset({"OK", "ERROR"})
_STATED: Final = (
    "client_request_id",
    "request_preview",
    "response_preview",
    "experiment",
)
"""Columns of a trace that a fact of the same name states."""


class Tables(NamedTuple):
    """A portion of traces, and all of their spans, as ``pyarrow.Table`` each."""

    traces: Any
    spans: Any


def pyarrow(module: str = "pyarrow") -> Any:
    """Return a module of pyarrow.

    Raises:
        MissingExtraError: when it is not installed.
    """
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        raise MissingExtraError("An archive", "parquet") from error


def schema(name: str) -> Any:
    """Return the ``pyarrow.Schema`` of a table of an archive."""
    arrow = pyarrow()
    text, integer = arrow.string(), arrow.int64()
    entries = arrow.map_(text, text)
    time = arrow.timestamp("ns", "UTC")
    # The same few resources and scopes stand in every row.
    shared = arrow.dictionary(arrow.int32(), arrow.binary())
    shared_text = arrow.dictionary(arrow.int32(), text)
    columns = {
        TRACES: {
            "trace_id": text,
            "experiment": text,
            "start": time,
            "duration_ms": integer,
            "status": text,
            "name": text,
            "client_request_id": text,
            "request_preview": text,
            "response_preview": text,
            "tags": entries,
            "metadata": entries,
            "spans": integer,
        },
        SPANS: {
            "trace_id": text,
            "span_id": text,
            "parent_span_id": text,
            "name": text,
            "type": text,
            "status": text,
            "start": time,
            "end": time,
            "attributes": entries,
            "otlp": arrow.binary(),
            "resource": shared,
            "resource_schema_url": shared_text,
            "scope": shared,
            "scope_schema_url": shared_text,
        },
    }
    return arrow.schema(list(columns[name].items()))


def tables_of(
    page: Page, origins: Mapping[bytes, Origin], experiment: Callable[[int], str]
) -> Tables:
    """Return the rows of a page.

    Args:
        page: traces with their spans.
        origins: the resources and scopes of their blocks.
        experiment: returns the name of an experiment.

    Raises:
        StoreError: stored spans cannot be read; it names the trace.
    """
    found, rows, spans = page.traces, [], []
    for place, trace_id in enumerate(found.trace_id):
        of_trace = [
            _span_row(stored, origins[block.origin])
            for block in (page.spans or ())[place]
            for stored in spans_of(block)
        ]
        spans += of_trace
        rows.append(
            {
                "trace_id": trace_id.hex(),
                "experiment": experiment(found.experiment_id[place]),
                "start": found.timestamp_ms[place] * _NS_PER_MS,
                "duration_ms": found.execution_time_ms[place],
                "status": found.status[place],
                "name": found.tags[place].get(keys.TAG_TRACE_NAME),
                "client_request_id": found.client_request_id[place],
                "request_preview": found.request_preview[place],
                "response_preview": found.response_preview[place],
                "tags": list(found.tags[place].items()),
                "metadata": list(found.metadata[place].items()),
                "spans": len(of_trace),
            }
        )
    arrow = pyarrow()
    return Tables(
        arrow.Table.from_pylist(rows, schema=schema(TRACES)),
        arrow.Table.from_pylist(spans, schema=schema(SPANS)),
    )


def without(tables: Tables, trace_ids: Collection[str]) -> Tables:
    """Return the rows of a portion that are not of these traces, given in hex."""
    arrow, compute = pyarrow(), pyarrow("pyarrow.compute")
    known = arrow.array(trace_ids, arrow.string())
    traces, spans = (
        table.filter(compute.invert(compute.is_in(table["trace_id"], known)))
        for table in tables
    )
    return Tables(traces, spans)


def traces_in(tables: Tables) -> list[ForeignTrace]:
    """Return the traces of a portion of an archive.

    Raises:
        StoreError: a column is missing, or the spans are those of other traces.
    """
    try:
        return _traces(tables.traces.to_pylist(), tables.spans.to_pylist())
    except (KeyError, TypeError, ValueError) as error:
        raise StoreError(
            "The files are not those of an archive of spanframe, or were changed: "
            f"{error}. Export again."
        ) from error


def _traces(
    rows: list[dict[str, Any]], spans: list[dict[str, Any]]
) -> list[ForeignTrace]:
    by_trace: dict[str, list[ForeignSpan]] = {row["trace_id"]: [] for row in rows}
    for span in spans:
        by_trace[span["trace_id"]].append(
            ForeignSpan(
                span["otlp"],
                (span["resource"], span["resource_schema_url"]),
                (span["scope"], span["scope_schema_url"]),
            )
        )
    for row in rows:
        if len(by_trace[row["trace_id"]]) != row["spans"]:
            raise ValueError(f"spans of trace {row['trace_id']} are missing")
    return [
        ForeignTrace(
            bytes.fromhex(row["trace_id"]),
            tuple(by_trace[row["trace_id"]]),
            _facts(row),
        )
        for row in rows
    ]


def _facts(row: Mapping[str, Any]) -> tuple[Fact, ...]:
    stated = {name: row[name] for name in _STATED}
    stated["status"] = row["status"] if row["status"] in _SHOWN_STATES else None
    facts = [Fact(name, Source.EXPLICIT, text) for name, text in stated.items() if text]
    return (*facts, *entry_facts(dict(row["tags"]), dict(row["metadata"])))


def _span_row(stored: Any, origin: Origin) -> dict[str, Any]:
    content = decode_body(stored)
    return {
        "trace_id": content.trace_id.hex(),
        "span_id": content.span_id.hex(),
        "parent_span_id": content.parent_span_id and content.parent_span_id.hex(),
        "name": content.name,
        "type": json.loads(content.attributes[keys.SPAN_TYPE]),
        "status": content.status.status_code.value,
        "start": content.start_ns,
        "end": content.end_ns or None,
        "attributes": list(content.attributes.items()),
        "otlp": split_spans(stored.block)[stored.position],
        "resource": origin.resource.body,
        "resource_schema_url": origin.resource.schema_url,
        "scope": origin.scope.body,
        "scope_schema_url": origin.scope.schema_url,
    }
