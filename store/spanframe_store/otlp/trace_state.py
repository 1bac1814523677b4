"""The state of a trace as a fold over its distinct spans.

Every field of a trace is a register: a value, and a stamp that says which span or edit
set it. Stamps are totally ordered and the greatest wins, so merging is commutative,
associative and idempotent: order, batching, duplication and the writing process cannot
change the result (a property test proves this). Only the two counts add up, and the
writer folds each distinct span once.

`spanframe_store.otlp.precedence` says which span speaks for the trace, and which span
wins where several set one tag.
"""

import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

from spanframe import keys
from spanframe_store.contract.spans import Fact, Rank, Source, SpanRow
from spanframe_store.contract.texts import stored_text
from spanframe_store.otlp.precedence import Order, precedence, strength
from spanframe_store.otlp.request import previews_of
from spanframe_store.otlp.trace_previews import statements
from spanframe_store.otlp.usage import Totals

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
    "entries_of_totals",
    "fold",
    "merge",
    "storable",
    "totals_of_entries",
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
    """Everything known about one trace: its fields, its two counts, its totals.

    Attributes:
        values: the values by field; None: absent, or deleted.
        stamps: the stamps of the same fields.
        span_count: the number of distinct spans.
        size_bytes: the size of their bodies.
        totals: token usage and cost, read from the store because they are not a fold;
            None: the trace has none.
    """

    values: Mapping[str, Any]
    stamps: Mapping[str, Stamp]
    span_count: int
    size_bytes: int
    totals: Totals | None = None


_NO_EXPERIMENTS: Final[Mapping[Fact, int]] = {}
EXPERIMENT_FIELDS: Final = frozenset({"experiment", "experiment_id"})
"""Fields of facts that state the experiment of a trace, by name or by number."""

EMPTY: Final = TraceState({}, {}, 0, 0)
"""The state of a trace without spans."""


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
    experiment_ids: Mapping[Fact, int] = _NO_EXPERIMENTS,
    known: TraceState = EMPTY,
) -> TraceState:
    """Return the state of a trace that holds exactly these distinct spans.

    Args:
        spans: spans of one trace.
        experiment_ids: the experiment id of every fact that states an experiment; a
            fact that is not among them is left out.
        known: the state that the result will be merged into; values that would lose
            against it are not computed.
    """
    group = spans if isinstance(spans, Sequence) else list(spans)
    if not group:
        return EMPTY
    # Most traces have one root, and then no other span has to be compared.
    ranks = [span.rank for span in group]
    top_rank = max(ranks)
    top_spans = [group[ranks.index(top_rank)]]
    if ranks.count(top_rank) > 1:
        top_spans = [span for span in group if span.rank == top_rank]
    values: dict[str, Any] = {}
    stamps: dict[str, Stamp] = {}
    # Sources come from the weakest to the strongest, so most fields are set once.
    processes = _strongest_spans(group, top_spans)
    for span in processes:
        _add_facts(values, stamps, span, span.shared_facts, experiment_ids)
    if len(processes) > 1:
        facts = [fact for span in processes for fact in span.shared_facts]
        _add_services(values, stamps, {f.value for f in facts if f.field == _SERVICE})
    speaking_span = max(top_spans, key=_precedence)
    stamp = Stamp(Source.SPAN, *_precedence(speaking_span))
    # No shared fact states one of these fields.
    if _counts(stamp, known, "timestamp_ms"):
        own_values = _own_values(speaking_span)
        values.update(own_values)
        stamps.update(dict.fromkeys(own_values, stamp))
    previews = _previews(group, speaking_span, stamp, known)
    for fields, texts, own_stamp in previews:
        values.update(zip(fields, texts, strict=True))
        stamps.update(dict.fromkeys(fields, own_stamp))
    for span in group:
        if span.own_facts:
            _add_facts(values, stamps, span, span.own_facts, experiment_ids)
    size_bytes = sum([len(span.body) for span in group])
    return TraceState(values, stamps, len(group), size_bytes)


def merge(left: TraceState, right: TraceState) -> TraceState:
    """Return the state of a trace that holds the spans of both (disjoint) sets.

    When the right state changes no field, the result has the very same ``values`` and
    ``stamps`` objects as the left one.
    """
    if left is EMPTY:
        return right
    values, stamps = left.values, left.stamps
    changed = {
        field: stamp
        for field, stamp in right.stamps.items()
        if field not in stamps or stamp > stamps[field]
    }
    if changed:
        values = {**values, **{field: right.values[field] for field in changed}}
        stamps = {**stamps, **changed}
    services = {_service_of(left), _service_of(right)} - {None}
    if len(services) > 1 and not all(_OF_SERVICE + s in stamps for s in services if s):
        values, stamps = dict(values), dict(stamps)
        _add_services(values, stamps, {s for s in services if s})
    return TraceState(
        values,
        stamps,
        left.span_count + right.span_count,
        left.size_bytes + right.size_bytes,
        left.totals or right.totals,
    )


def edit(field: str, value: str | None, time_ns: int) -> TraceState:
    """Return the state whose merge sets a field for good; None deletes the field."""
    stamp = Stamp(Source.EDIT, 0, time_ns, 0, 0, 0)
    field = stored_text(field)
    text = None if value is None else stored_text(value)
    return TraceState({field: text}, {field: stamp}, 0, 0)


def storable(state: TraceState) -> TraceState:
    """Return a state of an earlier version as every store can hold it."""
    values = {
        stored_text(field): stored_text(value) if isinstance(value, str) else value
        for field, value in state.values.items()
    }
    stamps = {stored_text(field): stamp for field, stamp in state.stamps.items()}
    return state._replace(values=values, stamps=stamps)


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
    if state.totals is not None:
        # What the app states itself wins.
        metadata = entries_of_totals(state.totals) | metadata
    return tags, metadata


