"""The results of searches: traces, spans, sessions, experiments."""

from spanframe.entities import (
    Link,
    MlflowExperimentLocation,
    SpanEvent,
    SpanStatus,
    SpanStatusCode,
)
from spanframe_query.entities.experiment import Experiment
from spanframe_query.entities.info import TraceInfo, TraceLocation, TraceLocationType
from spanframe_query.entities.paged_list import PagedList
from spanframe_query.entities.sessions import Session
from spanframe_query.entities.span import Span
from spanframe_query.entities.states import TraceState, TraceStatus
from spanframe_query.entities.trace import SpanDicts, Trace, TraceData

__all__ = [
    "Experiment",
    "Link",
    "MlflowExperimentLocation",
    "PagedList",
    "Session",
    "Span",
    "SpanDicts",
    "SpanEvent",
    "SpanStatus",
    "SpanStatusCode",
    "Trace",
    "TraceData",
    "TraceInfo",
    "TraceLocation",
    "TraceLocationType",
    "TraceState",
    "TraceStatus",
]
