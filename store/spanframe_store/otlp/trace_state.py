"""The state of a trace as a fold over its distinct spans.

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
from typing import Any, Final, NamedTuple

from spanframe import keys
from spanframe_store.contract.spans import Fact, Rank, Source, SpanRow
from spanframe_store.otlp.precedence import Order, precedence, strength
from spanframe_store.otlp.request import previews_of

__all__ = [
    "COLUMNS",
    "DEFAULT_EXPERIMENT_ID",
    "EMPTY",
    "EXPERIMENT_FIELDS",
    "METADATA",
    "TAG",
    "Stamp",
    "TraceState",
    "edit",
    "entries_of",
    "fold",
    "merge",
]

DEFAULT_EXPERIMENT_ID: Final = 0

_NS_PER_MS: Final = 1_000_000


class Stamp(NamedTuple):
    """The rank of a writer of a field; the greatest stamp owns the field."""

    source: int
    rank: int
    first: int
    second: int
    span_id: int
    digest: int


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

COLUMNS: Final = (
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
"""Fields of a trace that are not tags or metadata."""

TAG: Final = "tags."
"""What the field of a tag starts with."""

METADATA: Final = "metadata."
"""What the field of a metadata entry starts with."""

_OF_COLUMNS: Final = frozenset(COLUMNS)


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


def entries_of(state: TraceState) -> tuple[dict[str, str], dict[str, str]]:
    """Return the tags and the metadata of a state, each in the order of its keys."""
    tags: dict[str, str] = {}
    metadata: dict[str, str] = {}
    for field in sorted(state.values.keys() - _OF_COLUMNS):
        value = state.values[field]
        if value is None:
            continue
        if field.startswith(TAG):
            tags[field[len(TAG) :]] = value
        else:
            metadata[field[len(METADATA) :]] = value
    if state.usage is not None:
        # What the app states itself wins; spaces as MLflow writes them, since a filter
        # compares the text.
        metadata.setdefault(keys.META_TOKEN_USAGE, json.dumps(state.usage))
    return tags, metadata


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
