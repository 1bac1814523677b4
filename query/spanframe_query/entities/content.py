"""What a span holds: read from the stored OTLP message, or from a dictionary.

Attributes are kept as JSON text, one text a key, as MLflow 3.17 keeps them: the text
of an ``mlflow.*`` attribute travels as it arrived, and whoever reads a value decodes
one JSON layer.
"""

import json
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any, Final, NamedTuple

from google.protobuf.message import DecodeError
from opentelemetry.proto.common.v1.common_pb2 import InstrumentationScope, KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span as OtlpSpan

from spanframe import keys
from spanframe.entities import Link, SpanEvent, SpanStatus, SpanStatusCode
from spanframe.errors import StoreError
from spanframe_collector.decode.anyvalue import NOT_JSON, json_text, plain
from spanframe_collector.decode.anyvalue import loads as json_value
from spanframe_collector.decode.conventions import EVENT_NAMES, derive
from spanframe_collector.decode.facts import without_json_layer

__all__ = [
    "REQUEST_ID_ATTRIBUTE",
    "SpanContent",
    "StoredSpan",
    "decode_body",
    "in_order",
    "loads",
    "newest_versions",
]

REQUEST_ID_ATTRIBUTE: Final = "mlflow.traceRequestId"

_JSON_PREFIX: Final = "mlflow."
_MLFLOW_SCOPE: Final = "mlflow."
# The wire carries these as plain text whoever sends them.
_PLAIN_PREFIXES: Final = (keys.TAG_PREFIX, "spanframe.")
_NO_SPAN: Final = bytes(8)
# OTLP Span.flags: bit 8, it is known whether the parent is remote; bit 9, it is.
_PARENT_IS_REMOTE: Final = 0x300
_CODES: Final = {1: SpanStatusCode.OK, 2: SpanStatusCode.ERROR}
_LATEST: Final = 1 << 63


class StoredSpan(NamedTuple):
    """One row of the span table, its body not decoded yet."""

    span_id: int
    parent_span_id: int | None
    digest: int
    name: str
    start_ns: int
    end_ns: int
    scope: bytes
    body: bytes


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


def newest_versions(rows: Iterable[StoredSpan]) -> list[StoredSpan]:
    """Keep one row for each span id: the one that ended last, then by digest."""
    newest: dict[int, StoredSpan] = {}
    for row in rows:
        known = newest.get(row.span_id)
        if known is None or (row.end_ns, row.digest) > (known.end_ns, known.digest):
            newest[row.span_id] = row
    return list(newest.values())


def in_order(rows: Sequence[StoredSpan]) -> list[StoredSpan]:
    """Sort spans: the one that speaks for the trace, then by start, ties by id.

    The first is chosen as the collector chooses it for the trace row: a span without
    a parent before one whose parent is in another process before any other; among
    equals the one that starts first, then the one that ends last.
    """
    if not rows:
        return []
    head = max(rows, key=_precedence)
    rest = sorted(
        (row for row in rows if row is not head),
        key=lambda row: (row.start_ns, row.span_id),
    )
    return [head, *rest]


def _precedence(row: StoredSpan) -> tuple[int, int, int, int, int]:
    first = -row.start_ns if row.start_ns else -_LATEST
    return (_rank(row), first, row.end_ns, row.span_id, row.digest)


def _rank(row: StoredSpan) -> int:
    if row.parent_span_id is None:
        return 2
    flags = _parse(row.body).flags
    return 1 if flags & _PARENT_IS_REMOTE == _PARENT_IS_REMOTE else 0


def decode_body(row: StoredSpan) -> SpanContent:
    """Decode the OTLP message of a stored span.

    What a known convention says of inputs, outputs, type, model and tokens is added
    under MLflow's keys, and the request id as ``mlflow.traceRequestId``; MLflow 3.17
    shows the same.

    Raises:
        StoreError: when the stored bytes are not a span.
    """
    span = _parse(row.body)
    parent = span.parent_span_id
    return SpanContent(
        trace_id=span.trace_id,
        span_id=span.span_id,
        parent_span_id=parent if parent and parent != _NO_SPAN else None,
        name=row.name,
        start_ns=span.start_time_unix_nano,
        end_ns=span.end_time_unix_nano,
        status=SpanStatus(
            _CODES.get(span.status.code, SpanStatusCode.UNSET), span.status.message
        ),
        attributes=_attributes(span, json_layer=_writes_json(row.scope)),
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


def _parse(body: bytes) -> OtlpSpan:
    try:
        return OtlpSpan.FromString(body)
    except DecodeError as error:
        raise _damaged() from error


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
