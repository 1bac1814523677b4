"""What a span holds: read from the stored OTLP message, or from a dictionary.

Attributes are kept as JSON text, one text a key, as MLflow 3.17 keeps them: the text
of an ``mlflow.*`` attribute travels as it arrived, and whoever reads a value decodes
one JSON layer.
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from typing import Any, Final, NamedTuple

from google.protobuf.message import DecodeError
from opentelemetry.proto.common.v1.common_pb2 import InstrumentationScope, KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import ScopeSpans
from opentelemetry.proto.trace.v1.trace_pb2 import Span as OtlpSpan

from spanframe import keys
from spanframe.entities import Link, SpanEvent, SpanStatus, SpanStatusCode
from spanframe.errors import StoreError
from spanframe_store.contract.results import SpanBlock
from spanframe_store.contract.spans import SpanRow
from spanframe_store.contract.texts import stored_text
from spanframe_store.otlp import span_digest
from spanframe_store.otlp.anyvalue import NOT_JSON, json_text, plain
from spanframe_store.otlp.anyvalue import loads as json_value
from spanframe_store.otlp.conventions import EVENT_NAMES, derive
from spanframe_store.otlp.envelope import join_spans, split_spans
from spanframe_store.otlp.facts import without_json_layer
from spanframe_store.otlp.precedence import (
    Order,
    parent_id,
    precedence,
    rank_of,
    signed_id,
)

__all__ = [
    "REQUEST_ID_ATTRIBUTE",
    "PlainCodec",
    "SpanContent",
    "StoredSpan",
    "decode_body",
    "in_order",
    "loads",
    "newest_versions",
    "open_block",
    "plain_blocks",
    "spans_of",
]

REQUEST_ID_ATTRIBUTE: Final = "mlflow.traceRequestId"

_JSON_PREFIX: Final = "mlflow."
_MLFLOW_SCOPE: Final = "mlflow."
# The wire carries these as plain text whoever sends them.
_PLAIN_PREFIXES: Final = (keys.TAG_PREFIX, "spanframe.")
_NO_SPAN: Final = bytes(8)
_CODES: Final = {1: SpanStatusCode.OK, 2: SpanStatusCode.ERROR}


def open_block(block: SpanBlock) -> tuple[bytes, Sequence[OtlpSpan]]:
    """Return the message of a block, decompressed, and the spans in it.

    Raises:
        StoreError: when the stored bytes are not spans.
    """
    message = block.codec.unpack(block.body)
    try:
        return message, ScopeSpans.FromString(message).spans
    except DecodeError as error:
        raise _damaged() from error


class PlainCodec:
    """The codec of blocks that are not compressed."""

    def unpack(self, block: bytes) -> bytes:
        """Return the block as it is."""
        return block


def plain_blocks(rows: Iterable[SpanRow]) -> list[SpanBlock]:
    """Return the spans of a trace in blocks, one for each scope of each resource."""
    origins: dict[bytes, list[SpanRow]] = {}
    for row in rows:
        origin = row.resource.digest + row.scope.digest
        origins.setdefault(origin, []).append(row)
    return [
        SpanBlock(
            origin,
            group[0].scope.body,
            PlainCodec(),
            join_spans([row.body for row in group]),
        )
        for origin, group in origins.items()
    ]


def spans_of(block: SpanBlock) -> Iterator["StoredSpan"]:
    """Yield the spans of a block.

    Raises:
        StoreError: when the stored bytes are not spans.
    """
    message, spans = open_block(block)
    for position, span in enumerate(spans):
        yield StoredSpan(span, block.scope, block.origin, message, position)


class StoredSpan(NamedTuple):
    """A span of a block, its attributes not read yet."""

    message: OtlpSpan
    scope: bytes
    origin: bytes
    block: bytes
    position: int

    @property
    def name(self) -> str:
        """The name; what no store can hold of it is replaced."""
        return stored_text(self.message.name)

    @property
    def start_ns(self) -> int:
        """The start, in nanoseconds since the epoch; 0: not set."""
        return self.message.start_time_unix_nano

    @property
    def end_ns(self) -> int:
        """The end, in nanoseconds since the epoch; 0: not ended."""
        return self.message.end_time_unix_nano

    @property
    def parent(self) -> bytes | None:
        """The id of the parent; None: a span without a parent."""
        parent = self.message.parent_span_id
        return parent if parent and parent != _NO_SPAN else None

    @property
    def digest(self) -> int:
        """What tells it apart from another body under the same id."""
        return span_digest(split_spans(self.block)[self.position], self.origin)


class SpanContent(NamedTuple):
    """Everything a span says, ids as bytes, attributes as JSON text by key."""

    trace_id: bytes
    span_id: bytes
    parent_span_id: bytes | None
    name: str
    start_ns: int
    end_ns: int
    status: SpanStatus
    attributes: dict[str, str]
    events: tuple[SpanEvent, ...]
    links: tuple[Link, ...]


def newest_versions(spans: Iterable[StoredSpan]) -> list[StoredSpan]:
    """Keep one span for each span id: the one that ended last, then by digest."""
    newest: dict[bytes, StoredSpan] = {}
    for span in spans:
        known = newest.setdefault(span.message.span_id, span)
        if known is not span and (span.end_ns, span.digest) > (
            known.end_ns,
            known.digest,
        ):
            newest[span.message.span_id] = span
    return list(newest.values())


def in_order(spans: Sequence[StoredSpan]) -> list[StoredSpan]:
    """Sort spans: the one that speaks for the trace, then by start, ties by id.

    The first is the one that the collector chooses for the trace row
    (`spanframe_store.otlp.precedence`).
    """
    if not spans:
        return []
    orders = [_precedence(span) for span in spans]
    first = max(orders)
    heads = [span for span, order in zip(spans, orders, strict=True) if order == first]
    # A digest costs a hash, and one is needed where two spans have the same id.
    head = heads[0] if len(heads) == 1 else max(heads, key=lambda span: span.digest)
    rest = sorted(
        (span for span in spans if span is not head),
        key=lambda span: (span.start_ns, signed_id(span.message.span_id)),
    )
    return [head, *rest]


def _precedence(span: StoredSpan) -> Order:
    message = span.message
    rank = rank_of(parent_id(message.parent_span_id), message.flags)
    span_id = signed_id(message.span_id)
    return precedence(rank, span.start_ns, span.end_ns, span_id, digest=0)


def decode_body(stored: StoredSpan) -> SpanContent:
    """Read the OTLP message of a stored span.

    What a known convention says of inputs, outputs, type, model and tokens is added
    under MLflow's keys, and the request id as ``mlflow.traceRequestId``; MLflow 3.17
    shows the same.

    Raises:
        StoreError: when the bytes of its scope are not one.
    """
    span = stored.message
    return SpanContent(
        trace_id=span.trace_id,
        span_id=span.span_id,
        parent_span_id=stored.parent,
        name=stored.name,
        start_ns=span.start_time_unix_nano,
        end_ns=span.end_time_unix_nano,
        status=SpanStatus(
            _CODES.get(span.status.code, SpanStatusCode.UNSET), span.status.message
        ),
        attributes=_attributes(span, json_layer=_writes_json(stored.scope)),
        events=tuple(
            SpanEvent(event.name, event.time_unix_nano, _values(event.attributes))
            for event in span.events
        ),
        links=tuple(
            Link(
                keys.request_id(link.trace_id),
                link.span_id.hex(),
                _values(link.attributes),
            )
            for link in span.links
        ),
    )


def loads(text: str) -> Any:
    """Decode a JSON text; a text that is not JSON is its own value."""
    value = json_value(text)
    return text if value is NOT_JSON else value


def _damaged() -> StoreError:
    return StoreError(
        "A stored span cannot be decoded: the store is damaged. "
        "`spanframe db check` names what else is."
    )


@lru_cache(maxsize=1024)
def _writes_json(scope: bytes) -> bool:
    """Tell whether a scope writes every attribute as JSON text, as MLflow's does."""
    try:
        name = InstrumentationScope.FromString(scope).name
    except DecodeError as error:
        raise _damaged() from error
    return bool(name.startswith(_MLFLOW_SCOPE))


