"""A checked filter: a tree of conditions, which every store reads the same way.

Conditions on fields of the trace stand under `And`, `Or` and `Not`; conditions on spans
stand inside a `SomeSpan`, which holds when one span of the trace fulfils all of it.

Logic has two values: a field that is absent fulfils no comparator but IS NULL, so its
condition is false, and `Not` of it is true. The text language writes AND alone; trees
with OR and NOT are made in Python.

Every condition knows its place in the source, so that any later step can point at it.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from dataclasses import field as dataclass_field
from decimal import Decimal
from enum import Enum, StrEnum
from typing import NamedTuple, Self, TypeAlias

__all__ = [
    "NOWHERE",
    "And",
    "Comparator",
    "Condition",
    "Field",
    "FieldKind",
    "Filter",
    "Node",
    "Not",
    "Or",
    "SomeSpan",
    "SourceRange",
    "Value",
    "conjuncts",
    "leaves_of",
    "quoted",
]


class SourceRange(NamedTuple):
    """A part of the source, as offsets of characters."""

    start: int
    end: int


NOWHERE = SourceRange(0, 0)
"""The place of a condition that no text spells."""


class Comparator(StrEnum):
    """How a field is compared, as filters write it."""

    EQ = "="
    NE = "!="
    LT = "<"
    LE = "<="
    GT = ">"
    GE = ">="
    IN = "IN"
    NOT_IN = "NOT IN"
    LIKE = "LIKE"
    ILIKE = "ILIKE"
    RLIKE = "RLIKE"
    IS_NULL = "IS NULL"
    IS_NOT_NULL = "IS NOT NULL"


class FieldKind(Enum):
    """What a field is, whatever name or alias wrote it."""

    STATUS = "status"
    REQUEST_ID = "request_id"
    CLIENT_REQUEST_ID = "client_request_id"
    EXPERIMENT_ID = "experiment_id"
    TIMESTAMP_MS = "timestamp_ms"
    EXECUTION_TIME_MS = "execution_time_ms"
    END_TIME_MS = "end_time_ms"
    NAME = "name"
    TAG = "tags"
    METADATA = "metadata"
    SPAN_NAME = "span.name"
    SPAN_TYPE = "span.type"
    SPAN_STATUS = "span.status"
    SPAN_CONTENT = "span.content"
    SPAN_ATTRIBUTE = "span.attributes"

    @property
    def is_of_spans(self) -> bool:
        """Whether spans have the field, and not traces."""
        return self.value.startswith("span.")


class Field(NamedTuple):
    """A field of a trace or span; ``key`` for tags, metadata and span attributes."""

    kind: FieldKind
    key: str | None = None

    def __str__(self) -> str:
        """Write the field the way a filter can read it back."""
        if self.key is None:
            return self.kind.value
        return f"{self.kind.value}.{quoted(self.key, '`')}"


Value: TypeAlias = str | Decimal | tuple[str | Decimal, ...] | None


@dataclass(frozen=True, slots=True)
class Condition:
    """One checked clause: a known field, a comparator it takes, a value of its type."""

    field: Field
    comparator: Comparator
    value: Value
    place: SourceRange = dataclass_field(default=NOWHERE, compare=False)

    @property
    def texts(self) -> tuple[str, ...]:
        """The texts it compares with: one, those of a list, or none."""
        return tuple(value for value in self._values if isinstance(value, str))

    @property
    def numbers(self) -> tuple[Decimal, ...]:
        """The numbers it compares with: one, those of a list, or none."""
        return tuple(value for value in self._values if isinstance(value, Decimal))

    @property
    def _values(self) -> tuple[str | Decimal | None, ...]:
        return self.value if isinstance(self.value, tuple) else (self.value,)

    def __str__(self) -> str:
        """Write the condition the way a filter can read it back."""
        if self.value is None:
            return f"{self.field} {self.comparator}"
        if isinstance(self.value, tuple):
            values = f"({', '.join(_written(value) for value in self.value)})"
        else:
            values = _written(self.value)
        return f"{self.field} {self.comparator} {values}"


@dataclass(frozen=True, slots=True)
class And:
    """Holds when every part holds; of no parts it always holds."""

    parts: tuple["Node", ...]

    def __str__(self) -> str:
        """Write the parts with AND between them."""
        return " AND ".join(_grouped(part) for part in self.parts)


@dataclass(frozen=True, slots=True)
class Or:
    """Holds when some part holds; of no parts it never holds."""

    parts: tuple["Node", ...]

    def __str__(self) -> str:
        """Write the parts with OR between them."""
        return " OR ".join(_grouped(part) for part in self.parts)


@dataclass(frozen=True, slots=True)
class Not:
    """Holds when its part does not hold."""

    part: "Node"

    def __str__(self) -> str:
        """Write NOT before the part."""
        return f"NOT ({self.part})"


@dataclass(frozen=True, slots=True)
class SomeSpan:
    """Holds when one span of the trace fulfils the part.

    Attributes:
        part: conditions on fields of spans; no `SomeSpan` stands inside of it.
    """

    part: "Node"

    def __str__(self) -> str:
        """Write the part as a group of its own."""
        return f"SOME SPAN ({self.part})"


Node: TypeAlias = Condition | And | Or | Not | SomeSpan

_EVERY_TRACE = And(())


@dataclass(frozen=True, slots=True)
class Filter:
    """A checked filter; the default keeps every trace.

    Two filters are equal when their trees are, however they were written; ``str`` gives
    one spelling, which the text language reads back when the tree is an AND of clauses.

    Attributes:
        root: the tree.
        source: the text it was read from, to point at a place in it.

    Example:
        >>> ok = Condition(Field(FieldKind.STATUS), Comparator.EQ, "OK")
        >>> str(Filter(Not(ok)))
        "NOT (status = 'OK')"
    """

    root: Node = _EVERY_TRACE
    source: str = dataclass_field(default="", compare=False)

    @classmethod
    def all_of(cls, conditions: Iterable[Condition], source: str = "") -> Self:
        """Return the filter of clauses that must all hold.

        The clauses on spans must hold for one and the same span (MLflow 3.17).
        """
        of_trace: list[Node] = []
        of_spans: list[Node] = []
        for each in conditions:
            (of_spans if each.field.kind.is_of_spans else of_trace).append(each)
        if of_spans:
            of_trace.append(SomeSpan(And(tuple(of_spans))))
        return cls(And(tuple(of_trace)), source)

    def leaves(self) -> tuple[Condition, ...]:
        """Return every condition, whatever joins them, in the order of the source."""
        return _in_order(leaves_of(self.root))

    def required(self) -> tuple[Condition, ...]:
        """Return the conditions that every match meets, in the order of the source.

        A condition on spans is met by some span of a match.
        """
        return _in_order(_required(self.root))

    def of_spans(self) -> tuple["Node", ...]:
        """Return the trees of conditions on spans that every match requires.

        A span is found by itself when it fulfils all of them.
        """
        parts = conjuncts(self.root)
        return tuple(part.part for part in parts if isinstance(part, SomeSpan))

    def and_(self, condition: Condition) -> "Filter":
        """Return the filter with one more condition on the trace that must hold."""
        return Filter(And((*conjuncts(self.root), condition)), self.source)

    def __str__(self) -> str:
        """Write the filter in its one spelling."""
        if _is_plain(self.root):
            return " AND ".join(map(str, self.leaves()))
        return str(self.root)


def leaves_of(node: Node) -> Iterator[Condition]:
    """Yield the conditions of a tree, from left to right."""
    match node:
        case Condition():
            yield node
        case And(parts) | Or(parts):
            for part in parts:
                yield from leaves_of(part)
        case Not(part) | SomeSpan(part):
            yield from leaves_of(part)


def conjuncts(node: Node) -> tuple[Node, ...]:
    """Return the parts of a tree that must all hold, none of which is an `And`."""
    if not isinstance(node, And):
        return (node,)
    return tuple(each for part in node.parts for each in conjuncts(part))


def quoted(text: str, quote: str = "'") -> str:
    """Return ``text`` in quotes, a quote inside it doubled."""
    return f"{quote}{text.replace(quote, quote * 2)}{quote}"


def _required(node: Node) -> Iterator[Condition]:
    for part in conjuncts(node):
        if isinstance(part, Condition):
            yield part
        elif isinstance(part, SomeSpan):
            yield from _required(part.part)


def _is_plain(root: Node) -> bool:
    """Whether the text language can write a tree: clauses, and one group of spans."""
    parts = conjuncts(root)
    groups = [part.part for part in parts if isinstance(part, SomeSpan)]
    clauses = (part for part in parts if not isinstance(part, SomeSpan))
    of_spans = (part for group in groups for part in conjuncts(group))
    return len(groups) <= 1 and all(
        isinstance(each, Condition) for each in (*clauses, *of_spans)
    )


def _in_order(conditions: Iterable[Condition]) -> tuple[Condition, ...]:
    return tuple(sorted(conditions, key=lambda each: each.place))


def _grouped(node: Node) -> str:
    return f"({node})" if isinstance(node, And | Or) else str(node)


def _written(value: str | Decimal) -> str:
    return str(value) if isinstance(value, Decimal) else quoted(value)
