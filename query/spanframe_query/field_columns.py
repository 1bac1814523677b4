"""Columns of the command line: those of the DataFrame, and any field of a filter."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from spanframe.errors import InvalidArgumentError
from spanframe_query.arrow import PLAIN_COLUMNS
from spanframe_query.columns import Column, Kind
from spanframe_query.entities import Span, Trace
from spanframe_query.filter.check import known_field
from spanframe_query.filter.parser import Parser
from spanframe_query.tidy import TIDY
from spanframe_store.contract.filter import Field, FieldKind

__all__ = ["NAMED_COLUMNS", "STORED_COLUMNS", "chosen_columns", "needs_spans"]


_OF_TRACES: Final[Mapping[FieldKind, tuple[Kind, Callable[[Trace], Any]]]] = {
    FieldKind.STATUS: ("text", lambda trace: trace.info.state.value),
    FieldKind.REQUEST_ID: ("text", lambda trace: trace.info.trace_id),
    FieldKind.CLIENT_REQUEST_ID: ("text", lambda trace: trace.info.client_request_id),
    FieldKind.EXPERIMENT_ID: ("text", lambda trace: trace.info.experiment_id),
    FieldKind.TIMESTAMP_MS: ("integer", lambda trace: trace.info.request_time),
    FieldKind.EXECUTION_TIME_MS: (
        "integer or missing",
        lambda trace: trace.info.execution_duration,
    ),
    FieldKind.END_TIME_MS: ("integer or missing", lambda trace: trace.info.end_time),
    FieldKind.NAME: ("text", lambda trace: trace.info.name),
}
_OF_SPANS: Final[Mapping[FieldKind, Callable[[Span], Any]]] = {
    FieldKind.SPAN_NAME: lambda span: span.name,
    FieldKind.SPAN_TYPE: lambda span: span.span_type,
    FieldKind.SPAN_STATUS: lambda span: span.status.status_code.value,
}

_OF_TIDY: Final = frozenset(
    {
        "service",
        "error",
        "user",
        "session",
        "input_tokens",
        "output_tokens",
        "total_tokens",
        "cost_usd",
    }
)
"""Columns of the tidy layout that the ten of the DataFrame do not hold."""

STORED_COLUMNS: Final = tuple(column.name for column in PLAIN_COLUMNS["v2"])
"""The columns of json, csv and parquet, unless others are asked for."""

NAMED_COLUMNS: Final[Mapping[str, Column]] = {
    **{column.name: column for column in PLAIN_COLUMNS["v2"]},
    **{column.name: column for column in TIDY if column.name in _OF_TIDY},
}
"""The columns that have names of their own; every field of a filter is one, too."""


def chosen_columns(names: Sequence[str]) -> list[Column]:
    """Return the columns of these names, in their order.

    Args:
        names: names of `NAMED_COLUMNS`, and fields as a filter writes them. A field of
            spans is a column of lists, one value a span.

    Raises:
        FilterError: when a name is neither; the message points at it.
        InvalidArgumentError: when a name is empty, or a text that no column has.
    """
    return [NAMED_COLUMNS.get(name) or _field_column(name) for name in names]


def needs_spans(column: Column, *, previews: bool) -> bool:
    """Return whether the cells of a column need the spans of their trace.

    Args:
        column: the column.
        previews: whether a preview of inputs and outputs will do.
    """
    if column.name in _SAID:
        return not previews
    return column.name == "spans" or column.sentence == _LIST


_SAID: Final = frozenset({"request", "response"})
_LIST: Final = "A field of the spans: a list, one value a span that has it."


def _field_column(name: str) -> Column:
    parser = Parser(name)
    field = known_field(name, parser.key())
    parser.refuse_rest("A column is a field", "Write commas between columns")
    if field.kind is FieldKind.SPAN_CONTENT:
        raise InvalidArgumentError(
            f"The column {name} is the whole of a span: write spans, or span.name."
        )
    if field.kind.is_of_spans:
        return Column(name, "json", _span_values(field), _LIST)
    if field.kind in _OF_TRACES:
        kind, cell = _OF_TRACES[field.kind]
        return Column(name, kind, cell, "A field of the trace.")
    key = field.key or ""
    if field.kind is FieldKind.TAG:
        return Column(name, "text", lambda trace: trace.info.tags.get(key), "A tag.")
    entry = "A metadata entry."
    return Column(name, "text", lambda trace: trace.info.metadata.get(key), entry)


def _span_values(field: Field) -> Callable[[Trace], list[Any]]:
    def values(trace: Trace) -> list[Any]:
        found = map(_OF_SPANS.get(field.kind, _attribute), trace.data.spans)
        return [value for value in found if value is not None]

    def _attribute(span: Span) -> Any:
        return span.attributes.get(field.key or "")

    return values
