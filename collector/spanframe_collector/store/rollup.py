"""A trace row as a fold over the distinct spans of the trace.

Every field of a trace is a register that remembers who wrote it: a `Pick` of a stamp
and a value. Stamps are totally ordered and the greatest wins, so merging is
commutative, associative and idempotent: order, batching, duplication and the process
that wrote cannot change the result (a property test holds this). Only the two counts
add up, and the writer feeds each distinct span once.

Which span speaks for the trace: a span without a parent before one whose parent is in
another process before any other; among equals the one that starts first, then the one
that ends last. Tags and metadata come from any span; the root's win, then the latest.
"""

import json
from collections.abc import Iterable, Mapping
from typing import Any, Final, NamedTuple

from spanframe import keys
from spanframe_collector.decode.previews import METADATA_LENGTH, cut, preview
from spanframe_collector.rows import Fact, Rank, Source, SpanRow

__all__ = [
    "EMPTY",
    "EXPERIMENT_FIELDS",
    "Pick",
    "Stamp",
    "TraceState",
    "columns_of",
    "edit",
    "fold",
    "merge",
    "state_of",
]

DEFAULT_EXPERIMENT_ID: Final = 0

_NS_PER_MS: Final = 1_000_000
_UNSET_START: Final = -(1 << 63)


class Stamp(NamedTuple):
    """The rank of a writer of a field; the greatest stamp owns the field."""

    source: int
    rank: int
    first: int
    second: int
    span_id: int
    digest: int


class Pick(NamedTuple):
    """A value and the stamp it was written with; None: absent, or deleted."""

    stamp: Stamp
    value: Any


class TraceState(NamedTuple):
    """All that is known of one trace: its picks by field, and the two counts.

    ``usage`` is not folded here but asked from the store; None: the trace has none.
    """

    picks: Mapping[str, Pick]
    span_count: int
    size_bytes: int
    usage: Mapping[str, int] | None = None


NO_EXPERIMENTS: Final[Mapping[Fact, int]] = {}
EXPERIMENT_FIELDS: Final = frozenset({"experiment", "experiment_id"})
EMPTY: Final = TraceState({}, 0, 0)

# The columns of schema.traces that are filled from picks, one field each.
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
_TAG: Final = "tags."
_METADATA: Final = "metadata."
_USAGE: Final = _METADATA + keys.META_TOKEN_USAGE


def fold(
    spans: Iterable[SpanRow], experiment_ids: Mapping[Fact, int] = NO_EXPERIMENTS
) -> TraceState:
    """Return the state of a trace that holds exactly these distinct spans.

    Args:
        spans: spans of one trace.
        experiment_ids: the id of every experiment that a fact of the spans speaks of;
            a fact that is not among them is left out.
    """
    picks: dict[str, Pick] = {}
    count = size = 0
    head: SpanRow | None = None
    head_stamp: Stamp | None = None
    for span in spans:
        count += 1
        size += len(span.body)
        stamp = _head_stamp(span)
        if head_stamp is None or stamp > head_stamp:
            head, head_stamp = span, stamp
        for fact in span.facts:
            stamp = _fact_stamp(span, fact)
            if fact.field not in EXPERIMENT_FIELDS:
                _put(picks, fact.field, Pick(stamp, fact.value))
            elif fact in experiment_ids:
                _put(picks, "experiment_id", Pick(stamp, experiment_ids[fact]))
    if head is not None and head_stamp is not None:
        for field, value in _head_values(head).items():
            _put(picks, field, Pick(head_stamp, value))
    return TraceState(picks, count, size)


def merge(left: TraceState, right: TraceState) -> TraceState:
    """Return the state of a trace that holds the spans of both (disjoint) sets.

    When the right one changes no pick, the picks are those of the left one, the very
    same object.
    """
    picks = left.picks
    won = {
        field: pick
        for field, pick in right.picks.items()
        if field not in picks or pick.stamp > picks[field].stamp
    }
    return TraceState(
        {**picks, **won} if won else picks,
        left.span_count + right.span_count,
        left.size_bytes + right.size_bytes,
        left.usage or right.usage,
    )


