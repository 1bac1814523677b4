"""Entities of a trace: names of span types, states of a span, events, links.

Those that an app writes are defined here; those that a search returns (`Trace`, `Span`,
…) are resolved on first use.
"""

import copy
import dataclasses
import enum
import json
import time
import traceback
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final, Self

from opentelemetry.trace.status import Status, StatusCode

from spanframe import _lazy, keys
from spanframe._mlflow_names import Explained
from spanframe.errors import InvalidArgumentError

if TYPE_CHECKING:
    from spanframe._live import LiveSpan as LiveSpan  # noqa: PLC0414 - exported
    from spanframe._live import NoOpSpan as NoOpSpan  # noqa: PLC0414 - likewise
    from spanframe_query.entities import *  # noqa: F403 - what `ENTITIES` lists

__all__ = [
    "Document",
    "Link",
    "MlflowExperimentLocation",
    "SpanEvent",
    "SpanLogLevel",
    "SpanStatus",
    "SpanStatusCode",
    "SpanType",
]
__all__ += list(_lazy.ENTITIES | _lazy.LIVE)

__path__: list[str] = []  # so that Python asks `_modules` for `spanframe.entities.span`


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
class SpanStatus(Explained):
    """Status of a span: the code, and a description of an error.

    Raises:
        InvalidArgumentError: for a text that is not a code.
    """

    status_code: SpanStatusCode
    description: str = ""

    def __post_init__(self) -> None:
        try:
            code = SpanStatusCode(self.status_code)
        except ValueError:
            raise InvalidArgumentError(
                f"{self.status_code!r} is not a status of a span; write 'OK', 'ERROR' "
                "or 'UNSET'"
            ) from None
        object.__setattr__(self, "status_code", code)

    def to_otel_status(self) -> Status:
        """Return the status as OpenTelemetry's; only that of an error is described."""
        code = StatusCode[self.status_code.name]
        return Status(code, self.description if code is StatusCode.ERROR else None)

    @classmethod
    def from_otel_status(cls, otel_status: Status) -> Self:
        """Read a status of OpenTelemetry."""
        code = SpanStatusCode(otel_status.status_code.name)
        return cls(code, otel_status.description or "")


@dataclasses.dataclass(frozen=True)
class SpanEvent(Explained):
    """Event of a span; ``timestamp`` in epoch nanoseconds."""

    name: str
    timestamp: int = dataclasses.field(default_factory=time.time_ns)
    attributes: Mapping[str, Any] = dataclasses.field(default_factory=dict)

    @classmethod
    def from_exception(cls, exception: BaseException) -> Self:
        """Return the event of an exception, as `LiveSpan.record_exception` adds it."""
        return cls(
            keys.EXCEPTION_EVENT,
            attributes={
                keys.EXCEPTION_MESSAGE: str(exception),
                keys.EXCEPTION_TYPE: type(exception).__name__,
                keys.EXCEPTION_STACKTRACE: "".join(
                    traceback.format_exception(exception)
                ).strip(),
            },
        )

    def json(self) -> dict[str, Any]:
        """Return the event as a dictionary, its attributes as JSON text."""
        attributes = json.dumps(dict(self.attributes), default=str)
        return {
            "name": self.name,
            "timestamp": self.timestamp,
            "attributes": attributes if self.attributes else None,
        }


@dataclasses.dataclass(frozen=True)
class Link(Explained):
    """Link to a span of another trace, by request id (``tr-…``) and span id (hex)."""

    trace_id: str
    span_id: str
    attributes: Mapping[str, Any] | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return the link as a dictionary."""
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Read a link from a dictionary, with or without attributes.

        Raises:
            InvalidArgumentError: when an id is missing.
        """
        try:
            ids = data["trace_id"], data["span_id"]
        except KeyError as error:
            raise InvalidArgumentError(f"This link has no {error}.") from None
        return cls(*ids, data.get("attributes"))


@dataclasses.dataclass(frozen=True, slots=True)
class MlflowExperimentLocation(Explained):
    """An experiment, by its id as text."""

    experiment_id: str

    def to_dict(self) -> dict[str, Any]:
        """Return the location as a dictionary."""
        return {"experiment_id": self.experiment_id}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Read a location from its dictionary."""
        return cls(data["experiment_id"])


@dataclasses.dataclass
class Document:
    """A document that a retriever found; a span records it as its dictionary."""

    page_content: str
    metadata: dict[str, Any] = dataclasses.field(default_factory=dict)
    id: str | None = None

    @classmethod
    def from_langchain_document(cls, document: Any) -> Self:
        """Return a document of LangChain's."""
        metadata = copy.deepcopy(document.metadata)
        return cls(document.page_content, metadata, getattr(document, "id", None))

    @classmethod
    def from_llama_index_node_with_score(cls, node_with_score: Any) -> Self:
        """Return a node of LlamaIndex's, its score among the metadata."""
        node = node_with_score
        metadata = {"score": node.get_score(), **copy.deepcopy(node.metadata)}
        return cls(node.get_content(), metadata, node.node_id)

    def to_dict(self) -> dict[str, Any]:
        """Return the document as a dictionary."""
        return dataclasses.asdict(self)


if not TYPE_CHECKING:  # a type checker would take any name for one of ours
    __getattr__, __dir__ = _lazy.attributes(
        __name__, __all__, _lazy.ENTITIES | _lazy.LIVE
    )
