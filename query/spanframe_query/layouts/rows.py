"""The layout of the row stores: where SQLite and PostgreSQL keep each field.

The trace row answers for itself. A tag or metadata entry is found twice: its equality
in ``attribute_index``, clustered so that one probe answers it, everything else in the
JSON object that rides on the trace row.

One condition may *drive*: the statement then walks the part of ``attribute_index`` that
holds the condition's entries and fetches the trace row of each. The part of an equality
is in order of time, so that LIMIT stops the walk; any other part is worth it when it is
small.
"""

import re
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Final

from sqlalchemy import (
    ColumnElement,
    FromClause,
    Select,
    and_,
    exists,
    false,
    func,
    select,
)

from spanframe import keys
from spanframe_collector.store import schema
from spanframe_query.filter.capabilities import Capability
from spanframe_query.filter.compile import compare_text
from spanframe_query.filter.nodes import Comparator, Condition, Field, FieldKind
from spanframe_query.layouts.computed import COMPUTED
from spanframe_query.layouts.index import (
    FALLBACKS,
    entry_rows,
    entry_text,
    is_indexed,
    value_rows,
)
from spanframe_query.layouts.plan import Plan

__all__ = ["BODY_KINDS", "KIND_COLUMNS", "RowLayout"]

_COLUMNS: Final = {
    FieldKind.STATUS: "status",
    FieldKind.CLIENT_REQUEST_ID: "client_request_id",
    FieldKind.NAME: "name",
}
KIND_COLUMNS: Final = {
    FieldKind.SPAN_NAME: schema.span_kinds.c.name,
    FieldKind.SPAN_TYPE: schema.span_kinds.c.type,
    FieldKind.SPAN_STATUS: schema.span_kinds.c.status,
}
# An attribute is found without writing the whole span as text.
_BODY_COSTS: Final = {FieldKind.SPAN_ATTRIBUTE: 0, FieldKind.SPAN_CONTENT: 1}
BODY_KINDS: Final = frozenset(_BODY_COSTS)
_REQUEST_ID: Final = re.compile(re.escape(keys.REQUEST_ID_PREFIX) + "([0-9a-f]{32})")