def edit(field: str, value: str | None, time_ns: int) -> TraceState:
    """Return the state that, merged, sets (None: deletes) a field for good."""
    stamp = Stamp(Source.EDIT, 0, time_ns, 0, 0, 0)
    return TraceState({field: Pick(stamp, value)}, 0, 0)


def columns_of(state: TraceState) -> dict[str, Any]:
    """Return the columns of schema.traces that a state fills (not its keys)."""
    picks = state.picks
    columns: dict[str, Any] = {
        name: picks[name].value if name in picks else None for name in _COLUMNS
    }
    columns["experiment_id"] = columns["experiment_id"] or DEFAULT_EXPERIMENT_ID
    columns["tags"] = _dump(_entries(picks, _TAG))
    columns["metadata"] = _dump(_metadata(state))
    columns["span_count"] = state.span_count
    columns["size_bytes"] = state.size_bytes
    columns["stamps"] = _dump_stamps(picks)
    return columns


def state_of(row: Mapping[str, Any]) -> TraceState:
    """Return the state a stored trace row was made from; inverse of `columns_of`."""
    values: dict[str, Any] = {name: row[name] for name in _COLUMNS}
    values.update((_TAG + k, v) for k, v in json.loads(row["tags"]).items())
    values.update((_METADATA + k, v) for k, v in json.loads(row["metadata"]).items())
    picks = {}
    for numbers, fields in json.loads(row["stamps"]):
        stamp = Stamp._make(numbers)
        for field in fields:
            picks[field] = Pick(stamp, values.get(field))
    usage = values.get(_USAGE) if _USAGE not in picks else None
    return TraceState(
        picks,
        row["span_count"],
        row["size_bytes"],
        json.loads(usage) if usage is not None else None,
    )


def _put(picks: dict[str, Pick], field: str, pick: Pick) -> None:
    known = picks.get(field)
    if known is None or pick.stamp > known.stamp:
        picks[field] = pick


def _head_stamp(span: SpanRow) -> Stamp:
    # A start that is not set says nothing about being first.
    first = -span.start_ns if span.start_ns else _UNSET_START
    return Stamp(Source.SPAN, span.rank, first, span.end_ns, span.span_id, span.digest)


def _fact_stamp(span: SpanRow, fact: Fact) -> Stamp:
    return Stamp(
        fact.source, span.rank, span.end_ns, span.start_ns, span.span_id, span.digest
    )


def _head_values(head: SpanRow) -> dict[str, Any]:
    """Return what the span that speaks for the trace says by being what it is.

    Until a root (or an entry from another process) has arrived and ended, the trace is
    in progress and its duration unknown.
    """
    ended = head.rank >= Rank.ENTRY and head.end_ns > 0
    status = "IN_PROGRESS"
    if ended:
        status = "ERROR" if head.status == "ERROR" else "OK"
    return {
        "timestamp_ms": head.start_ns // _NS_PER_MS,
        # A clock that stepped back must not make a negative duration.
        "execution_time_ms": max(0, head.end_ns - head.start_ns) // _NS_PER_MS
        if ended
        else None,
        "status": status,
        "name": head.name,
        "request_preview": preview(head.inputs, "user"),
        "response_preview": preview(head.outputs, "assistant"),
        "trace_inputs": cut(head.inputs or "", METADATA_LENGTH),
        "trace_outputs": cut(head.outputs or "", METADATA_LENGTH),
    }


def _entries(picks: Mapping[str, Pick], prefix: str) -> dict[str, str]:
    return {
        field[len(prefix) :]: pick.value
        for field, pick in sorted(picks.items())
        if field.startswith(prefix) and pick.value is not None
    }


def _metadata(state: TraceState) -> dict[str, str]:
    entries = _entries(state.picks, _METADATA)
    if state.usage is not None:
        # What the app says itself wins; spaces as MLflow writes them, since a filter
        # compares the text.
        entries.setdefault(keys.META_TOKEN_USAGE, json.dumps(state.usage))
    return entries


def _dump_stamps(picks: Mapping[str, Pick]) -> str:
    """Write who owns which fields, as ``[[stamp, [field, …]], …]``."""
    owners: dict[Stamp, list[str]] = {}
    for field in sorted(picks):
        owners.setdefault(picks[field].stamp, []).append(field)
    return _dump(list(owners.items()))


def _dump(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
