"""The columns of the DataFrame in every layout, defined once.

Layout ``v2`` is that of MLflow 2 and the default, ``v3`` is that of MLflow 3.17;
``tidy`` has plain values, and a column for each tag and metadata entry. Types do not
depend on the values: an empty result has the same types.
"""

from collections.abc import Mapping, Sequence
from typing import Final

from spanframe.errors import InvalidArgumentError
from spanframe_query.columns import REQUEST, RESPONSE, Column
from spanframe_query.entities import SpanDicts, Trace, TraceState
from spanframe_query.entities.found import FoundTraces
from spanframe_query.tidy import TIDY, columns_of_entries

__all__ = ["LAYOUTS", "columns_of_layout", "columns_of_traces"]

# Every cell of a search without spans is this object; it never changes.
_NO_SPANS: Final = SpanDicts(None)


def _spans(trace: Trace) -> SpanDicts:
    return SpanDicts(trace) if trace.has_spans else _NO_SPANS


def _all_spans(found: FoundTraces) -> Sequence[SpanDicts]:
    if found.stored is None:
        return [_NO_SPANS] * len(found)
    return [
        SpanDicts(trace) if stored else _NO_SPANS
        for trace, stored in zip(found, found.stored, strict=True)
    ]


def _states(found: FoundTraces) -> Sequence[str]:
    texts = {state: state.value for state in TraceState}
    return [texts[state] for state in found.infos.state]


_SPANS: Final = Column(
    "spans",
    "spans",
    _spans,
    "List of dictionaries, one a span, decoded when the cell is first read.",
    _all_spans,
)
_TAGS: Final = Column(
    "tags",
    "entries",
    lambda trace: trace.info.tags,
    "Dictionary of the tags.",
    lambda found: found.infos.tags,
)

_V2: Final = (
    Column(
        "request_id",
        "text",
        lambda trace: trace.info.trace_id,
        "Trace id, tr- and 32 hex digits.",
        lambda found: found.infos.trace_id,
    ),
    Column(
        "trace",
        "trace",
        lambda trace: trace,
        "Trace object; spans decode late.",
        list,
    ),
    Column(
        "timestamp_ms",
        "integer",
        lambda trace: trace.info.request_time,
        "Start, ms since the epoch (UTC).",
        lambda found: found.infos.request_time,
    ),
    Column(
        "status",
        "text",
        lambda trace: trace.info.state.value,
        "OK, ERROR, IN_PROGRESS or STATE_UNSPECIFIED.",
        _states,
    ),
    Column(
        "execution_time_ms",
        "integer or missing",
        lambda trace: trace.info.execution_duration,
        "Duration in ms; missing while in progress.",
        lambda found: found.infos.execution_duration,
    ),
    REQUEST,
    RESPONSE,
    Column(
        "request_metadata",
        "entries",
        lambda trace: trace.info.trace_metadata,
        "Dictionary of the metadata.",
        lambda found: found.infos.trace_metadata,
    ),
    _SPANS,
    _TAGS,
)

_V3: Final = (
    Column(
        "trace_id",
        "text",
        lambda trace: trace.info.trace_id,
        "Trace id, tr- and 32 hex digits.",
        lambda found: found.infos.trace_id,
    ),
    Column("trace", "text", lambda trace: trace.to_json(), "The trace as JSON text."),
    Column(
        "client_request_id",
        "text",
        lambda trace: trace.info.client_request_id,
        "The app's own id of the request; may be missing.",
        lambda found: found.infos.client_request_id,
    ),
    Column(
        "state",
        "text",
        lambda trace: trace.info.state.value,
        "OK, ERROR, IN_PROGRESS or STATE_UNSPECIFIED.",
        _states,
    ),
    Column(
        "request_time",
        "integer",
        lambda trace: trace.info.request_time,
        "Start, ms since the epoch (UTC).",
        lambda found: found.infos.request_time,
    ),
    Column(
        "execution_duration",
        "integer or missing",
        lambda trace: trace.info.execution_duration,
        "Duration in ms; missing while in progress.",
        lambda found: found.infos.execution_duration,
    ),
    REQUEST,
    RESPONSE,
    Column(
        "trace_metadata",
        "entries",
        lambda trace: trace.info.trace_metadata,
        "Dictionary of the metadata.",
        lambda found: found.infos.trace_metadata,
    ),
    _TAGS,
    _SPANS,
    Column(
        "assessments",
        "json",
        lambda trace: list(trace.info.assessments),
        "List of assessments.",
    ),
)


LAYOUTS: Final[Mapping[str, tuple[Column, ...]]] = {
    "v2": _V2,
    "v3": _V3,
    "tidy": TIDY,
}


def columns_of_layout(layout: str) -> tuple[Column, ...]:
    """Return the columns of a layout, in order.

    Raises:
        InvalidArgumentError: when the layout does not exist; the message lists them.
    """
    try:
        return LAYOUTS[layout]
    except KeyError:
        known = ", ".join(repr(name) for name in LAYOUTS)
        raise InvalidArgumentError(
            f"layout is {layout!r}: write one of {known}."
        ) from None


def columns_of_traces(layout: str, traces: Sequence[Trace]) -> tuple[Column, ...]:
    """Return the columns of some traces: the tidy layout has one for each entry.

    Raises:
        InvalidArgumentError: when the layout does not exist, or the traces have more
            tags and metadata entries than a DataFrame can have columns.
    """
    columns = columns_of_layout(layout)
    return (*columns, *columns_of_entries(traces)) if layout == "tidy" else columns