@dataclass(frozen=True)
class RowLayout(ABC):
    """The expressions of one statement over the row stores.

    Attributes:
        plan: how the statement walks the store.
    """

    engine: ClassVar[str]
    capabilities: ClassVar[frozenset[Capability]] = frozenset()
    sifted: ClassVar[frozenset[Capability]] = frozenset()
    """What is checked on the rows that are found, as the engine cannot: `sifting`."""

    plan: Plan

    @property
    def driver(self) -> Condition | None:
        """The condition whose part of the index the statement walks, if any does."""
        return self.plan.driver

    @property
    def source(self) -> FromClause:
        """What the statement selects from."""
        traces, index = schema.traces, schema.attribute_index
        if self.driver is None:
            return traces
        return index.join(traces, traces.c.trace_key == index.c.trace_key)

    @property
    def driving(self) -> list[ColumnElement[bool]]:
        """The part of the attribute index that the statement walks."""
        if self.driver is None:
            return []
        index, comparator = schema.attribute_index, self.driver.comparator
        rows = [entry_rows(index, self.driver.field)]
        if comparator in {Comparator.EQ, Comparator.IN}:
            rows.append(value_rows(index, self.driver.texts))
        elif comparator is Comparator.LIKE:
            beginning = re.split("[%_]", self.driver.texts[0], maxsplit=1)[0]
            indexed = beginning[: schema.INDEXED_VALUE_LENGTH]
            rows.append(self.like(index.c.value, f"{indexed}%"))
        return rows

    @property
    def trace_key(self) -> ColumnElement[int]:
        """The key of the trace, where it can be had without the trace row."""
        if self.driver is None:
            return schema.traces.c.trace_key
        return schema.attribute_index.c.trace_key

    def column(self, name: str) -> ColumnElement[Any]:
        """Return a column of the trace row, or ``request_id``, as conditions use it."""
        if name == "request_id":
            return self.request_id()
        if name == "timestamp_ms" and self.driver is not None:
            # The same by definition, and the order of the range that is walked.
            return schema.attribute_index.c.timestamp_ms
        column: ColumnElement[Any] = schema.traces.c[name]
        walked = self.driver is None and (
            self.plan.by_duration == (name == "execution_time_ms")
        )
        return column if walked else self.unindexed(column)

    # --- what differs between the engines -----------------------------------------

    @abstractmethod
    def request_id(self) -> ColumnElement[Any]:
        """Return the text of the trace id."""

    @abstractmethod
    def entry(self, kind: FieldKind, key: str) -> ColumnElement[Any]:
        """Return the text of a tag or metadata entry, from the JSON on the row."""

    @abstractmethod
    def unindexed(self, column: ColumnElement[Any]) -> ColumnElement[Any]:
        """Return a column in a form that leads the planner to no index of its own."""

    @abstractmethod
    def by_bytes(self, text: ColumnElement[Any]) -> ColumnElement[Any]:
        """Return a text in a form that is ordered by its UTF-8 bytes."""

    @abstractmethod
    def like(self, text: ColumnElement[Any], pattern: str) -> ColumnElement[bool]:
        """Return whether a text fits a pattern, letter by letter."""

    @abstractmethod
    def ilike(self, text: ColumnElement[Any], pattern: str) -> ColumnElement[bool]:
        """Return whether a text fits a pattern when A to Z equal a to z."""

    def rlike(self, text: ColumnElement[Any], pattern: str) -> ColumnElement[bool]:
        """Return whether a regular expression (RE2) is found in a text.

        Asked only of an engine that declares `Capability.EXPRESSIONS`.
        """
        raise NotImplementedError

    def span_body(self, condition: Condition) -> ColumnElement[bool]:
        """Return a condition on the body of the row of ``schema.spans``, decoded.

        The row of ``schema.span_blocks`` that holds it stands beside it.

        Asked only of an engine that declares `Capability.SPAN_BODIES`.
        """
        raise NotImplementedError

    # --- what they share ----------------------------------------------------------

    def text(self, field: Field) -> ColumnElement[Any]:
        """Return the text of a trace-level field; NULL where it is absent."""
        if field.kind is FieldKind.REQUEST_ID:
            return self.request_id()
        if field.key is None:
            return self.column(_COLUMNS[field.kind])
        if self.driver is not None and field == self.driver.field:
            return entry_text(schema.attribute_index)
        computed = COMPUTED.get((field.kind, field.key))
        if computed is not None:
            return computed.expression(self.column)
        entry = self.entry(field.kind, field.key)
        if field in FALLBACKS:
            return func.coalesce(entry, self.column(FALLBACKS[field]))
        return entry

    def number(self, field: Field) -> ColumnElement[Any]:
        """Return a trace-level integer; NULL where it is absent."""
        if field.kind is FieldKind.END_TIME_MS:
            duration = func.coalesce(self.column("execution_time_ms"), 0)
            return self.column("timestamp_ms") + duration
        return self.column(field.kind.value)

    def equals(self, field: Field, values: tuple[str, ...]) -> ColumnElement[bool]:
        """Return whether a trace-level text field is one of ``values``."""
        if field.kind is FieldKind.REQUEST_ID:
            ids = [m[1] for m in map(_REQUEST_ID.fullmatch, values) if m]
            column = self.column("trace_id")
            return column.in_([bytes.fromhex(i) for i in ids]) if ids else false()
        if not is_indexed(field):
            return compare_text(self.text(field), Comparator.IN, values, self)
        index = schema.attribute_index.alias()
        return exists().where(
            entry_rows(index, field),
            value_rows(index, values),
            index.c.timestamp_ms == self.column("timestamp_ms"),
            index.c.trace_key == self.trace_key,
        )

    def is_key_of(
        self, column: ColumnElement[int], keys: Sequence[int]
    ) -> ColumnElement[bool]:
        """Return whether a column holds one of some keys, maybe thousands."""
        return column.in_(keys)

    def of_kinds(self, conditions: list[Condition]) -> ColumnElement[bool]:
        """Return whether name, type and status of a span fulfil all conditions."""
        return schema.spans.c.kind_key.in_(self.kinds(conditions))

    def kinds(self, conditions: list[Condition]) -> Select[int]:
        """Return the kinds of spans that fulfil all conditions."""
        kinds = schema.span_kinds
        compared = (
            compare_text(
                KIND_COLUMNS[each.field.kind], each.comparator, each.texts, self
            )
            for each in conditions
        )
        return select(kinds.c.kind_key).where(*compared)

    def some_span(self, conditions: list[Condition]) -> ColumnElement[bool]:
        """Return whether one span of the trace fulfils all conditions."""
        spans, blocks = schema.spans, schema.span_blocks
        of_bodies = [each for each in conditions if each.field.kind in _BODY_COSTS]
        of_kinds = [each for each in conditions if each.field.kind in KIND_COLUMNS]
        wanted = [spans.c.trace_key == self.trace_key]
        if of_kinds:
            wanted.append(self.of_kinds(of_kinds))
        if of_bodies:
            wanted.append(spans.c.block_key == blocks.c.block_key)
        cheapest_first = sorted(of_bodies, key=lambda c: _BODY_COSTS[c.field.kind])
        found = exists().where(*wanted, *map(self.span_body, cheapest_first))
        if not of_kinds:
            return found
        # A name that no span of the store has is known before any trace is looked at.
        return and_(self.kinds(of_kinds).exists(), found)
