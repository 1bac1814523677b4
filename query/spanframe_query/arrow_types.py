"""The types of Arrow's columns, and cells as values of these types.

Tags and metadata are maps of texts, spans are lists of structures with MLflow's names,
and what may be any JSON value (inputs, outputs) is JSON text.
"""

import importlib
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from typing import Any, Final

from spanframe.errors import MissingExtraError
from spanframe_query.entities.json_cells import JsonText
from spanframe_query.entities.json_text import json_text

__all__ = ["arrow_array", "arrow_type", "pyarrow"]


def pyarrow() -> Any:
    """Return the module ``pyarrow``.

    Raises:
        MissingExtraError: when it is not installed.
    """
    try:
        return importlib.import_module("pyarrow")
    except ModuleNotFoundError as error:
        raise MissingExtraError("Arrow and Parquet output", "parquet") from error


def arrow_type(kind: str) -> Any:
    """Return the Arrow type of the cells of a kind."""
    return _types()[kind]


def arrow_array(kind: str, cells: Iterable[Any]) -> Any:
    """Return cells of a kind as an Arrow array.

    Args:
        kind: the kind of a column.
        cells: the cells, None where one is missing.
    """
    write = _WRITERS.get(kind)
    values = cells if write is None else [c if c is None else write(c) for c in cells]
    return pyarrow().array(values, type=arrow_type(kind))


@cache
def _types() -> Mapping[str, Any]:
    arrow = pyarrow()
    text, whole = arrow.string(), arrow.int64()
    entries = arrow.map_(text, text)
    event = {"name": text, "time_unix_nano": arrow.uint64(), "attributes": text}
    link = {"trace_id": text, "span_id": text, "attributes": text}
    span = {
        "trace_id": text,
        "span_id": text,
        "parent_span_id": text,
        "name": text,
        "start_time_unix_nano": whole,
        "end_time_unix_nano": whole,
        "events": arrow.list_(arrow.struct(list(event.items()))),
        "status": arrow.struct([("code", text), ("message", text)]),
        "attributes": entries,
        "links": arrow.list_(arrow.struct(list(link.items()))),
    }
    return {
        "text": text,
        "integer": whole,
        "integer or missing": whole,
        "number": arrow.float64(),
        "boolean": arrow.bool_(),
        "time": arrow.timestamp("ns", tz="UTC"),
        "entries": entries,
        "json": text,
        "spans": arrow.list_(arrow.struct(list(span.items()))),
        "trace": text,
    }


def _span(span: Mapping[str, Any]) -> dict[str, Any]:
    return {
        **span,
        "attributes": list(span["attributes"].items()),
        "events": [_with_text(event) for event in span["events"]],
        "links": [_with_text(link) for link in span["links"]],
    }


def _with_text(part: Mapping[str, Any]) -> dict[str, Any]:
    return {**part, "attributes": json_text(part["attributes"])}


_WRITERS: Final[Mapping[str, Callable[[Any], Any]]] = {
    "entries": lambda entries: list(entries.items()),
    "json": lambda value: str(value) if type(value) is JsonText else json_text(value),
    "spans": lambda spans: [_span(span) for span in spans],
    "trace": lambda trace: trace.to_json(),
}
"""Functions that write a cell as the Arrow type of its kind takes it."""
