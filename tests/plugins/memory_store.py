"""A store in memory: what a new engine has to bring, and no more.

It holds the rows of spans as they are written, folds a trace whenever it is read, and
filters and sorts in Python. No module of the stores or of queries knows of it: it is
registered under ``memory://``.
"""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from spanframe import keys
from spanframe_store.contract import results
from spanframe_store.contract.capabilities import Capability
from spanframe_store.contract.fields import ROWS
from spanframe_store.contract.filter import Field, FieldKind
from spanframe_store.contract.results import KnownField, Page, SpanPage, TraceColumns
from spanframe_store.contract.search import Search
from spanframe_store.contract.spans import Fact, Source, SpanRow
from spanframe_store.contract.store import Written
from spanframe_store.otlp.computed import COMPUTED_KEYS, shown_entries
from spanframe_store.otlp.stored_spans import plain_blocks
from spanframe_store.otlp.trace_state import TraceState, entries_of, fold
from spanframe_store.otlp.usage import totals_of_spans, usage_report_of
from spanframe_store.residual.conditions import filter_matcher
from spanframe_store.residual.ordering import in_order, place_of
from spanframe_store.residual.span_pages import TracesOfSpans, page_of_spans

__all__ = ["FoldedTrace", "MemoryStore"]

_ENTRIES = [FieldKind.TAG, FieldKind.METADATA]


class FoldedTrace(NamedTuple):
    """A trace as it is read: its state, all that it shows, and its spans."""

    trace_id: bytes
    state: TraceState
    tags: dict[str, str]
    metadata: dict[str, str]
    spans: Sequence[SpanRow]


def _value(trace: FoldedTrace, field: Field) -> Any:
    values, (kind, key) = {"experiment_id": 0, **trace.state.values}, field
    if kind is FieldKind.REQUEST_ID:
        return keys.request_id(trace.trace_id)
    if kind is FieldKind.END_TIME_MS:
        return values["timestamp_ms"] + (values["execution_time_ms"] or 0)
    if kind is FieldKind.TAG:
        return trace.tags.get(key or "", values["name"] if key == "name" else None)
    if kind is FieldKind.METADATA:
        return trace.metadata.get(key or "")
    return values.get(ROWS[kind].column or "")


class MemoryStore:
    """The `Backend`, and the `Writer` and `Reader`, of one store in memory."""

    engine_name = "memory"
    capabilities = frozenset(
        {Capability.ALTERNATIVES, Capability.EXPRESSIONS, Capability.SPAN_BODIES}
    )

    def __init__(self, url: str) -> None:
        self.name = url
        self._spans: dict[bytes, dict[tuple[int, int], SpanRow]] = {}
        self._experiments = {"Default": 0}

    def write(self, requests: Sequence[Sequence[SpanRow]]) -> list[Written]:
        return [self._write(rows) for rows in requests]

    def find(self, search: Search, *, include_spans: bool) -> Page:
        found = in_order(self._found(search), search.order, _value, search.after)
        page = found[: search.limit]
        more = len(found) > len(page) > 0
        rows = [
            {**each.state.values, **each._asdict(), "experiment_id": _experiment(each)}
            for each in page
        ]
        columns: list[Any] = [
            [row.get(n) for row in rows] for n in TraceColumns._fields
        ]
        return Page(
            TraceColumns(*columns),
            [plain_blocks(each.spans) for each in page] if include_spans else None,
            place_of(page[-1], search.order, _value) if more else None,
        )

    def find_spans(self, search: Search, attributes: Sequence[str] = ()) -> SpanPage:
        return page_of_spans(self._traces_of_spans, search, attributes)

    def _traces_of_spans(self, search: Search) -> TracesOfSpans:
        found = in_order(self._found(search), search.order, _value, search.after)
        page = found[: search.limit]
        return TracesOfSpans(
            [place_of(each, search.order, _value) for each in page],
            [plain_blocks(each.spans) for each in page],
        )

    def count(self, search: Search) -> int:
        return len(self._found(search))

    def known_entries(self) -> list[KnownField]:
        values: dict[Field, list[str]] = {}
        for trace in self.traces():
            for kind, entries in zip(_ENTRIES, entries_of(trace.state), strict=True):
                for key, value in entries.items():
                    values.setdefault(Field(kind, key), []).append(value[:80])
        return [
            KnownField(str(field), "text", len(values[field]), min(values[field]))
            for field in sorted(values, key=lambda f: (_ENTRIES.index(f.kind), f.key))
            if self.is_listed(field)
        ]

    def is_listed(self, field: Field) -> bool:
        unlisted = {keys.META_TOKEN_USAGE, *COMPUTED_KEYS}
        return field.kind in _ENTRIES and field.key not in unlisted

    def newest_blocks(self, number: int) -> list[results.SpanBlock]:
        blocks = [plain_blocks(trace.spans) for trace in self.traces()]
        return [block for of_trace in blocks[::-1] for block in of_trace][:number]

    def experiment_named(self, name: str) -> results.Experiment | None:
        known = name in self._experiments
        return results.Experiment(self._experiments[name], name, 0) if known else None

    def experiment_of(self, experiment_id: int) -> results.Experiment | None:
        named = {number: name for name, number in self._experiments.items()}
        return self.experiment_named(named.get(experiment_id, ""))

    def experiments(self) -> list[results.Experiment]:
        return [results.Experiment(n, name, 0) for name, n in self._experiments.items()]

    def check_version(self) -> None: ...

    def is_current(self) -> bool:
        return True

    def close(self) -> None: ...

    def abandon(self) -> None: ...

    def _write(self, rows: Sequence[SpanRow]) -> Written:
        stored = 0
        for row in rows:
            of_trace = self._spans.setdefault(row.trace_id, {})
            stored += (row.span_id, row.digest) not in of_trace
            of_trace.setdefault((row.span_id, row.digest), row)
            for fact in row.facts:
                if fact.field == "experiment":
                    self._experiments.setdefault(fact.value, len(self._experiments))
        return Written(stored, len(rows) - stored)

    def _found(self, search: Search) -> list[FoldedTrace]:
        fulfils = filter_matcher(search.filter.root, _value, lambda each: each.spans)
        within = search.experiment_ids
        return [
            each
            for each in self.traces()
            if fulfils(each) and (within is None or _experiment(each) in within)
        ]

    def traces(self) -> Iterable[FoldedTrace]:
        known = {
            Fact(field, source, said): number
            for name, number in self._experiments.items()
            for field, said in (("experiment", name), ("experiment_id", str(number)))
            for source in Source
        }
        for trace_id, spans in list(self._spans.items()):
            rows = list(spans.values())
            totals = totals_of_spans([usage_report_of(row) for row in rows])
            state = fold(rows, known)._replace(totals=totals)
            yield FoldedTrace(trace_id, state, *shown_entries(trace_id, state), rows)


def _experiment(trace: FoldedTrace) -> int:
    number: int = _value(trace, Field(FieldKind.EXPERIMENT_ID))
    return number
