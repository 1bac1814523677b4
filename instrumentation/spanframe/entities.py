"""Entities of a trace: names of span types, states of a span, events, links.

Those that an app writes are defined here; those that a search returns (`Trace`, `Span`,
…) are resolved on first use.
"""

import dataclasses
import enum
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from spanframe import _lazy

if TYPE_CHECKING:
    from spanframe_query.entities import *  # noqa: F403 - what `ENTITIES` lists

__all__ = [
    "Link",
    "MlflowExperimentLocation",
    "SpanEvent",
    "SpanLogLevel",
    "SpanStatus",
    "SpanStatusCode",
    "SpanType",
]
__all__ += list(_lazy.ENTITIES)


class SpanType:
    """Span types that tools know; any other text is a type as well."""

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


class SpanLogLevel(enum.IntEnum):
    """Level of a span; an integer, as in `logging`."""

    DEBUG = 10
    INFO = 20
    WARNING = 30
    ERROR = 40
    CRITICAL = 50


class SpanStatusCode(str, enum.Enum):  # noqa: UP042 - str() as in MLflow
    """Status code of a span; equal to its own name as text."""

    UNSET = "UNSET"
    OK = "OK"
    ERROR = "ERROR"


@dataclasses.dataclass(frozen=True)
class SpanStatus:
    """Status of a span: the code, and a description of an error."""

    status_code: SpanStatusCode
    description: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "status_code", SpanStatusCode(self.status_code))


@dataclasses.dataclass(frozen=True)
class SpanEvent:
    """Event of a span; ``timestamp`` in epoch nanoseconds."""

    name: str
    timestamp: int = dataclasses.field(default_factory=time.time_ns)
    attributes: Mapping[str, Any] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True)
class Link:
    """Link to a span of another trace, by request id (``tr-…``) and span id (hex)."""

    trace_id: str
    span_id: str
    attributes: Mapping[str, Any] | None = None


@dataclasses.dataclass(frozen=True, slots=True)
class MlflowExperimentLocation:
    """An experiment, by its id as text."""

    experiment_id: str


if not TYPE_CHECKING:  # a type checker would take any name for one of ours
    __getattr__, __dir__ = _lazy.attributes(__name__, __all__, _lazy.ENTITIES)
