"""The columns of the DataFrame in both layouts, defined once.

Layout ``v2`` is that of MLflow 2 and the default, ``v3`` is that of MLflow 3.17. Types
do not depend on the values: an empty result has the same types.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, Literal, NamedTuple

from spanframe.errors import InvalidArgumentError
from spanframe_query.entities import SpanDicts, Trace, TraceState
from spanframe_query.entities.found import FoundTraces

__all__ = ["LAYOUTS", "Column", "Kind", "columns_of_layout"]

Kind = Literal["text", "integer", "integer or missing", "entries", "object"]
"""The type of the cells of a column; `frame` maps each type to one dtype."""


class Column(NamedTuple):
    """A column of a result.

    Attributes:
        name: the name.
        kind: the type of its cells.
        cell: returns the cell of a trace.
        sentence: the description, for the documentation.
        found: returns all cells of the traces of a search without making the traces,
            which takes a third of the time.
    """

    name: str
    kind: Kind
    cell: Callable[[Trace], Any]
    sentence: str
    found: Callable[[FoundTraces], Sequence[Any]] | None = None

    def cells(self, traces: Sequence[Trace]) -> Sequence[Any]:
        """Return the cells of some traces, in their order."""
        if self.found is not None and isinstance(traces, FoundTraces):
            return self.found(traces)
        return [self.cell(trace) for trace in traces]


def _request(trace: Trace) -> Any:
    return trace.data.root_values().inputs if trace.has_spans else None


def _response(trace: Trace) -> Any:
    return trace.data.root_values().outputs if trace.has_spans else None


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


_REQUEST: Final = Column(
    "request",
    "object",
    _request,
    "Inputs of the root span, decoded from JSON; None: absent, or spans not asked for.",
    lambda found: [root.inputs for root in found.root_values],
)
_RESPONSE: Final = Column(
    "response",
    "object",
    _response,
    "Outputs of the root span, decoded from JSON; None like request.",
    lambda found: [root.outputs for root in found.root_values],
)
_SPANS: Final = Column(
    "spans",
    "object",
    _spans,
    "Sequence of dictionaries, one a span, each made when it is first asked for.",
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
        "object",
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
    _REQUEST,
    _RESPONSE,
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
    _REQUEST,
    _RESPONSE,
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
        "object",
        lambda trace: list(trace.info.assessments),
        "List of assessments.",
    ),
)

LAYOUTS: Final[Mapping[str, tuple[Column, ...]]] = {"v2": _V2, "v3": _V3}


def columns_of_layout(layout: str) -> tuple[Column, ...]:
    """Return the columns of a layout, in order.

    Raises:
        InvalidArgumentError: when the layout does not exist; the message lists them.
    """
    try:
        return LAYOUTS[layout]
    except KeyError:
        known = " or ".join(repr(name) for name in LAYOUTS)
        raise InvalidArgumentError(f"layout is {layout!r}: write {known}.") from None
