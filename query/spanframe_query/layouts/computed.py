"""Tags and metadata that MLflow 3.17 shows and the row stores do not keep as entries.

Each is said once, as an expression for filters and as a value for the entities built
from a row, so that what a trace shows is what a filter finds.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol

from sqlalchemy import ColumnElement, Text, cast, literal

from spanframe import keys
from spanframe_query.filter.nodes import FieldKind

__all__ = ["COMPUTED", "Computed", "RowValues", "computed_entries"]

_ARTIFACT_PREFIX: Final = "spanframe:/traces/"
_SPANS_LOCATION: Final = "TRACKING_STORE"
_SCHEMA_VERSION: Final = "3"


class RowValues(Protocol):
    """A fetched row of ``schema.traces``, by the names of its columns."""

    def __getitem__(self, name: str, /) -> Any:
        """Return the value of a column."""


Columns = Callable[[str], ColumnElement[Any]]
"""From the name of a column of the trace row, or ``request_id``, to its expression."""


@dataclass(frozen=True, slots=True)
class Computed:
    """An entry that follows from the columns of a trace row.

    Attributes:
        expression: the entry in a statement.
        value: the entry of a fetched row; None where it is absent.
    """

    expression: Callable[[Columns], ColumnElement[Any]]
    value: Callable[[RowValues], str | None]


def _column(name: str) -> Computed:
    return Computed(lambda column: column(name), lambda row: row[name])


def _constant(text: str) -> Computed:
    return Computed(lambda _: literal(text, Text), lambda _: text)


COMPUTED: Final[Mapping[tuple[FieldKind, str], Computed]] = {
    (FieldKind.TAG, keys.TAG_TRACE_NAME): _column("name"),
    (FieldKind.TAG, keys.TAG_ARTIFACT_LOCATION): Computed(
        lambda column: literal(_ARTIFACT_PREFIX, Text) + column("request_id"),
        lambda row: _ARTIFACT_PREFIX + keys.request_id(row["trace_id"]),
    ),
    (FieldKind.TAG, keys.TAG_SPANS_LOCATION): _constant(_SPANS_LOCATION),
    (FieldKind.METADATA, keys.META_TRACE_INPUTS): _column("trace_inputs"),
    (FieldKind.METADATA, keys.META_TRACE_OUTPUTS): _column("trace_outputs"),
    (FieldKind.METADATA, keys.META_SCHEMA_VERSION): _constant(_SCHEMA_VERSION),
    (FieldKind.METADATA, keys.META_SIZE_BYTES): Computed(
        lambda column: cast(column("size_bytes"), Text),
        lambda row: str(row["size_bytes"]),
    ),
}


def computed_entries(kind: FieldKind, row: RowValues) -> dict[str, str]:
    """Return the computed tags or metadata of a fetched row of ``schema.traces``."""
    entries = (
        (key, computed.value(row))
        for (of_kind, key), computed in COMPUTED.items()
        if of_kind is kind
    )
    return {key: value for key, value in entries if value is not None}
