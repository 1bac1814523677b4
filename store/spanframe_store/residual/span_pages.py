"""Pages of spans, for an engine that finds traces and keeps their spans in blocks."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any, Final, NamedTuple

from opentelemetry.proto.trace.v1.trace_pb2 import Span

from spanframe import keys
from spanframe_store.contract.filter import (
    And,
    Comparator,
    Condition,
    Field,
    FieldKind,
    Filter,
)
from spanframe_store.contract.results import SpanBlock, SpanPage
from spanframe_store.contract.search import SPAN_PLACE_LENGTH, Cursor, Search
from spanframe_store.otlp.span_columns import ReadSpan, columns_of, spans_in_order
from spanframe_store.residual.conditions import span_matcher
from spanframe_store.residual.trees import Leaf, compiled

__all__ = ["TracesOfSpans", "page_of_spans"]

_PORTION_TRACES: Final = 1024
"""Traces whose spans are read at a time."""


class TracesOfSpans(NamedTuple):
    """Traces in the order of a search: the place of each, and its spans in blocks."""

    places: Sequence[Cursor]
    blocks: Sequence[Sequence[SpanBlock]]


Find = Callable[[Search], TracesOfSpans]
"""Returns the traces of a search, at most its limit; the blocks have resources."""


def page_of_spans(
    find: Find, search: Search, attributes: Sequence[str] = ()
) -> SpanPage:
    """Return the page that `Reader.find_spans` has to return.

    Args:
        find: finds traces; all of its answers are of one state of the store.
        search: the search for spans.
        attributes: keys of attributes whose values are wanted.

    Raises:
        StoreError: when the store cannot be read.
    """
    fulfils = compiled(And(search.filter.of_spans()), _leaf)
    limit = search.limit
    found: list[ReadSpan] = []
    places: list[Cursor] = []
    for place, blocks, first in _traces(find, search):
        for span in spans_in_order(blocks, attributes):
            if (first is not None and span.place <= first) or not fulfils(span):
                continue
            if len(found) == limit:
                end = (*places[-1], *found[-1].place) if found else None
                return SpanPage(columns_of(found, attributes), end)
            found.append(span)
            places.append(place)
    return SpanPage(columns_of(found, attributes))


def _traces(
    find: Find, search: Search
) -> Iterator[tuple[Cursor, Sequence[SpanBlock], Cursor | None]]:
    """Yield place and blocks of each trace, and the place to start after in the first.

    The trace in which the page before ended is found by its id, as it need not be where
    it was.
    """
    size = _PORTION_TRACES
    if search.limit is not None:
        size = min(size, search.limit + 1)
    after = search.after
    if after is not None:
        after, first = after[:-SPAN_PLACE_LENGTH], after[-SPAN_PLACE_LENGTH:]
        same = replace(search, filter=_of_trace(search, after), after=None, limit=1)
        for place, blocks in zip(*find(same), strict=True):
            yield place, blocks, first
    while True:
        traces = find(replace(search, after=after, limit=size))
        for place, blocks in zip(*traces, strict=True):
            yield place, blocks, None
        if len(traces.places) < size:
            return
        after = traces.places[-1]


def _of_trace(search: Search, place: Cursor) -> Filter:
    kinds = [term.field.kind for term in search.order]
    trace_id = place[kinds.index(FieldKind.REQUEST_ID)]
    assert isinstance(trace_id, bytes)  # noqa: S101 - a place holds the 16 bytes
    return search.filter.and_(
        Condition(Field(FieldKind.REQUEST_ID), Comparator.EQ, keys.request_id(trace_id))
    )


def _leaf(node: Leaf) -> Callable[[ReadSpan], bool]:
    assert isinstance(node, Condition)  # noqa: S101 - groups do not nest
    return span_matcher(node, _message)


def _message(span: Any) -> Span:
    message: Span = span.message
    return message
