"""Runs checked searches: the answers of a store → traces."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Final, NamedTuple

from spanframe import keys
from spanframe.errors import InvalidArgumentError
from spanframe_query.entities import TraceState
from spanframe_query.entities.found import NO_INFOS, FoundTraces, TraceInfoColumns
from spanframe_query.entities.info import location_of
from spanframe_store.contract.aggregates import Aggregation, Group
from spanframe_store.contract.capabilities import Capability, refuse_unserved
from spanframe_store.contract.results import ClauseUse, SpanColumns, SpanPage
from spanframe_store.contract.results import Page as StoredPage
from spanframe_store.contract.search import Cursor, Search
from spanframe_store.contract.store import Reader

__all__ = [
    "Page",
    "aggregate",
    "count",
    "explain",
    "read",
    "read_page",
    "read_pages",
    "read_span_page",
    "read_span_pages",
]

_STATES: Final = {state.value: state for state in TraceState}
_UNSPECIFIED: Final = TraceState.STATE_UNSPECIFIED


class Page(NamedTuple):
    """Traces in the order of their search; ``end``: the place where the page ends."""

    traces: FoundTraces
    end: Cursor | None


def count(reader: Reader, search: Search) -> int:
    """Return how many traces a search finds, whatever its limit.

    Raises:
        FilterError: when the store cannot serve a clause of the filter.
        StoreError: when the store cannot be read.
    """
    _refuse(reader, search)
    return reader.count(search)


def aggregate(reader: Reader, aggregation: Aggregation) -> list[Group]:
    """Return the groups of an aggregation, in no order.

    Raises:
        FilterError: when the store cannot serve a clause of the filter.
        InvalidArgumentError: when the store does not aggregate.
        StoreError: when the store cannot be read.
    """
    _refuse(reader, aggregation.search)
    if Capability.AGGREGATES not in reader.capabilities:
        raise InvalidArgumentError(
            f"A store on {reader.engine_name} does not aggregate traces. "
            f"{Capability.AGGREGATES.value}."
        )
    return reader.aggregate(aggregation)


def explain(reader: Reader, search: Search) -> list[ClauseUse]:
    """Return how each clause of a search is answered; the search itself does not run.

    Raises:
        FilterError: when the store cannot serve a clause of the filter.
        InvalidArgumentError: when the store does not explain searches.
        StoreError: when the store cannot be read.
    """
    _refuse(reader, search)
    if Capability.EXPLAIN not in reader.capabilities:
        raise InvalidArgumentError(
            f"A store on {reader.engine_name} does not explain searches. "
            f"{Capability.EXPLAIN.value}."
        )
    return reader.explain(search)


def read(reader: Reader, search: Search, *, include_spans: bool) -> FoundTraces:
    """Return the traces of a search, in its order.

    Args:
        reader: the reader of the store.
        search: the search.
        include_spans: whether the spans are read; otherwise every trace has none.

    Raises:
        FilterError: when the store cannot serve a clause of the filter.
        StoreError: when the store cannot be read.
    """
    return read_page(reader, search, include_spans=include_spans).traces


def read_page(reader: Reader, search: Search, *, include_spans: bool) -> Page:
    """Return one page of the traces of a search, and the place where it ends."""
    _refuse(reader, search)
    page = reader.find(search, include_spans=include_spans)
    return Page(_traces(page), page.end)


def read_pages(
    reader: Reader, search: Search, *, include_spans: bool, size: int
) -> Iterator[Page]:
    """Yield the traces of a search in pages, each from one state of the store.

    Traces that arrive between two pages neither repeat a trace nor hide one.
    """
    remaining = search.limit
    after = search.after
    while remaining is None or remaining > 0:
        limit = size if remaining is None else min(size, remaining)
        page = read_page(
            reader,
            replace(search, limit=limit, after=after),
            include_spans=include_spans,
        )
        if page.traces:
            yield page
        if page.end is None:
            return
        after = page.end
        remaining = None if remaining is None else remaining - len(page.traces)


def read_span_page(
    reader: Reader, search: Search, attributes: Sequence[str] = ()
) -> SpanPage:
    """Return one page of spans, and the place where it ends.

    Raises:
        FilterError: when the store cannot serve a clause of the filter.
        StoreError: when the store cannot be read.
    """
    _refuse(reader, search)
    return reader.find_spans(search, attributes)


def read_span_pages(
    reader: Reader, search: Search, attributes: Sequence[str], *, size: int
) -> Iterator[SpanColumns]:
    """Yield the spans of a search in pages, each from one state of the store."""
    remaining, after = search.limit, search.after
    while remaining is None or remaining > 0:
        limit = size if remaining is None else min(size, remaining)
        page = read_span_page(
            reader, replace(search, limit=limit, after=after), attributes
        )
        yield page.spans
        if page.end is None:
            return
        after = page.end
        remaining = None if remaining is None else remaining - limit


def _refuse(reader: Reader, search: Search) -> None:
    refuse_unserved(search.filter, reader.capabilities, reader.engine_name)


def _traces(page: StoredPage) -> FoundTraces:
    found = page.traces
    if not found.trace_id:
        return FoundTraces(NO_INFOS)
    prefix = keys.REQUEST_ID_PREFIX
    infos = TraceInfoColumns(
        [prefix + each.hex() for each in found.trace_id],
        [location_of(each) for each in found.experiment_id],
        found.timestamp_ms,
        [_STATES.get(each, _UNSPECIFIED) for each in found.status],
        found.request_preview,
        found.response_preview,
        found.client_request_id,
        found.execution_time_ms,
        found.metadata,
        found.tags,
    )
    return FoundTraces(infos, page.spans)