def entries_of_totals(totals: Totals) -> dict[str, str]:
    """Return the metadata entries of totals."""
    # Spaces as MLflow writes them, since a filter compares the text.
    found = {
        keys.META_TOKEN_USAGE: totals.tokens and json.dumps(totals.tokens),
        keys.META_COST: totals.cost and json.dumps(totals.cost),
        keys.META_COST_SOURCE: totals.cost_source,
    }
    return {key: text for key, text in found.items() if text}


def totals_of_entries(entries: Mapping[str, str]) -> Totals | None:
    """Return the totals that entries were made of; None: there are none."""
    tokens, cost = entries.get(keys.META_TOKEN_USAGE), entries.get(keys.META_COST)
    if tokens is None and cost is None:
        return None
    return Totals(
        None if tokens is None else json.loads(tokens),
        None if cost is None else json.loads(cost),
        entries.get(keys.META_COST_SOURCE),
    )


def _strongest_spans(
    group: Sequence[SpanRow], top_spans: Sequence[SpanRow]
) -> Sequence[SpanRow]:
    """Return the strongest span of each process that the spans come from.

    Most facts are facts of a process, and all of its spans state them.

    Args:
        group: the spans.
        top_spans: the spans of the highest rank.
    """
    shared = group[0].shared_facts
    if all(span.shared_facts is shared for span in group):
        return (max(top_spans, key=_strength),)
    processes: dict[int, list[SpanRow]] = {}
    for span in group:
        processes.setdefault(id(span.shared_facts), []).append(span)
    return [max(process, key=_strength) for process in processes.values()]


_SERVICE: Final = f"{TAG}{keys.SERVICE_NAME}"
_OF_SERVICE: Final = METADATA + keys.META_SERVICE_PREFIX
_SERVICE_STAMP: Final = Stamp(Source.RESOURCE, 0, 0, 0, 0, 0)
"""The stamp of every service: a set that only grows is the same in any order."""


def _add_services(
    values: dict[str, Any], stamps: dict[str, Stamp], services: Collection[str]
) -> None:
    """Name the services of a trace that has several; of one alone the tag says it."""
    if len(services) > 1:
        for service in services:
            values[_OF_SERVICE + service] = "true"
            stamps[_OF_SERVICE + service] = _SERVICE_STAMP


def _service_of(state: TraceState) -> str | None:
    """Return the service that a resource states, and not an app or an edit."""
    stamp = state.stamps.get(_SERVICE)
    if stamp is None or stamp.source != Source.RESOURCE:
        return None
    service: str | None = state.values[_SERVICE]
    return service


def _add_facts(
    values: dict[str, Any],
    stamps: dict[str, Stamp],
    span: SpanRow,
    facts: Iterable[Fact],
    experiment_ids: Mapping[Fact, int],
) -> None:
    """Set the fields that facts of a span state, where their stamps are greater."""
    order = _strength(span)
    stamp_by_source: dict[Source, Stamp] = {}
    for fact in facts:
        field, source, text = fact
        stamp = stamp_by_source.get(source)
        if stamp is None:
            stamp = stamp_by_source[source] = Stamp(source, *order)
        value: Any = text
        if field in EXPERIMENT_FIELDS:
            if fact not in experiment_ids:
                continue
            field, value = "experiment_id", experiment_ids[fact]
        if field not in stamps or stamp > stamps[field]:
            values[field], stamps[field] = value, stamp


def _precedence(span: SpanRow) -> Order:
    return precedence(span.rank, span.start_ns, span.end_ns, span.span_id, span.digest)


def _strength(span: SpanRow) -> Order:
    return strength(span.rank, span.start_ns, span.end_ns, span.span_id, span.digest)


def _own_values(speaking_span: SpanRow) -> dict[str, Any]:
    """Return the fields that the speaking span sets by its times, status and name.

    Until a root (or an entry from another process) has arrived and ended, the trace is
    in progress and its duration is unknown.
    """
    ended = speaking_span.rank >= Rank.ENTRY and speaking_span.end_ns > 0
    status = "IN_PROGRESS"
    duration_ms = None
    if ended:
        status = "ERROR" if speaking_span.signature.status == "ERROR" else "OK"
        # A clock that stepped back must not make a negative duration.
        duration_ns = max(0, speaking_span.end_ns - speaking_span.start_ns)
        duration_ms = duration_ns // _NS_PER_MS
    previews = previews_of(speaking_span)
    return {
        "timestamp_ms": speaking_span.start_ns // _NS_PER_MS,
        "execution_time_ms": duration_ms,
        "status": status,
        "name": speaking_span.signature.name,
        "trace_inputs": previews.trace_inputs,
        "trace_outputs": previews.trace_outputs,
    }


def _previews(
    group: Sequence[SpanRow], speaking_span: SpanRow, stamp: Stamp, known: TraceState
) -> Iterator[tuple[Sequence[str], Sequence[str | None], Stamp]]:
    """Yield the fields of the previews, their texts and their stamp."""
    of_span, previews = None, None
    for fields, span, order in statements(group, speaking_span):
        # One object where it is the same, as comparing by identity costs less.
        own_stamp = stamp if order == stamp[1:] else Stamp(Source.SPAN, *order)
        if _counts(own_stamp, known, *fields):
            if span is not of_span:
                of_span, previews = span, previews_of(span)
            yield fields, [getattr(previews, field) for field in fields], own_stamp


def _counts(stamp: Stamp, known: TraceState, *fields: str) -> bool:
    """Return whether a stamp is greater than that of any of the fields."""
    stamps = known.stamps
    return any(field not in stamps or stamp > stamps[field] for field in fields)
