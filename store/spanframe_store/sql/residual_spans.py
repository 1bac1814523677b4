"""Checks conditions on one span on the stored spans of some traces."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from sqlalchemy import Connection, Row, select

from spanframe_store.contract.filter import And, Condition, Node, conjuncts
from spanframe_store.residual.attributes import attribute_matcher
from spanframe_store.residual.matching import matcher
from spanframe_store.residual.trees import Leaf, compiled
from spanframe_store.sql.block_functions import BlockFunctions
from spanframe_store.sql.codecs import codecs_of
from spanframe_store.sql.layout import (
    BODY_KINDS,
    RowLayout,
    reads_bodies,
    signature_column,
)
from spanframe_store.sql.schema import span_blocks, span_signatures, spans

__all__ = ["traces_of_spans"]

_PORTION_BLOCKS: Final = 256
"""Blocks read per statement."""

_Body = tuple[Row[Any], bytes, int | None]
"""The row of a span, its compressed block, and the key of the block's dictionary."""


def traces_of_spans(
    connected: Connection, layout: RowLayout, part: Node, trace_keys: Sequence[int]
) -> set[int]:
    """Return the keys of the traces that have one span which fulfils a tree."""
    parts = conjuncts(part)
    served = [each for each in parts if layout.serves(each)]
    of_rows = [each for each in parts if not reads_bodies(each) and each not in served]
    of_bodies = [each for each in parts if reads_bodies(each)]
    columns = span_signatures.c.name, span_signatures.c.type, span_signatures.c.status
    statement = (
        select(spans.c.trace_key, spans.c.block_key, spans.c.position, *columns)
        .join(span_signatures, span_signatures.c.kind_key == spans.c.kind_key)
        .where(layout.is_key_of(spans.c.trace_key, trace_keys))
    )
    if served:
        statement = statement.where(layout.of_signatures(And(tuple(served))))
    fulfils = compiled(And(tuple(of_rows)), _signature_matcher)
    rows: Iterable[Any] = connected.execute(statement)
    possible = [row for row in rows if fulfils(row)]
    if not of_bodies:
        return {row.trace_key for row in possible}
    by_block: dict[int, list[Row[Any]]] = {}
    for row in possible:
        by_block.setdefault(row.block_key, []).append(row)
    return set(_matching_traces(connected, layout, by_block, And(tuple(of_bodies))))


def _signature_matcher(node: Leaf) -> Callable[[Row[Any]], bool]:
    """Return a function that compares name, type or status of a span's row."""
    assert isinstance(node, Condition)  # noqa: S101 - groups do not nest
    name = signature_column(node.field.kind).name
    fits = matcher(node.comparator, node.texts)
    return lambda row: fits(getattr(row, name))


def _matching_traces(
    connected: Connection,
    layout: RowLayout,
    by_block: Mapping[int, Sequence[Row[Any]]],
    part: Node,
) -> Iterator[int]:
    """Yield the keys of the traces with a span among some that fulfils a tree."""
    codecs = codecs_of(connected.engine)
    blocks = BlockFunctions(codecs)
    fulfils = compiled(part, lambda leaf: _body_matcher(leaf, blocks))
    keys = list(by_block)
    for start in range(0, len(keys), _PORTION_BLOCKS):
        some = keys[start : start + _PORTION_BLOCKS]
        statement = select(
            span_blocks.c.block_key, span_blocks.c.dictionary_key, span_blocks.c.body
        ).where(layout.is_key_of(span_blocks.c.block_key, some))
        rows = connected.execute(statement).all()
        codecs.read({row.dictionary_key for row in rows}, connected)
        for key, dictionary_key, body in rows:
            in_block = by_block[key]
            if any(fulfils((row, body, dictionary_key)) for row in in_block):
                yield in_block[0].trace_key


def _body_matcher(node: Leaf, blocks: BlockFunctions) -> Callable[[_Body], bool]:
    """Return a function that compares a span by its row and its body in the block."""
    assert isinstance(node, Condition)  # noqa: S101 - groups do not nest
    if node.field.kind not in BODY_KINDS:
        fits_row = _signature_matcher(node)
        return lambda span: fits_row(span[0])
    key = node.field.key
    if key is None:
        fits = matcher(node.comparator, node.texts)
        return lambda span: fits(blocks.content(span[1], span[2], span[0].position))
    fits_both = attribute_matcher(node)

    def fits_attribute(span: _Body) -> bool:
        row, body, dictionary_key = span
        place = (body, dictionary_key, row.position, key)
        return fits_both(blocks.attribute_text(*place), blocks.attribute_number(*place))

    return fits_attribute
