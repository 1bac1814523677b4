"""A trace row as a fold over the distinct spans of the trace.

Every field of a trace is a register that remembers who wrote it: a value and a stamp.
Stamps are totally ordered and the greatest wins, so merging is commutative, associative
and idempotent: order, batching, duplication and the process that wrote cannot change
the result (a property test holds this). Only the two counts add up, and the writer
feeds each distinct span once.

Which span speaks for the trace, and whose tags and metadata count, is said in
`spanframe_store.otlp.precedence`.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from json.encoder import encode_basestring
from typing import Any, Final, NamedTuple

from spanframe import keys
from spanframe_store.contract.spans import Fact, Rank, Source, SpanRow
from spanframe_store.otlp import previews_of
from spanframe_store.otlp.precedence import Order, precedence, strength
from spanframe_store.otlp.previews import (
    MAX_METADATA_CHARS,
    cut,
)
from spanframe_store.sql.index_entries import Searchable
from spanframe_store.sql.stamps import Stamp, dump_stamps, load_stamps

__all__ = [
    "EMPTY",
    "EXPERIMENT_FIELDS",
    "TraceState",
    "columns_of",
    "edit",
    "fold",
    "merge",
    "searchable_of",
    "state_of",
]

DEFAULT_EXPERIMENT_ID: Final = 0

_NS_PER_MS: Final = 1_000_000


class TraceState(NamedTuple):
    """All that is known of one trace: its fields, and the two counts.

    ``values`` and ``stamps`` have the same fields; the value None: absent, or deleted.
    ``usage`` is not folded here but asked from the store; None: the trace has none.
    """

    values: Mapping[str, Any]
    stamps: Mapping[str, Stamp]
    span_count: int
    size_bytes: int
    usage: Mapping[str, int] | None = None


NO_EXPERIMENTS: Final[Mapping[Fact, int]] = {}
EXPERIMENT_FIELDS: Final = frozenset({"experiment", "experiment_id"})
EMPTY: Final = TraceState({}, {}, 0, 0)

# The columns of schema.traces that are filled from fields, one each.
_COLUMNS: Final = (
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
# Most often the first is the second, cut; then it is not written.
_SHOWN: Final = {
    "trace_inputs": "request_preview",
    "trace_outputs": "response_preview",
}
_FILLED: Final = frozenset(_COLUMNS)
_TAG: Final = "tags."
_METADATA: Final = "metadata."
_USAGE: Final = _METADATA + keys.META_TOKEN_USAGE


def fold(
    spans: Iterable[SpanRow],
    experiment_ids: Mapping[Fact, int] = NO_EXPERIMENTS,
    known: TraceState = EMPTY,
) -> TraceState:
    """Return the state of a trace that holds exactly these distinct spans.

    Args:
        spans: spans of one trace.
        experiment_ids: the id of every experiment that a fact of the spans speaks of;
            a fact that is not among them is left out.
        known: a state that the result will be merged into: what would lose against it
            is not worth finding out.
    """
    group = spans if isinstance(spans, Sequence) else list(spans)
    if not group:
        return EMPTY
    # Most traces have one root, and then nothing else has to be compared.
    ranks = [span.rank for span in group]
    top = max(ranks)
    leaders = [group[ranks.index(top)]]
    if ranks.count(top) > 1:
        leaders = [span for span in group if span.rank == top]
    values: dict[str, Any] = {}
    stamps: dict[str, Stamp] = {}
    # From the weakest source to the strongest, so that most fields are written once.
    for speaker in _speakers(group, leaders):
        _hear(values, stamps, speaker, speaker.shared_facts, experiment_ids)
    head = max(leaders, key=_precedence)
    stamp = Stamp(Source.SPAN, *_precedence(head))
    speaking = known.stamps.get("timestamp_ms")
    if speaking is None or stamp > speaking:
        said = _head_values(head)
        # Nothing that is shared says such a thing.
        values.update(said)
        stamps.update(dict.fromkeys(said, stamp))
    for span in group:
        if span.own_facts:
            _hear(values, stamps, span, span.own_facts, experiment_ids)
    size_bytes = sum([len(span.body) for span in group])
    return TraceState(values, stamps, len(group), size_bytes)


def merge(left: TraceState, right: TraceState) -> TraceState:
    """Return the state of a trace that holds the spans of both (disjoint) sets.

    When the right one changes no field, the fields are those of the left one, the very
    same objects.
    """
    if left is EMPTY:
        return right
    values, stamps = left.values, left.stamps
    won = {
        field: stamp
        for field, stamp in right.stamps.items()
        if field not in stamps or stamp > stamps[field]
    }
    if won:
        values = {**values, **{field: right.values[field] for field in won}}
        stamps = {**stamps, **won}
    return TraceState(
        values,
        stamps,
        left.span_count + right.span_count,
        left.size_bytes + right.size_bytes,
        left.usage or right.usage,
    )


def edit(field: str, value: str | None, time_ns: int) -> TraceState:
    """Return the state that, merged, sets (None: deletes) a field for good."""
    stamp = Stamp(Source.EDIT, 0, time_ns, 0, 0, 0)
    return TraceState({field: value}, {field: stamp}, 0, 0)


def searchable_of(state: TraceState) -> Searchable:
    """Return what the trace row of a state is found by."""
    values = state.values
    tags: dict[str, str] = {}
    entries: dict[str, str] = {}
    for field in sorted(values.keys() - _FILLED):
        value = values[field]
        if value is None:
            continue
        if field.startswith(_TAG):
            tags[field[len(_TAG) :]] = value
        else:
            entries[field[len(_METADATA) :]] = value
    if state.usage is not None:
        # What the app says itself wins; spaces as MLflow writes them, since a filter
        # compares the text.
        entries.setdefault(keys.META_TOKEN_USAGE, json.dumps(state.usage))
    return Searchable(values.get("timestamp_ms", 0), tags, entries)


def columns_of(state: TraceState, found_by: Searchable | None = None) -> dict[str, Any]:
    """Return the columns of schema.traces that a state fills (not its keys).

    Args:
        state: of the trace.
        found_by: `searchable_of` the state, when it is at hand.
    """
    _, tags, entries = found_by or searchable_of(state)
    columns: dict[str, Any] = {name: state.values.get(name) for name in _COLUMNS}
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
    values: dict[str, Any] = {name: row[name] for name in _COLUMNS}
    for full, shown in _SHOWN.items():
        if values[full] is None:
            values[full] = _cut_preview(values[shown])
    tags, entries = json.loads(row["tags"]), json.loads(row["metadata"])
    values.update((_TAG + key, value) for key, value in tags.items())
    values.update((_METADATA + key, value) for key, value in entries.items())
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
    return [*_COLUMNS, *map(_TAG.__add__, tags), *map(_METADATA.__add__, entries)]


def _cut_preview(text: str | None) -> str | None:
    return None if text is None else cut(text, MAX_METADATA_CHARS)


def _object(texts: Mapping[str, str]) -> str:
    """Return texts as a JSON object, in a third of the time of a general encoder."""
    quote = encode_basestring
    return f"{{{','.join([f'{quote(key)}:{quote(texts[key])}' for key in texts])}}}"


def _speakers(
    group: Sequence[SpanRow], leaders: Sequence[SpanRow]
) -> Iterable[SpanRow]:
    """Return the strongest span of each process that the spans come from.

    Most facts are those of a process: all its spans say them.

    Args:
        group: the spans.
        leaders: those of the highest rank.
    """
    shared = group[0].shared_facts
    if all(span.shared_facts is shared for span in group):
        return (max(leaders, key=_strength),)
    processes: dict[int, list[SpanRow]] = {}
    for span in group:
        processes.setdefault(id(span.shared_facts), []).append(span)
    return [max(process, key=_strength) for process in processes.values()]


def _hear(
    values: dict[str, Any],
    stamps: dict[str, Stamp],
    span: SpanRow,
    facts: Iterable[Fact],
    experiment_ids: Mapping[Fact, int],
) -> None:
    """Add facts that a span says."""
    order = _strength(span)
    of_source: dict[Source, Stamp] = {}
    for fact in facts:
        field, source, value = fact
        stamp = of_source.get(source)
        if stamp is None:
            stamp = of_source[source] = Stamp(source, *order)
        said: Any = value
        if field in EXPERIMENT_FIELDS:
            if fact not in experiment_ids:
                continue
            field, said = "experiment_id", experiment_ids[fact]
        if field not in stamps or stamp > stamps[field]:
            values[field], stamps[field] = said, stamp


def _precedence(span: SpanRow) -> Order:
    return precedence(span.rank, span.start_ns, span.end_ns, span.span_id, span.digest)


def _strength(span: SpanRow) -> Order:
    return strength(span.rank, span.start_ns, span.end_ns, span.span_id, span.digest)


def _head_values(head: SpanRow) -> dict[str, Any]:
    """Return what the span that speaks for the trace says by being what it is.

    Until a root (or an entry from another process) has arrived and ended, the trace is
    in progress and its duration unknown.
    """
    ended = head.rank >= Rank.ENTRY and head.end_ns > 0
    status = "IN_PROGRESS"
    if ended:
        status = "ERROR" if head.signature.status == "ERROR" else "OK"
    return {
        "timestamp_ms": head.start_ns // _NS_PER_MS,
        # A clock that stepped back must not make a negative duration.
        "execution_time_ms": max(0, head.end_ns - head.start_ns) // _NS_PER_MS
        if ended
        else None,
        "status": status,
        "name": head.signature.name,
        **previews_of(head)._asdict(),
    }
