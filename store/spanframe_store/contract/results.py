"""What a store answers: found traces, column by column, and facts about the store."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final, NamedTuple, Protocol

from spanframe_store.contract.search import Cursor
from spanframe_store.contract.spans import Interned

__all__ = [
    "NO_TRACES",
    "ClauseUse",
    "Codec",
    "Copied",
    "Experiment",
    "KnownField",
    "Origin",
    "Page",
    "Rederived",
    "Report",
    "SpanBlock",
    "SpanColumns",
    "SpanPage",
    "TraceColumns",
]


class TraceColumns(NamedTuple):
    """Traces column by column, all columns of one length.

    Attributes:
        trace_id: the 16 bytes of the OpenTelemetry trace id.
        timestamp_ms: the start, milliseconds since the epoch; 0: unknown.
        execution_time_ms: the duration in milliseconds; None while in progress.
        status: ``OK``, ``ERROR``, ``IN_PROGRESS``.
        tags: with those that follow from the trace, ``mlflow.traceName`` among them.
        metadata: with what follows from the trace, ``mlflow.traceInputs`` among it.
    """

    trace_id: Sequence[bytes]
    experiment_id: Sequence[int]
    timestamp_ms: Sequence[int]
    execution_time_ms: Sequence[int | None]
    status: Sequence[str]
    client_request_id: Sequence[str | None]
    request_preview: Sequence[str | None]
    response_preview: Sequence[str | None]
    tags: Sequence[dict[str, str]]
    metadata: Sequence[dict[str, str]]


NO_TRACES: Final = TraceColumns(*((),) * len(TraceColumns._fields))


class Codec(Protocol):
    """Decompresses blocks of spans; safe to share between threads, can be pickled."""

    def unpack(self, block: bytes) -> bytes:
        """Return a block as the OTLP ScopeSpans message it holds.

        Raises:
            StoreError: it cannot be read.
        """


class SpanBlock(NamedTuple):
    """Spans of one trace as a store keeps them: compressed, of one origin.

    Attributes:
        origin: the digests of their resource and of their scope, joined.
        scope: the OTLP InstrumentationScope.
        codec: what decompresses the body.
        body: an OTLP ScopeSpans message, compressed.
        trace_id: the 16 bytes of their trace id, for errors.
        resource: their OTLP Resource, where it was asked for.
    """

    origin: bytes
    scope: bytes
    codec: Codec
    body: bytes
    trace_id: bytes = bytes(16)
    resource: bytes = b""


class Origin(NamedTuple):
    """The resource and the scope that the spans of a block came with."""

    resource: Interned
    scope: Interned


class Page(NamedTuple):
    """Traces in the order of their search.

    Attributes:
        traces: the traces.
        spans: the stored spans of each trace, in blocks; None when none were read.
        end: where the next page starts; None when no trace follows.
    """

    traces: TraceColumns
    spans: Sequence[Sequence[SpanBlock]] | None = None
    end: Cursor | None = None


class SpanColumns(NamedTuple):
    """Spans column by column, all columns of one length.

    Attributes:
        trace_id: the 16 bytes of the OpenTelemetry trace id.
        span_id: the 8 bytes of the span id.
        parent_id: the 8 bytes of the parent's; None for a span without a parent.
        name: the name.
        type: ``LLM``, ``TOOL``, …, ``UNKNOWN``.
        service: the ``service.name`` of its resource; None without one.
        start_ns: nanoseconds since the epoch; 0: unknown.
        end_ns: nanoseconds since the epoch; 0: not ended.
        status: ``UNSET``, ``OK``, ``ERROR``.
        error_type: the type of the exception of a failed span; None: unknown.
        error_message: why it failed; None: it did not, or does not say.
        inputs: JSON text; None where it has none.
        outputs: JSON text; None where it has none.
        model: the called model; None: unknown.
        provider: who serves the model; None: unknown.
        input_tokens: tokens; None: unknown.
        output_tokens: tokens; None: unknown.
        total_tokens: tokens; None: unknown.
        cost_usd: the cost; None: unknown.
        attributes: for each attribute that was asked for, its values, decoded; None
            where a span lacks it.
    """

    trace_id: Sequence[bytes]
    span_id: Sequence[bytes]
    parent_id: Sequence[bytes | None]
    name: Sequence[str]
    type: Sequence[str]
    service: Sequence[str | None]
    start_ns: Sequence[int]
    end_ns: Sequence[int]
    status: Sequence[str]
    error_type: Sequence[str | None]
    error_message: Sequence[str | None]
    inputs: Sequence[str | None]
    outputs: Sequence[str | None]
    model: Sequence[str | None]
    provider: Sequence[str | None]
    input_tokens: Sequence[int | None]
    output_tokens: Sequence[int | None]
    total_tokens: Sequence[int | None]
    cost_usd: Sequence[float | None]
    attributes: Sequence[Sequence[Any]]


class SpanPage(NamedTuple):
    """Spans in the order of the traces of their search, in a trace by start.

    Attributes:
        spans: the spans.
        end: where the next page starts; None when no span follows.
    """

    spans: SpanColumns
    end: Cursor | None = None


class ClauseUse(NamedTuple):
    """How one clause of a search is answered.

    Attributes:
        clause: the clause, in its one spelling.
        uses: the index it uses; empty when it uses none.
        reads: what is read for it.
        scans: whether that grows with the store, because no clause narrows the search.
    """

    clause: str
    uses: str
    reads: str
    scans: bool


@dataclass(frozen=True, slots=True)
class KnownField:
    """A field that traces of a store have.

    Attributes:
        field: as a filter writes it.
        type: ``text`` or ``number``.
        count: how many traces, or sampled spans, have it.
        example: a value, cut.
    """

    field: str
    type: str
    count: int
    example: str


_NO_TAGS: Final[Mapping[str, str]] = MappingProxyType({})


class Experiment(NamedTuple):
    """A namespace of traces."""

    experiment_id: int
    name: str
    creation_time_ms: int
    artifact_location: str | None = None
    tags: Mapping[str, str] = _NO_TAGS


class Report(NamedTuple):
    """The state of a store; sizes in bytes, None where the engine has no such file.

    Attributes:
        version: of the tables; None: there are none.
        expected_version: what this code reads and writes.
        engine_version: of the database, with a word of caution where it needs one;
            None where it does not matter.
        problems: what an integrity check found; empty: the store is whole.
        rows: the number of rows by table.
    """

    version: str | None
    expected_version: str
    engine_version: str | None
    problems: list[str]
    rows: dict[str, int]
    file_bytes: int | None
    wal_bytes: int | None


class Copied(NamedTuple):
    """What a copy has done: traces that were copied, and that were there already."""

    copied: int
    equal: int


class Rederived(NamedTuple):
    """What deriving a portion of the traces again has done.

    Attributes:
        traces: how many traces the portion had; 0: none is left.
        after: where the next portion starts.
        damaged: the ids of those whose spans cannot be read, which stay as they are.
    """

    traces: int
    after: int
    damaged: Sequence[bytes]
