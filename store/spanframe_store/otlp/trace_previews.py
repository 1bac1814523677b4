"""Which spans state the previews of a trace: its root, else the calls of models.

A root with inputs or outputs states both. Many roots have neither: that of a web
framework, of a workflow, of an agent that is instrumented from outside. Then the first
call of a model has the question and the last one the answer; a call whose tokens are
known goes before others, which may be parts of one. Until a root or a call arrives, the
span that starts first states what it has.
"""

from collections.abc import Iterator, Sequence
from enum import IntEnum
from operator import itemgetter
from typing import Final, NamedTuple

from spanframe_store.contract.spans import Rank, SpanRow
from spanframe_store.otlp.precedence import UNSET_START, Order, precedence
from spanframe_store.otlp.request import previews_of

__all__ = ["Statement", "statements"]

_MODEL_CALLS: Final = frozenset({"LLM", "CHAT_MODEL"})
_REQUEST: Final = ("request_preview", "trace_inputs")
_RESPONSE: Final = ("response_preview", "trace_outputs")


class _Standing(IntEnum):
    """The standing of spans that is below the rank of a root or entry with content."""

    INNER = -3
    SILENT = -2
    """A root or entry without inputs and outputs."""
    MODEL_CALL = -1
    COUNTED_CALL = 0
    """A call of a model with its tokens."""


class Statement(NamedTuple):
    """A span that states fields, and how much that counts: the greatest one does."""

    fields: tuple[str, str]
    span: SpanRow
    order: Order


def statements(group: Sequence[SpanRow], speaking_span: SpanRow) -> Iterator[Statement]:
    """Yield for the request and for the response the strongest span of a group.

    Args:
        group: spans of one trace.
        speaking_span: the one that speaks for the trace.
    """
    if speaking_span.rank is not Rank.INNER and _has_content(speaking_span):
        # Most traces have such a root, and then no other span has to be looked at.
        standing: int = speaking_span.rank
        found = [(speaking_span, _first(standing, speaking_span))]
    else:
        standings = [_standing(span) for span in group]
        standing = max(standings)
        found = [
            (span, _first(standing, span))
            for span, own in zip(group, standings, strict=True)
            if own == standing
        ]
    yield Statement(_REQUEST, *_strongest(found))
    if standing in _CALLS:
        found = [(span, _last(standing, span)) for span, _ in found]
    yield Statement(_RESPONSE, *_strongest(found))


_CALLS: Final = frozenset({_Standing.MODEL_CALL, _Standing.COUNTED_CALL})


def _strongest(found: Sequence[tuple[SpanRow, Order]]) -> tuple[SpanRow, Order]:
    return max(found, key=itemgetter(1))


def _standing(span: SpanRow) -> int:
    if span.rank is not Rank.INNER:
        return span.rank if _has_content(span) else _Standing.SILENT
    if span.signature.type not in _MODEL_CALLS:
        return _Standing.INNER
    return _Standing.MODEL_CALL if span.usage is None else _Standing.COUNTED_CALL


def _has_content(span: SpanRow) -> bool:
    previews = previews_of(span)
    return not (previews.request_preview is previews.response_preview is None)


def _first(standing: int, span: SpanRow) -> Order:
    return precedence(standing, span.start_ns, span.end_ns, span.span_id, span.digest)


def _last(standing: int, span: SpanRow) -> Order:
    """Return an order in which the span that ends last counts."""
    end = span.end_ns or UNSET_START
    return standing, end, span.start_ns, span.span_id, span.digest