def _attributes(span: OtlpSpan, *, json_layer: bool) -> dict[str, str]:
    values = {kv.key: plain(kv.value) for kv in span.attributes}
    known = without_json_layer(values) if json_layer else values
    derived = derive(known, _conventional_events(span) if span.events else ())
    own = {keys.SPAN_INPUTS: derived.inputs, keys.SPAN_OUTPUTS: derived.outputs}
    texts = {
        # What is derived has been parsed once: inputs and outputs may be large.
        key: own[key] or "null" if key in own else _text(key, value, json_layer)
        for key, value in values.items()
    }
    texts |= {key: text for key, text in own.items() if text is not None}
    texts[keys.SPAN_TYPE] = json_text(derived.span_type)
    texts[REQUEST_ID_ATTRIBUTE] = json_text(keys.request_id(span.trace_id))
    if derived.model is not None:
        texts.setdefault(keys.LLM_MODEL, json_text(derived.model))
    if derived.provider is not None:
        texts.setdefault(keys.LLM_PROVIDER, json_text(derived.provider))
    if derived.usage is not None:
        counts = derived.usage._asdict().items()
        usage = {name: count for name, count in counts if count is not None}
        texts.setdefault(keys.CHAT_USAGE, json_text(usage))
    return texts


def _conventional_events(span: OtlpSpan) -> list[tuple[str, dict[str, Any]]]:
    return [
        (event.name, {kv.key: plain(kv.value) for kv in event.attributes})
        for event in span.events
        if event.name in EVENT_NAMES
    ]


def _text(key: str, value: Any, json_layer: bool) -> str:
    """Return the JSON text of an attribute; text that already is JSON as it is."""
    if not isinstance(value, str):
        return json_text(value)
    carries_json = json_layer or key.startswith(_JSON_PREFIX)
    if carries_json and not key.startswith(_PLAIN_PREFIXES):
        return value if json_value(value) is not NOT_JSON else json_text(value)
    return json_text(value)


def _values(pairs: Iterable[KeyValue]) -> dict[str, Any]:
    """Return values as JSON can hold them: bytes are base64 text."""
    return {pair.key: json.loads(json_text(plain(pair.value))) for pair in pairs}
