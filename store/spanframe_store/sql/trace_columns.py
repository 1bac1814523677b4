"""The state of a trace ↔ the columns of its row."""

import json
from collections.abc import Iterable, Mapping
from json.encoder import encode_basestring
from typing import Any, Final

from spanframe import keys
from spanframe_store.otlp.previews import MAX_METADATA_CHARS, cut
from spanframe_store.otlp.trace_state import (
    COLUMNS,
    DEFAULT_EXPERIMENT_ID,
    EMPTY,
    METADATA,
    TAG,
    TraceState,
    entries_of,
    totals_of_entries,
)
from spanframe_store.sql.index_entries import Searchable
from spanframe_store.sql.stamps import dump_stamps, load_stamps

__all__ = ["columns_of", "searchable_changes", "searchable_of", "state_of"]

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

# A column on the left is NULL where it equals the preview on the right, cut; most do.
_PREVIEWS: Final = {
    "trace_inputs": "request_preview",
    "trace_outputs": "response_preview",
}
_TOTALS: Final = (keys.META_TOKEN_USAGE, keys.META_COST, keys.META_COST_SOURCE)


def searchable_of(state: TraceState) -> Searchable:
    """Return the values by which the index finds the trace of a state."""
    return Searchable(state.values.get("timestamp_ms", 0), *entries_of(state))


def searchable_changes(
    before: TraceState, after: TraceState
) -> tuple[Searchable, Searchable]:
    """Return the values by which the index finds one of two states alone."""
    old, new = before.values, after.values
    if old.get("timestamp_ms") != new.get("timestamp_ms"):
        return searchable_of(before), searchable_of(after)
    fields = [f for f in {**old, **new} if old.get(f) != new.get(f)]
    only_old, only_new = (
        searchable_of(
            EMPTY._replace(values={f: v[f] for f in fields if f in v})
        )._replace(timestamp_ms=v.get("timestamp_ms", 0))
        for v in (old, new)
    )
    return only_old, only_new


def columns_of(state: TraceState, found_by: Searchable | None = None) -> dict[str, Any]:
    """Return the columns of schema.traces that a state fills: all but the keys.

    Args:
        state: the state of the trace.
        found_by: `searchable_of` the state, when the caller has it.
    """
    _, tags, metadata = found_by or searchable_of(state)
    columns: dict[str, Any] = {name: state.values.get(name) for name in COLUMNS}
    for name, preview in _PREVIEWS.items():
        if columns[name] == _cut_preview(columns[preview]):
            columns[name] = None
    columns["experiment_id"] = columns["experiment_id"] or DEFAULT_EXPERIMENT_ID
    columns["tags"] = _json_object(tags)
    columns["metadata"] = _json_object(metadata)
    columns["span_count"] = state.span_count
    columns["size_bytes"] = state.size_bytes
    columns["stamps"] = dump_stamps(state.stamps, _fields(tags, metadata))
    return columns


def state_of(row: Mapping[str, Any]) -> TraceState:
    """Return the state that a trace row was made from; the inverse of `columns_of`."""
    values: dict[str, Any] = {name: row[name] for name in COLUMNS}
    for name, preview in _PREVIEWS.items():
        if values[name] is None:
            values[name] = _cut_preview(values[preview])
    tags, metadata = json.loads(row["tags"]), json.loads(row["metadata"])
    values.update((TAG + key, value) for key, value in tags.items())
    values.update((METADATA + key, value) for key, value in metadata.items())
    stamps = load_stamps(row["stamps"], _fields(tags, metadata))
    # An entry with a stamp is one that the app stated itself.
    totals = {
        key: metadata[key]
        for key in _TOTALS
        if key in metadata and METADATA + key not in stamps
    }
    return TraceState(
        {field: values.get(field) for field in stamps},
        stamps,
        row["span_count"],
        row["size_bytes"],
        totals_of_entries(totals),
    )


def _fields(tags: Iterable[str], metadata: Iterable[str]) -> list[str]:
    """Return the fields of a trace row whose stamps are stored without a name."""
    return [
        *_BY_PLACE,
        *map(TAG.__add__, tags),
        *map(METADATA.__add__, metadata),
    ]


def _cut_preview(text: str | None) -> str | None:
    return None if text is None else cut(text, MAX_METADATA_CHARS)


def _json_object(texts: Mapping[str, str]) -> str:
    """Return texts as a JSON object, in a third of the time of a general encoder."""
    quote = encode_basestring
    return f"{{{','.join([f'{quote(key)}:{quote(texts[key])}' for key in texts])}}}"
