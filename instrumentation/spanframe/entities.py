"""The entities of a trace: names of span types, states of a span, events, links.

Those an app writes are here; those a search returns (`Trace`, `Span`, …) come from the
query room on first use.
"""

import dataclasses
import enum
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from spanframe import _lazy

if TYPE_CHECKING:
    from spanframe_query.entities import (
        Experiment,
        MlflowExperimentLocation,
        PagedList,
        Session,
        Span,
        Trace,
        TraceData,
        TraceInfo,
        TraceLocation,
        TraceState,
        TraceStatus,
    )

__all__ = [
    "Experiment",
    "Link",
    "MlflowExperimentLocation",
    "PagedList",
    "Session",
    "Span",
    "SpanEvent",
    "SpanStatus",
    "SpanStatusCode",
    "SpanType",
    "Trace",
    "TraceData",
    "TraceInfo",
    "TraceLocation",
    "TraceState",
    "TraceStatus",
]


class SpanType:
    """The span types tools know; any other text is a type as well."""

    LLM: Final = "LLM"
    CHAIN: Final = "CHAIN"
    AGENT: Final = "AGENT"
    TOOL: Final = "TOOL"
    CHAT_MODEL: Final = "CHAT_MODEL"
    RETRIEVER: Final = "RETRIEVER"
    PARSER: Final = "PARSER"
    EMBEDDING: Final = "EMBEDDING"
    RERANKER: Final = "RERANKER"
    MEMORY: Final = "MEMORY"
    UNKNOWN: Final = "UNKNOWN"
    WORKFLOW: Final = "WORKFLOW"
    TASK: Final = "TASK"
    GUARDRAIL: Final = "GUARDRAIL"
    EVALUATOR: Final = "EVALUATOR"


class SpanStatusCode(str, enum.Enum):  # noqa: UP042 - str() as in MLflow
    """How a span ended; equal to its own name as text."""

    UNSET = "UNSET"
    OK = "OK"
    ERROR = "ERROR"


@dataclasses.dataclass(frozen=True)
class SpanStatus:
    """The status of a span: the code, and for errors what happened."""

    status_code: SpanStatusCode
    description: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "status_code", SpanStatusCode(self.status_code))


@dataclasses.dataclass(frozen=True)
class SpanEvent:
    """Something that happened at one moment of a span; ``timestamp`` in epoch ns."""

    name: str
    timestamp: int = dataclasses.field(default_factory=time.time_ns)
    attributes: Mapping[str, Any] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True)
class Link:
    """A link to a span of another trace, by request id (``tr-…``) and span id (hex)."""

    trace_id: str
    span_id: str
    attributes: Mapping[str, Any] = dataclasses.field(default_factory=dict)


_FOUND: Final = (
    "Experiment",
    "MlflowExperimentLocation",
    "PagedList",
    "Session",
    "Span",
    "Trace",
    "TraceData",
    "TraceInfo",
    "TraceLocation",
    "TraceState",
    "TraceStatus",
)

if not TYPE_CHECKING:  # a type checker would take any name for one of ours
    __getattr__, __dir__ = _lazy.attributes(
        __name__, __all__, dict.fromkeys(_FOUND, "spanframe_query.entities")
    )
