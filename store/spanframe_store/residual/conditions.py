"""What a filter means in Python, for traces whose fields and spans can be asked for."""

import operator
from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import Any, Final, Protocol, TypeVar

from opentelemetry.proto.trace.v1.trace_pb2 import Span

from spanframe_store.contract.fields import NUMBER_KINDS, ROWS
from spanframe_store.contract.filter import (
    Comparator,
    Condition,
    Field,
    FieldKind,
    Node,
)
from spanframe_store.residual.attributes import attribute_matcher
from spanframe_store.residual.matching import text_matcher
from spanframe_store.residual.span_body import (
    attribute_number,
    attribute_text,
    content,
)
from spanframe_store.residual.trees import Leaf, compiled

__all__ = ["filter_matcher", "span_matcher", "value_matcher"]

_COMPARED: Final[dict[Comparator, Callable[[Any, Any], bool]]] = {
    Comparator.EQ: operator.eq,
    Comparator.NE: operator.ne,
    Comparator.LT: operator.lt,
    Comparator.LE: operator.le,
    Comparator.GT: operator.gt,
    Comparator.GE: operator.ge,
}


class _SpanRow(Protocol):
    @property
    def signature(self) -> Any: ...

    @property
    def body(self) -> bytes: ...


T = TypeVar("T")


def filter_matcher(
    root: Node,
    value: Callable[[T, Field], Any],
    spans: Callable[[T], Iterable[_SpanRow]],
) -> Callable[[T], bool]:
    """Return a function that tells whether a trace fulfils a filter.

    Args:
        root: the tree of the filter.
        value: returns a field of a trace: a number or a text, None where it is absent.
        spans: returns the spans of a trace, as the rows that are stored of them.
    """

    def leaf(node: Leaf) -> Callable[[T], bool]:
        if isinstance(node, Condition):
            field, fits = node.field, value_matcher(node)
            return lambda trace: fits(value(trace, field))
        fulfils = compiled(node.part, _leaf_of_span)
        return lambda trace: any(map(fulfils, spans(trace)))

    return compiled(root, leaf)


def _leaf_of_span(node: Leaf) -> Callable[[_SpanRow], bool]:
    assert isinstance(node, Condition)  # noqa: S101 - groups do not nest
    return span_matcher(node)


def value_matcher(condition: Condition) -> Callable[[Any], bool]:
    """Return a function that compares a field of a trace, None where it is absent.

    It takes a whole number for a field of numbers, and a text for any other.
    """
    if condition.field.kind not in NUMBER_KINDS:
        return text_matcher(condition)
    compare, [bound] = _COMPARED[condition.comparator], condition.numbers
    return lambda number: number is not None and compare(Decimal(number), bound)


def _parsed(row: _SpanRow) -> Span:
    return Span.FromString(row.body)


def span_matcher(
    condition: Condition, message: Callable[[Any], Span] = _parsed
) -> Callable[[Any], bool]:
    """Return a function that compares a span.

    Args:
        condition: a condition on spans.
        message: returns the OTLP Span of what the function is given, which has a
            ``signature``; by default that is the row that is stored of a span.
    """
    kind, key = condition.field
    if kind is FieldKind.SPAN_ATTRIBUTE:
        fits_both, name = attribute_matcher(condition), key or ""

        def fits_attribute(row: Any) -> bool:
            span = message(row)
            return fits_both(attribute_text(span, name), attribute_number(span, name))

        return fits_attribute
    fits = text_matcher(condition)
    if kind is FieldKind.SPAN_CONTENT:
        return lambda row: fits(content(message(row)))
    column = ROWS[kind].column or ""
    return lambda row: fits(getattr(row.signature, column))
