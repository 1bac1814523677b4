"""The contract of the DataFrame: every column of both layouts, stated once.

Layout ``v2`` is MLflow 2's and spanframe's default, ``v3`` is MLflow 3.17's. Types do
not depend on the values: an empty result has the same.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final, Literal, NamedTuple

from spanframe.errors import InvalidArgumentError
from spanframe_query.entities import SpanDicts, Trace
from spanframe_query.entities.content import loads

__all__ = ["LAYOUTS", "Column", "Kind", "columns_of_layout"]

Kind = Literal["text", "integer", "integer or missing", "entries", "object"]
"""What cells hold; `frame` maps each to one dtype."""


class Column(NamedTuple):
    """One column: its name, what its cells hold, where they come from."""

    name: str
    kind: Kind
    cell: Callable[[Trace], Any]
    sentence: str


def _request(trace: Trace) -> Any:
    text = trace.data.request if trace.has_spans else None
    return None if text is None else loads(text)


def _response(trace: Trace) -> Any:
    text = trace.data.response if trace.has_spans else None
    return None if text is None else loads(text)


# A search without spans makes many such cells; they never change.
_NO_SPANS: Final = SpanDicts(None)


def _spans(trace: Trace) -> SpanDicts:
    return SpanDicts(trace) if trace.has_spans else _NO_SPANS


_REQUEST: Final = Column(
    "request",
    "object",
    _request,
    "Inputs of the root span, decoded from JSON; None: absent, or spans not asked for.",
)
_RESPONSE: Final = Column(
    "response",
    "object",
    _response,
    "Outputs of the root span, decoded from JSON; None like request.",
)
_SPANS: Final = Column(
    "spans",
    "object",
    _spans,
    "Sequence of dictionaries, one a span, each made when it is first asked for.",
)
_TAGS: Final = Column(
    "tags", "entries", lambda trace: trace.info.tags, "Dictionary of the tags."
)

_V2: Final = (
    Column(
        "request_id",
        "text",
        lambda trace: trace.info.trace_id,
        "Trace id, tr- and 32 hex digits.",
    ),
    Column("trace", "object", lambda trace: trace, "Trace object; spans decode late."),
    Column(
        "timestamp_ms",
        "integer",
        lambda trace: trace.info.request_time,
        "Start, ms since the epoch (UTC).",
    ),
    Column(
        "status",
        "text",
        lambda trace: trace.info.state.value,
        "OK, ERROR, IN_PROGRESS or STATE_UNSPECIFIED.",
    ),
    Column(
        "execution_time_ms",
        "integer or missing",
        lambda trace: trace.info.execution_duration,
        "Duration in ms; missing while in progress.",
    ),
    _REQUEST,
    _RESPONSE,
    Column(
        "request_metadata",
        "entries",
        lambda trace: trace.info.trace_metadata,
        "Dictionary of the metadata.",
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
    ),
    Column("trace", "text", lambda trace: trace.to_json(), "The trace as JSON text."),
    Column(
        "client_request_id",
        "text",
        lambda trace: trace.info.client_request_id,
        "The app's own id of the request; may be missing.",
    ),
    Column(
        "state",
        "text",
        lambda trace: trace.info.state.value,
        "OK, ERROR, IN_PROGRESS or STATE_UNSPECIFIED.",
    ),
    Column(
        "request_time",
        "integer",
        lambda trace: trace.info.request_time,
        "Start, ms since the epoch (UTC).",
    ),
    Column(
        "execution_duration",
        "integer or missing",
        lambda trace: trace.info.execution_duration,
        "Duration in ms; missing while in progress.",
    ),
    _REQUEST,
    _RESPONSE,
    Column(
        "trace_metadata",
        "entries",
        lambda trace: trace.info.trace_metadata,
        "Dictionary of the metadata.",
    ),
    _TAGS,
    _SPANS,
    Column(
        "assessments",
        "object",
        lambda trace: list(trace.info.assessments),
        "List of assessments.",
    ),
)

LAYOUTS: Final[Mapping[str, tuple[Column, ...]]] = {"v2": _V2, "v3": _V3}


def columns_of_layout(layout: str) -> tuple[Column, ...]:
    """Return the columns of a layout, in order.

    Raises:
        InvalidArgumentError: when there is no such layout.
    """
    try:
        return LAYOUTS[layout]
    except KeyError:
        known = " or ".join(repr(name) for name in LAYOUTS)
        raise InvalidArgumentError(f"layout is {layout!r}: write {known}.") from None
