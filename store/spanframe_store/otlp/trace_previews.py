"""Which spans state the previews of a trace: its root, else the calls of models.

A root states its inputs and outputs. Many roots lack one of them, or both: that of a
web framework, of a workflow, of an agent that is instrumented from outside. Then the
first call of a model has the question and the last one the answer; a call whose tokens
are known goes before others, which may be parts of one. Until a root or a call arrives,
the span that starts first states what it has.

A root that failed has no answer, and one that states null has that.
"""

from collections.abc import Iterator, Sequence
from enum import IntEnum
from typing import Final, NamedTuple

from spanframe import keys
from spanframe_store.contract.spans import Rank, SpanRow
from spanframe_store.otlp.precedence import UNSET_START, Order, precedence
from spanframe_store.otlp.request import previews_of

__all__ = ["Statement", "statements"]

_MODEL_CALLS: Final = frozenset({"LLM", "CHAT_MODEL"})


class _Side(NamedTuple):
    """The request or the response of a trace: its field, and the key of spans."""

    field: str
    key: bytes


_REQUEST: Final = _Side("request_preview", keys.SPAN_INPUTS.encode())
_RESPONSE: Final = _Side("response_preview", keys.SPAN_OUTPUTS.encode())
_FIELDS: Final = (_REQUEST.field, _RESPONSE.field)
_SIDES: Final = (_REQUEST, _RESPONSE)

_CHAT_REPR: Final = "ChatMessage("
"""What Python shows of a message instead of its text (Haystack, LlamaIndex)."""


class _Standing(IntEnum):
    """The standing of spans that is below the rank of a root or entry with content."""

    INNER = -3
    SILENT = -2
    """A root or entry that states nothing."""
    MODEL_CALL = -1
    COUNTED_CALL = 0
    """A call of a model with its tokens."""


class Statement(NamedTuple):
    """A span that states fields, and how much that counts: the greatest one does."""

    fields: tuple[str, ...]
    span: SpanRow
    order: Order


def statements(group: Sequence[SpanRow], speaking_span: SpanRow) -> Iterator[Statement]:
    """Yield the strongest span of a group: for both previews, or for each of them.

    Args:
        group: spans of one trace.
        speaking_span: the one that speaks for the trace.
    """
    speaking_span = _parsed(speaking_span)
    own_standings = [_standing(speaking_span, side) for side in _SIDES]
    # Most traces have a root that states both: no other span has to be looked at.
    if min(own_standings) >= Rank.ENTRY:
        rank = speaking_span.rank
        yield Statement(_FIELDS, speaking_span, _first(rank, speaking_span))
        return
    spans: list[SpanRow] = []
    for side, own_standing in zip(_SIDES, own_standings, strict=True):
        standing, found = own_standing, [speaking_span]
        if standing < Rank.ENTRY:
            spans = spans or [_parsed(span) for span in group]
            standings = [_standing(span, side) for span in spans]
            standing = max(standings)
            pairs = zip(spans, standings, strict=True)
            found = [span for span, own in pairs if own == standing]
        is_answer = side is _RESPONSE and standing in _CALLS
        orders = [(_last if is_answer else _first)(standing, span) for span in found]
        order = max(orders)
        yield Statement((side.field,), found[orders.index(order)], order)


_CALLS: Final = frozenset({_Standing.MODEL_CALL, _Standing.COUNTED_CALL})


def _parsed(span: SpanRow) -> SpanRow:
    """Return a span with its previews, if they can make it count."""
    if span.rank is Rank.INNER or span.previews is not None:
        return span
    return span._replace(previews=previews_of(span))


def _standing(span: SpanRow, side: _Side) -> int:
    if span.rank is not Rank.INNER:
        return span.rank if _states(span, side) else _Standing.SILENT
    if span.signature.type not in _MODEL_CALLS:
        return _Standing.INNER
    return _Standing.MODEL_CALL if span.usage is None else _Standing.COUNTED_CALL


def _states(span: SpanRow, side: _Side) -> bool:
    preview = previews_of(span)[0 if side is _REQUEST else 1]
    if side.key in span.body:
        return True
    if preview is not None:
        return _CHAT_REPR not in preview
    return side is _RESPONSE and span.signature.status == "ERROR"


def _first(standing: int, span: SpanRow) -> Order:
    return precedence(standing, span.start_ns, span.end_ns, span.span_id, span.digest)


def _last(standing: int, span: SpanRow) -> Order:
    """Return an order in which the span that ends last counts."""
    end = span.end_ns or UNSET_START
    return standing, end, span.start_ns, span.span_id, span.digest
