"""The field table: every field a filter or an order may use, and what it takes.

A row says all of a field that does not depend on the engine: its names, its type, its
comparators, the column of a trace (or span) that holds it, whether it can be absent,
and whether a store is expected to find it by an index.

Names, aliases and refusals are those of MLflow 3.17 and of its seed document
(``latency``); where spanframe takes more, ``tests/query/test_mlflow_differences.py``
gives the reason.
"""

from dataclasses import dataclass
from enum import Enum
from typing import Final

from spanframe_store.contract.filter import Comparator, FieldKind

__all__ = [
    "FIELDS",
    "NUMBER_KINDS",
    "ROWS",
    "SPAN_KINDS",
    "FieldRow",
    "Type",
]


class Type(Enum):
    """What a field is compared with."""

    TEXT = "text in quotes"
    NUMBER = "a number"
    TIME = "a number of milliseconds, or an ISO 8601 time with an offset"
    ANY = "text in quotes or a number"


_EQUALITY: Final = (
    Comparator.EQ,
    Comparator.NE,
    Comparator.IN,
    Comparator.NOT_IN,
)
_PATTERN: Final = (Comparator.LIKE, Comparator.ILIKE, Comparator.RLIKE)
_NULL: Final = (Comparator.IS_NULL, Comparator.IS_NOT_NULL)
_ORDERING: Final = (Comparator.LT, Comparator.LE, Comparator.GT, Comparator.GE)
_NUMBER: Final = (Comparator.EQ, Comparator.NE, *_ORDERING)


@dataclass(frozen=True, slots=True)
class FieldRow:
    """One line of the field table.

    Attributes:
        names: the name documents use, then its aliases; without a prefix.
        type: what it is compared with.
        comparators: what may stand between it and a value.
        orderable: whether ``order_by`` takes it.
        sentence: what it is.
        column: the column that holds it, of a trace or (``span.…``) of a span; None
            for a field that is computed, or found by its key.
        nullable: whether a trace may lack it.
        indexed: whether a store finds traces by it without reading the others.
    """

    kind: FieldKind
    names: tuple[str, ...]
    type: Type
    comparators: tuple[Comparator, ...]
    orderable: bool
    sentence: str
    column: str | None = None
    nullable: bool = False
    indexed: bool = False


FIELDS: Final = (
    FieldRow(
        FieldKind.STATUS,
        ("status", "state"),
        Type.TEXT,
        _EQUALITY + _PATTERN,
        orderable=True,
        sentence="The state of the trace: OK, ERROR, IN_PROGRESS.",
        column="status",
        indexed=True,
    ),
    FieldRow(
        FieldKind.REQUEST_ID,
        ("request_id", "trace_id"),
        Type.TEXT,
        _EQUALITY + _PATTERN,
        orderable=True,
        sentence="The id of the trace: tr- and 32 hex digits.",
        column="trace_id",
        indexed=True,
    ),
    FieldRow(
        FieldKind.CLIENT_REQUEST_ID,
        ("client_request_id",),
        Type.TEXT,
        _EQUALITY + _PATTERN,
        orderable=False,
        sentence="The id the app gave to the request.",
        column="client_request_id",
        nullable=True,
    ),
    FieldRow(
        FieldKind.EXPERIMENT_ID,
        ("experiment_id",),
        Type.NUMBER,
        (),
        orderable=True,
        sentence="The experiment of the trace; only to order by.",
        column="experiment_id",
    ),
    FieldRow(
        FieldKind.TIMESTAMP_MS,
        ("timestamp_ms", "timestamp", "request_time"),
        Type.TIME,
        _NUMBER,
        orderable=True,
        sentence="The start of the trace, in milliseconds since 1970.",
        column="timestamp_ms",
        indexed=True,
    ),
    FieldRow(
        FieldKind.EXECUTION_TIME_MS,
        (
            "execution_time_ms",
            "execution_time",
            "execution_duration",
            "execution_duration_ms",
            "latency",
            "latency_ms",
        ),
        Type.NUMBER,
        _NUMBER,
        orderable=True,
        sentence="The duration of the trace in milliseconds; none while in progress.",
        column="execution_time_ms",
        nullable=True,
        indexed=True,
    ),
    FieldRow(
        FieldKind.END_TIME_MS,
        ("end_time_ms", "end_time"),
        Type.TIME,
        _NUMBER,
        orderable=True,
        sentence="The start plus the duration, or the start while in progress.",
    ),
    FieldRow(
        FieldKind.NAME,
        ("name",),
        Type.TEXT,
        _EQUALITY + _PATTERN + _NULL,
        orderable=True,
        sentence="The name of the trace, as tags.mlflow.traceName.",
        column="name",
        nullable=True,
        indexed=True,
    ),
    FieldRow(
        FieldKind.TAG,
        ("tags.<key>",),
        Type.TEXT,
        _EQUALITY + _PATTERN + _NULL,
        orderable=True,
        sentence="A tag of the trace.",
        nullable=True,
        indexed=True,
    ),
    FieldRow(
        FieldKind.METADATA,
        ("metadata.<key>", "run_id", "error"),
        Type.TEXT,
        _EQUALITY + _PATTERN + _NULL,
        orderable=True,
        sentence="A metadata entry of the trace; run_id is mlflow.sourceRun, error why "
        "a span failed: ValueError: boom.",
        nullable=True,
        indexed=True,
    ),
    FieldRow(
        FieldKind.SPAN_NAME,
        ("span.name",),
        Type.TEXT,
        _EQUALITY + _PATTERN,
        orderable=False,
        sentence="The name of some span of the trace.",
        column="name",
    ),
    FieldRow(
        FieldKind.SPAN_TYPE,
        ("span.type",),
        Type.TEXT,
        _EQUALITY + _PATTERN,
        orderable=False,
        sentence="The type of some span: LLM, TOOL, RETRIEVER, …",
        column="type",
    ),
    FieldRow(
        FieldKind.SPAN_STATUS,
        ("span.status",),
        Type.TEXT,
        _EQUALITY + _PATTERN,
        orderable=False,
        sentence="The status of some span: OK, ERROR, UNSET.",
        column="status",
    ),
    FieldRow(
        FieldKind.SPAN_CONTENT,
        ("span.content", "text"),
        Type.TEXT,
        (Comparator.LIKE, Comparator.ILIKE),
        orderable=False,
        sentence="The JSON text of some span, its attributes alone; also trace.text.",
    ),
    FieldRow(
        FieldKind.SPAN_ATTRIBUTE,
        ("span.attributes.<key>", "span.exception.type", "span.exception.message"),
        Type.ANY,
        _EQUALITY + _ORDERING + _PATTERN,
        orderable=False,
        sentence="An attribute of some span, decoded; span.exception.type and "
        "span.exception.message are those of the exception that it recorded last.",
        nullable=True,
    ),
)

ROWS: Final = {row.kind: row for row in FIELDS}
"""The table by kind of field."""

NUMBER_KINDS: Final = frozenset(
    row.kind for row in FIELDS if row.type in {Type.NUMBER, Type.TIME}
)
SPAN_KINDS: Final = frozenset(row.kind for row in FIELDS if row.kind.is_of_spans)
