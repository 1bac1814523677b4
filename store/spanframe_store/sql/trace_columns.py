"""The state of a trace as columns of its row, and back."""

import json
from collections.abc import Iterable, Mapping
from json.encoder import encode_basestring
from typing import Any, Final

from spanframe import keys
from spanframe_store.otlp.previews import MAX_METADATA_CHARS, cut
from spanframe_store.otlp.trace_state import (
    COLUMNS,
    DEFAULT_EXPERIMENT_ID,
    METADATA,
    TAG,
    TraceState,
    entries_of,
)
from spanframe_store.sql.index import Searchable
from spanframe_store.sql.stamps import dump_stamps, load_stamps

__all__ = ["columns_of", "searchable_of", "state_of"]

# Most often the first is the second, cut; then it is not written.
_SHOWN: Final = {
    "trace_inputs": "request_preview",
    "trace_outputs": "response_preview",
}
_BY_PLACE: Final = (
    "experiment_id",
    "timestamp_ms",
    "execution_time_ms",
    "status",
    "name",
    "client_request_id",
    "request_preview",
    "response_preview",
    "trace_inputs",
    "trace_outputs",
)
"""Fields that stored stamps name by place; a column added later they name by name."""

_USAGE: Final = METADATA + keys.META_TOKEN_USAGE


def searchable_of(state: TraceState) -> Searchable:
    """Return what the trace row of a state is found by."""
    return Searchable(state.values.get("timestamp_ms", 0), *entries_of(state))


def columns_of(state: TraceState, found_by: Searchable | None = None) -> dict[str, Any]:
    """Return the columns of schema.traces that a state fills (not its keys).

    Args:
        state: of the trace.
        found_by: `searchable_of` the state, when it is at hand.
    """
    _, tags, entries = found_by or searchable_of(state)
    columns: dict[str, Any] = {name: state.values.get(name) for name in COLUMNS}
    for full, shown in _SHOWN.items():
        if columns[full] == _cut_preview(columns[shown]):
            columns[full] = None
    columns["experiment_id"] = columns["experiment_id"] or DEFAULT_EXPERIMENT_ID
    columns["tags"] = _object(tags)
    columns["metadata"] = _object(entries)
    columns["span_count"] = state.span_count
    columns["size_bytes"] = state.size_bytes
    columns["stamps"] = dump_stamps(state.stamps, _fields(tags, entries))
    return columns


def state_of(row: Mapping[str, Any]) -> TraceState:
    """Return the state a stored trace row was made from; inverse of `columns_of`."""
    values: dict[str, Any] = {name: row[name] for name in COLUMNS}
    for full, shown in _SHOWN.items():
        if values[full] is None:
            values[full] = _cut_preview(values[shown])
    tags, entries = json.loads(row["tags"]), json.loads(row["metadata"])
    values.update((TAG + key, value) for key, value in tags.items())
    values.update((METADATA + key, value) for key, value in entries.items())
    stamps = load_stamps(row["stamps"], _fields(tags, entries))
    usage = values.get(_USAGE) if _USAGE not in stamps else None
    return TraceState(
        {field: values.get(field) for field in stamps},
        stamps,
        row["span_count"],
        row["size_bytes"],
        json.loads(usage) if usage is not None else None,
    )


def _fields(tags: Iterable[str], entries: Iterable[str]) -> list[str]:
    """Return the fields of a trace row whose stamps need no name beside them."""
    return [*_BY_PLACE, *map(TAG.__add__, tags), *map(METADATA.__add__, entries)]


def _cut_preview(text: str | None) -> str | None:
    return None if text is None else cut(text, MAX_METADATA_CHARS)


def _object(texts: Mapping[str, str]) -> str:
    """Return texts as a JSON object, in a third of the time of a general encoder."""
    quote = encode_basestring
    return f"{{{','.join([f'{quote(key)}:{quote(texts[key])}' for key in texts])}}}"
