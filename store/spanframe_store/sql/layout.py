"""The layout of the row stores: where SQLite and PostgreSQL keep each field.

Fields of a trace are columns of its row. A tag or metadata entry is stored twice: in
``attribute_index``, clustered so that one probe answers an equality, and in a JSON
object on the trace row, which answers every other comparator.

One condition may be *walked*: the statement then scans the part of ``attribute_index``
that holds the entries of the condition, in order, and fetches the trace row of each.
The part of an equality is in the order of time, so that LIMIT stops the scan; any other
part is walked when it is small.
"""

import re
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Final

from sqlalchemy import (
    Column,
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
from spanframe_store.contract.capabilities import Capability, needed
from spanframe_store.contract.fields import ROWS
from spanframe_store.contract.filter import (
    And,
    Comparator,
    Condition,
    Field,
    FieldKind,
    Node,
    SomeSpan,
    conjuncts,
    leaves_of,
)
from spanframe_store.sql import schema
from spanframe_store.sql.compile import compare_text, compile_tree
from spanframe_store.sql.computed import COMPUTED
from spanframe_store.sql.index_conditions import (
    FALLBACKS,
    entry_rows,
    entry_text,
    is_indexed,
    value_rows,
)
from spanframe_store.sql.plans import Plan

__all__ = ["BODY_KINDS", "RowLayout", "reads_bodies", "signature_column"]

BODY_KINDS: Final = frozenset({FieldKind.SPAN_ATTRIBUTE, FieldKind.SPAN_CONTENT})
"""Fields that are read from the stored body of a span."""

_REQUEST_ID: Final = re.compile(re.escape(keys.REQUEST_ID_PREFIX) + "([0-9a-f]{32})")


@dataclass(frozen=True)
class RowLayout(ABC):
    """The expressions of one statement over the row stores.

    Attributes:
        plan: the plan by which the statement walks the store.
    """

    capabilities: ClassVar[frozenset[Capability]] = frozenset()
    """Capabilities of the statement; `residual` checks the rest on found rows."""

    plan: Plan

    @property
    def walked(self) -> Condition | None:
        """The condition whose part of the index the statement walks; None: traces."""
        return self.plan.walked

    @property
    def source(self) -> FromClause:
        """The FROM clause of the statement."""
        traces, index = schema.traces, schema.attribute_index
        if self.walked is None:
            return traces
        return index.join(traces, traces.c.trace_key == index.c.trace_key)

    @property
    def walk(self) -> list[ColumnElement[bool]]:
        """The conditions on the part of the index that the statement walks."""
        if self.walked is None:
            return []
        index, comparator = schema.attribute_index, self.walked.comparator
        rows = [entry_rows(index, self.walked.field)]
        if comparator in {Comparator.EQ, Comparator.IN}:
            rows.append(value_rows(index, self.walked.texts))
        elif comparator is Comparator.LIKE:
            beginning = re.split("[%_]", self.walked.texts[0], maxsplit=1)[0]
            indexed = beginning[: schema.MAX_INDEXED_VALUE_CHARS]
            rows.append(self.like(index.c.value, f"{indexed}%"))
        return rows

    @property
    def trace_key(self) -> ColumnElement[int]:
        """The key of the trace, from the index where the statement walks it."""
        if self.walked is None:
            return schema.traces.c.trace_key
        return schema.attribute_index.c.trace_key

    def column(self, name: str) -> ColumnElement[Any]:
        """Return a column of the trace row, or ``request_id``, as conditions use it."""
        if name == "request_id":
            return self.request_id()
        if name == "timestamp_ms" and self.walked is not None:
            # The index has the same value, and its range is in this order.
            return schema.attribute_index.c.timestamp_ms
        column: ColumnElement[Any] = schema.traces.c[name]
        walked = self.walked is None and (
            self.plan.by_duration == (name == "execution_time_ms")
        )
        return column if walked else self.unindexed(column)

    def serves(self, node: Node) -> bool:
        """Return whether the statement can compare everything in a tree."""
        return all(self.capabilities.issuperset(needed(c)) for c in leaves_of(node))

    # --- what each database does differently --------------------------------------

    @abstractmethod
    def request_id(self) -> ColumnElement[Any]:
        """Return the text of the trace id."""

    @abstractmethod
    def entry(self, kind: FieldKind, key: str) -> ColumnElement[Any]:
        """Return the text of a tag or metadata entry, from the JSON on the row."""

    @abstractmethod
    def unindexed(self, column: ColumnElement[Any]) -> ColumnElement[Any]:
        """Return a column in a form for which the planner uses no index of its own."""

    @abstractmethod
    def by_bytes(self, text: ColumnElement[Any]) -> ColumnElement[Any]:
        """Return a text in a form that is ordered by its UTF-8 bytes."""

    @abstractmethod
    def like(self, text: ColumnElement[Any], pattern: str) -> ColumnElement[bool]:
        """Return whether a text fits a pattern, letter by letter."""

    @abstractmethod
    def ilike(self, text: ColumnElement[Any], pattern: str) -> ColumnElement[bool]:
        """Return whether a text fits a pattern when A to Z equal a to z."""

    @abstractmethod
    def amount(self, key: str, name: str) -> ColumnElement[Any]:
        """Return a number by its name in a metadata entry that is a JSON object.

        Args:
            key: the key of the entry.
            name: letters and underscores.
        """

    @abstractmethod
    def gathered(self, numbers: ColumnElement[int]) -> ColumnElement[str]:
        """Return the whole numbers of a group as one text, with commas between."""

    def apart(self, rows: Select[Any]) -> Select[Any]:
        """Return a select whose columns are computed once where another reads them."""
        return rows

    def rlike(self, text: ColumnElement[Any], pattern: str) -> ColumnElement[bool]:
        """Return whether a regular expression (RE2) is found in a text.

        Only a layout that declares `Capability.EXPRESSIONS` is asked.
        """
        raise NotImplementedError

    def span_body(self, condition: Condition) -> ColumnElement[bool]:
        """Return a condition on the decoded body of a row of ``schema.spans``.

        The statement joins the row of ``schema.span_blocks`` that holds the body. Only
        a layout that declares `Capability.SPAN_BODIES` is asked.
        """
        raise NotImplementedError

    # --- what all databases share -------------------------------------------------

    def text(self, field: Field) -> ColumnElement[Any]:
        """Return the text of a trace-level field; NULL where it is absent."""
        if field.kind is FieldKind.REQUEST_ID:
            return self.request_id()
        if field.key is None:
            return self.column(column_of(field.kind))
        if self.walked is not None and field == self.walked.field:
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
        return self.column(column_of(field.kind))

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
        """Return whether a column holds one of some keys, possibly thousands."""
        return column.in_(keys)

    def of_signatures(self, part: Node) -> ColumnElement[bool]:
        """Return whether name, type and status of a span fulfil a tree."""
        return schema.spans.c.kind_key.in_(self.signatures(part))

    def signatures(self, part: Node) -> Select[int]:
        """Return the keys of the names, types and statuses that fulfil a tree."""

        def leaf(node: Condition | SomeSpan) -> ColumnElement[bool]:
            assert isinstance(node, Condition)  # noqa: S101 - groups do not nest
            column = signature_column(node.field.kind)
            return compare_text(column, node.comparator, node.texts, self)

        signatures = schema.span_signatures
        conditions = [compile_tree(each, leaf) for each in conjuncts(part)]
        return select(signatures.c.kind_key).where(*conditions)

    def some_span(self, part: Node) -> ColumnElement[bool]:
        """Return whether one span of the trace fulfils a tree of conditions."""
        spans, blocks = schema.spans, schema.span_blocks
        parts = conjuncts(part)
        of_signatures = [each for each in parts if not reads_bodies(each)]
        of_bodies = [each for each in parts if reads_bodies(each)]
        conditions = [spans.c.trace_key == self.trace_key]
        if of_signatures:
            conditions.append(self.of_signatures(And(tuple(of_signatures))))
        if of_bodies:
            conditions.append(spans.c.block_key == blocks.c.block_key)
        # Reading an attribute does not write the whole span as text.
        cheapest_first = sorted(of_bodies, key=_reads_whole_span)
        found = exists().where(
            *conditions, *(compile_tree(each, self._of_span) for each in cheapest_first)
        )
        if not of_signatures:
            return found
        # Where no span of the store has the name, the first part fails without a trace.
        signatures = self.signatures(And(tuple(of_signatures)))
        return and_(signatures.exists(), found)

    def _of_span(self, node: Condition | SomeSpan) -> ColumnElement[bool]:
        assert isinstance(node, Condition)  # noqa: S101 - groups do not nest
        return (
            self.span_body(node)
            if node.field.kind in BODY_KINDS
            else self.of_signatures(node)
        )


def column_of(kind: FieldKind) -> str:
    """Return the name of the column of a trace that holds a field."""
    column = ROWS[kind].column
    assert column is not None  # noqa: S101 - callers handle computed and keyed fields
    return column


def signature_column(kind: FieldKind) -> Column[Any]:
    """Return the column that holds a span's name, type or status."""
    column = ROWS[kind].column
    assert column is not None  # noqa: S101 - callers handle fields of bodies
    return schema.span_signatures.c[column]


def reads_bodies(node: Node) -> bool:
    """Return whether a tree of conditions on a span reads its stored body."""
    return any(each.field.kind in BODY_KINDS for each in leaves_of(node))


def _reads_whole_span(node: Node) -> bool:
    return any(each.field.kind is FieldKind.SPAN_CONTENT for each in leaves_of(node))
