"""Conditions that an engine cannot compare, checked on what it finds.

Such an engine is asked for the traces that fulfil everything else, in the order of the
search and a portion at a time; what is left is checked here, until the search has what
it asks for. It finds the same traces as an engine that serves the whole filter, and
reads more of the store for it.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from sqlalchemy import Connection, Row, select

from spanframe_collector.store.schema import span_blocks, span_kinds, spans
from spanframe_query import select as statements
from spanframe_query.codecs import codecs_of
from spanframe_query.filter import Filter
from spanframe_query.filter.capabilities import needed
from spanframe_query.filter.fields import SPAN_KINDS
from spanframe_query.filter.matching import matcher
from spanframe_query.filter.nodes import Comparator, Condition, FieldKind
from spanframe_query.layouts import KIND_COLUMNS, RowLayout, layout_for
from spanframe_query.layouts.attributes import attribute_matcher
from spanframe_query.layouts.blocks import BlockFunctions
from spanframe_query.planning import planned
from spanframe_query.select import Search

__all__ = ["count_found", "found_rows", "is_sifted", "served"]

_FEWEST: Final = 256
_MOST: Final = 4096
"""Traces in one portion; each is twice as large as the one before."""

_BLOCKS_AT_ONCE: Final = 256
_LABEL: Final = "sifted_"
_MAY_BE_NULL: Final = {FieldKind.TAG, FieldKind.METADATA, FieldKind.NAME}


def found_rows(connected: Connection, search: Search) -> Sequence[Row[Any]]:
    """Return the trace rows of a search, in its order.

    Raises:
        FilterError: when nobody can serve a clause of the filter.
    """
    dialect = connected.dialect.name
    sieve = _sieve(search, dialect)
    if sieve is None:
        best = _planned(connected, search)
        return connected.execute(statements.select_traces(best, dialect)).all()
    found: list[Row[Any]] = []
    for kept in _sifted(connected, served(search, dialect), sieve):
        found += kept
        if search.limit is not None and len(found) >= search.limit:
            return found[: search.limit]
    return found


def count_found(connected: Connection, search: Search) -> int:
    """Return how many traces a search finds, whatever its limit.

    Raises:
        FilterError: when nobody can serve a clause of the filter.
    """
    dialect = connected.dialect.name
    sieve = _sieve(search, dialect)
    if sieve is None:
        best = _planned(connected, search, counting=True)
        return connected.execute(statements.count_traces(best, dialect)).scalar_one()
    unlimited = replace(search, limit=None, after=None)
    return sum(map(len, _sifted(connected, served(unlimited, dialect), sieve)))


def is_sifted(search: Search, dialect: str) -> bool:
    """Tell whether an engine leaves a condition to be checked on what it finds."""
    return _sieve(search, dialect) is not None


def _planned(
    connected: Connection, search: Search, *, counting: bool = False
) -> Search:
    if search.plan is not None:
        return search
    return planned(connected, search, counting=counting)


def served(search: Search, dialect: str) -> Search:
    """Return the part of a search that an engine serves; often all of it."""
    layout = layout_for(dialect)
    kept = []
    for condition in search.filter.conditions:
        if not _is_sifted(condition, layout):
            kept.append(condition)
        elif condition.field.kind in _MAY_BE_NULL:
            # Implied, and what an index can be walked by.
            there = Comparator.IS_NOT_NULL
            kept.append(replace(condition, comparator=there, value=None))
    return replace(search, filter=Filter(tuple(kept), search.filter.source))


def _is_sifted(condition: Condition, layout: RowLayout) -> bool:
    return not layout.sifted.isdisjoint(needed(condition))


@dataclass(frozen=True)
class _Sieve:
    """What is left to check.

    Attributes:
        of_traces: conditions on texts of a trace.
        of_spans: conditions of which one span has to fulfil all, with those that the
            engine serves; empty when it serves them all.
    """

    of_traces: tuple[Condition, ...]
    of_spans: tuple[Condition, ...]


def _sieve(search: Search, dialect: str) -> _Sieve | None:
    """Return what an engine leaves to be checked; None: nothing."""
    layout, conditions = layout_for(dialect), search.filter.conditions
    left = [each for each in conditions if _is_sifted(each, layout)]
    if not left:
        return None
    of_spans = (each for each in conditions if each.field.kind in SPAN_KINDS)
    return _Sieve(
        tuple(each for each in left if each.field.kind not in SPAN_KINDS),
        tuple(of_spans) if any(c.field.kind in SPAN_KINDS for c in left) else (),
    )


def _sifted(
    connected: Connection, search: Search, sieve: _Sieve
) -> Iterator[list[Row[Any]]]:
    """Yield what is left of one portion of the traces of a search after the other."""
    dialect = connected.dialect.name
    best = _planned(connected, search)
    layout = statements.layout_of(best, dialect)
    texts = [
        layout.text(condition.field).label(f"{_LABEL}{i}")
        for i, condition in enumerate(sieve.of_traces)
    ]
    fits = [matcher(each.comparator, each.texts) for each in sieve.of_traces]
    size = min(max(_FEWEST, search.limit or 0), _MOST)
    while True:
        statement = statements.select_traces(replace(best, limit=size), dialect)
        rows = connected.execute(statement.add_columns(*texts)).all()
        kept = [row for row in rows if _texts_fit(row, fits)]
        if sieve.of_spans and kept:
            keys = _traces_of_spans(
                connected, layout, sieve.of_spans, [row.trace_key for row in kept]
            )
            kept = [row for row in kept if row.trace_key in keys]
        yield kept
        if len(rows) < size:
            return
        best = replace(best, after=statements.order_values(rows[-1], best.order))
        size = min(2 * size, _MOST)


def _texts_fit(row: Row[Any], fits: Iterable[Callable[[str], bool]]) -> bool:
    texts = (getattr(row, f"{_LABEL}{i}") for i, _ in enumerate(fits))
    return all(
        text is not None and fit(text) for text, fit in zip(texts, fits, strict=True)
    )


def _traces_of_spans(
    connected: Connection,
    layout: RowLayout,
    conditions: Sequence[Condition],
    trace_keys: Sequence[int],
) -> set[int]:
    """Return those of the traces of which one span fulfils all conditions."""
    of_kinds = [each for each in conditions if each.field.kind in KIND_COLUMNS]
    by_engine = [each for each in of_kinds if not _is_sifted(each, layout)]
    here = [
        (KIND_COLUMNS[each.field.kind].name, matcher(each.comparator, each.texts))
        for each in of_kinds
        if _is_sifted(each, layout)
    ]
    statement = (
        select(spans.c.trace_key, spans.c.block_key, spans.c.position)
        .add_columns(*KIND_COLUMNS.values())
        .join(span_kinds, span_kinds.c.kind_key == spans.c.kind_key)
        .where(layout.is_key_of(spans.c.trace_key, trace_keys))
    )
    if by_engine:
        statement = statement.where(layout.of_kinds(by_engine))
    possible = [
        row
        for row in connected.execute(statement)
        if all(fits(getattr(row, name)) for name, fits in here)
    ]
    of_bodies = [each for each in conditions if each.field.kind not in KIND_COLUMNS]
    if not of_bodies:
        return {row.trace_key for row in possible}
    positions: dict[int, list[int]] = {}
    for row in possible:
        positions.setdefault(row.block_key, []).append(row.position)
    traces_of_blocks = {row.block_key: row.trace_key for row in possible}
    return {
        traces_of_blocks[block_key]
        for block_key in _fitting(connected, layout, positions, of_bodies)
    }


def _fitting(
    connected: Connection,
    layout: RowLayout,
    positions: Mapping[int, Sequence[int]],
    conditions: Sequence[Condition],
) -> Iterator[int]:
    """Yield the blocks that have, at these positions, a span that fits."""
    codecs = codecs_of(connected.engine)
    blocks = BlockFunctions(codecs)
    fits = [_body_matcher(condition, blocks) for condition in conditions]
    keys = list(positions)
    for start in range(0, len(keys), _BLOCKS_AT_ONCE):
        some = keys[start : start + _BLOCKS_AT_ONCE]
        statement = select(
            span_blocks.c.block_key, span_blocks.c.dictionary_key, span_blocks.c.body
        ).where(layout.is_key_of(span_blocks.c.block_key, some))
        rows = connected.execute(statement).all()
        codecs.read({row.dictionary_key for row in rows}, connected)
        for key, dictionary_key, body in rows:
            if any(
                all(fit(body, dictionary_key, position) for fit in fits)
                for position in positions[key]
            ):
                yield key


def _body_matcher(
    condition: Condition, blocks: BlockFunctions
) -> Callable[[bytes, int | None, int], bool]:
    """Return a function that compares a span by its block and position."""
    key = condition.field.key
    if key is None:
        fits = matcher(condition.comparator, condition.texts)
        return lambda body, dictionary_key, position: fits(
            blocks.content(body, dictionary_key, position)
        )
    fits_both = attribute_matcher(condition)
    return lambda body, dictionary_key, position: fits_both(
        blocks.attribute_text(body, dictionary_key, position, key),
        blocks.attribute_number(body, dictionary_key, position, key),
    )
