"""The field table: every name a filter or an order may use, and what it takes.

Names, aliases and refusals are those of MLflow 3.17 and of its seed document
(``latency``); where spanframe takes more, ``tests/query/test_mlflow_differences.py``
gives the reason.
"""

from dataclasses import dataclass
from enum import Enum
from typing import Final

from spanframe import keys
from spanframe_query.filter.nodes import Comparator, Field, FieldKind

__all__ = [
    "ATTRIBUTES",
    "FIELDS",
    "NOT_FIELDS",
    "NUMBER_KINDS",
    "SCOPES",
    "SPAN_KINDS",
    "FieldRow",
    "Scope",
    "Type",
]


class Scope(Enum):
    """What a prefix stands for."""

    ATTRIBUTE = "attributes"
    TAG = "tags"
    METADATA = "metadata"
    SPAN = "span"
    ASSESSMENT = "feedback"
    ISSUE = "issue"


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
    """

    kind: FieldKind
    names: tuple[str, ...]
    type: Type
    comparators: tuple[Comparator, ...]
    orderable: bool
    sentence: str


FIELDS: Final = (
    FieldRow(
        FieldKind.STATUS,
        ("status", "state"),
        Type.TEXT,
        _EQUALITY + _PATTERN,
        orderable=True,
        sentence="The state of the trace: OK, ERROR, IN_PROGRESS.",
    ),
    FieldRow(
        FieldKind.REQUEST_ID,
        ("request_id", "trace_id"),
        Type.TEXT,
        _EQUALITY + _PATTERN,
        orderable=True,
        sentence="The id of the trace: tr- and 32 hex digits.",
    ),
    FieldRow(
        FieldKind.CLIENT_REQUEST_ID,
        ("client_request_id",),
        Type.TEXT,
        _EQUALITY + _PATTERN,
        orderable=False,
        sentence="The id the app gave to the request.",
    ),
    FieldRow(
        FieldKind.EXPERIMENT_ID,
        ("experiment_id",),
        Type.NUMBER,
        (),
        orderable=True,
        sentence="The experiment of the trace; only to order by.",
    ),
    FieldRow(
        FieldKind.TIMESTAMP_MS,
        ("timestamp_ms", "timestamp", "request_time"),
        Type.TIME,
        _NUMBER,
        orderable=True,
        sentence="The start of the trace, in milliseconds since 1970.",
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
    ),
    FieldRow(
        FieldKind.TAG,
        ("tags.<key>",),
        Type.TEXT,
        _EQUALITY + _PATTERN + _NULL,
        orderable=True,
        sentence="A tag of the trace.",
    ),
    FieldRow(
        FieldKind.METADATA,
        ("metadata.<key>", "run_id"),
        Type.TEXT,
        _EQUALITY + _PATTERN + _NULL,
        orderable=True,
        sentence="A metadata entry of the trace; run_id is mlflow.sourceRun.",
    ),
    FieldRow(
        FieldKind.SPAN_NAME,
        ("span.name",),
        Type.TEXT,
        _EQUALITY + _PATTERN,
        orderable=False,
        sentence="The name of some span of the trace.",
    ),
    FieldRow(
        FieldKind.SPAN_TYPE,
        ("span.type",),
        Type.TEXT,
        _EQUALITY + _PATTERN,
        orderable=False,
        sentence="The type of some span: LLM, TOOL, RETRIEVER, …",
    ),
    FieldRow(
        FieldKind.SPAN_STATUS,
        ("span.status",),
        Type.TEXT,
        _EQUALITY + _PATTERN,
        orderable=False,
        sentence="The status of some span: OK, ERROR, UNSET.",
    ),
    FieldRow(
        FieldKind.SPAN_CONTENT,
        ("span.content", "text"),
        Type.TEXT,
        (Comparator.LIKE, Comparator.ILIKE),
        orderable=False,
        sentence="The JSON text of some span; trace.text is the same.",
    ),
    FieldRow(
        FieldKind.SPAN_ATTRIBUTE,
        ("span.attributes.<key>",),
        Type.ANY,
        _EQUALITY + _ORDERING + _PATTERN,
        orderable=False,
        sentence="An attribute of some span, decoded.",
    ),
)

NUMBER_KINDS: Final = frozenset(
    row.kind for row in FIELDS if row.type in {Type.NUMBER, Type.TIME}
)
SPAN_KINDS: Final = frozenset(
    row.kind for row in FIELDS if row.names[0].startswith("span.")
)

SCOPES: Final = {
    "attribute": Scope.ATTRIBUTE,
    "attributes": Scope.ATTRIBUTE,
    "trace": Scope.ATTRIBUTE,
    "tag": Scope.TAG,
    "tags": Scope.TAG,
    "metadata": Scope.METADATA,
    "request_metadata": Scope.METADATA,
    "span": Scope.SPAN,
    "feedback": Scope.ASSESSMENT,
    "expectation": Scope.ASSESSMENT,
    "issue": Scope.ISSUE,
}

# The names that need no prefix, and what each stands for.
ATTRIBUTES: Final = {
    name: Field(row.kind) for row in FIELDS for name in row.names if "." not in name
} | {"run_id": Field(FieldKind.METADATA, keys.META_SOURCE_RUN)}

# Names that look like fields, and what to write instead.
NOT_FIELDS: Final = {
    "tags": "Write tags.<key>, for example tags.env",
    "metadata": "Write metadata.<key>, for example metadata.`mlflow.trace.user`",
    "span": "Write span.name, span.type, span.status or span.attributes.<key>",
    "duration": "Write execution_time_ms",
    "user": "Write metadata.`mlflow.trace.user`",
    "user_id": "Write metadata.`mlflow.trace.user`",
    "session": "Write metadata.`mlflow.trace.session`",
    "session_id": "Write metadata.`mlflow.trace.session`",
    "experiment_id": "Use the argument locations of the search",
    "experiment": "Use the argument locations of the search",
}
