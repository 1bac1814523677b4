"""What a filter is made of: first as it is written, then as it was checked.

Every node is frozen and knows its place in the source, so that any later step can
point at it.
"""

from dataclasses import dataclass
from dataclasses import field as dataclass_field
from decimal import Decimal
from enum import Enum, StrEnum
from typing import NamedTuple, TypeAlias

__all__ = [
    "Comparator",
    "Comparison",
    "Condition",
    "Field",
    "FieldKind",
    "Filter",
    "Key",
    "Literal",
    "Span",
    "Value",
    "quoted",
]


class Span(NamedTuple):
    """A part of the source, as offsets."""

    start: int
    end: int


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


# --- as written -------------------------------------------------------------------


class Key(NamedTuple):
    """What stands left of a comparator: an optional scope and a name."""

    scope: str | None
    name: str
    span: Span


class Literal(NamedTuple):
    """A value as written, without its quotes."""

    text: str
    is_number: bool
    span: Span


class Comparison(NamedTuple):
    """One clause as written; ``values`` has one literal, or those of a list."""

    key: Key
    comparator: Comparator
    comparator_span: Span
    values: tuple[Literal, ...]


# --- as checked -------------------------------------------------------------------


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
    span: Span = dataclass_field(compare=False)

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
class Filter:
    """A checked filter: conditions that must all hold; none keeps every trace.

    Two filters are equal when their conditions are, however they were written;
    ``str`` gives one spelling that parses to an equal filter.
    """

    conditions: tuple[Condition, ...] = ()
    source: str = dataclass_field(default="", compare=False)

    def __str__(self) -> str:
        """Write the filter in its one spelling."""
        return " AND ".join(map(str, self.conditions))


def quoted(text: str, quote: str = "'") -> str:
    """Return ``text`` in quotes, a quote inside it doubled."""
    return f"{quote}{text.replace(quote, quote * 2)}{quote}"


def _written(value: str | Decimal) -> str:
    return str(value) if isinstance(value, Decimal) else quoted(value)
