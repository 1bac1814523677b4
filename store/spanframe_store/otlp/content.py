"""The content of a span, decoded from its OTLP message.

Attributes stay JSON text, one text per key, as MLflow 3.17 keeps them: the text of an
``mlflow.*`` attribute stays as it arrived, and a reader of a value decodes one layer of
JSON (`spanframe_store.otlp.anyvalue`). Attributes that carry facts of the trace are
left out.
"""

from collections.abc import Iterable
from functools import lru_cache
from typing import Any, Final, NamedTuple

from google.protobuf.message import DecodeError
from opentelemetry.proto.common.v1.common_pb2 import InstrumentationScope, KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span as OtlpSpan

from spanframe import keys
from spanframe.entities import Link, SpanEvent, SpanStatus, SpanStatusCode
from spanframe_store.otlp.anyvalue import (
    NOT_JSON,
    decoded_text,
    json_text,
    loads_shallow,
    plain,
    plain_values,
    read_text,
    read_value,
)
from spanframe_store.otlp.anyvalue import loads as json_value
from spanframe_store.otlp.conventions import (
    EVENT_NAMES,
    Cost,
    Derived,
    Usage,
    derive,
)
from spanframe_store.otlp.facts import without_json_layer
from spanframe_store.otlp.failures import Outcome, outcome_of
from spanframe_store.otlp.stored_spans import StoredSpan, undecodable
from spanframe_store.otlp.usage import COMPUTED, STATED

__all__ = [
    "DERIVED_KEYS",
    "REQUEST_ID_ATTRIBUTE",
    "SpanContent",
    "SpanReading",
    "attribute_texts",
    "decode_body",
    "derived_value",
    "loads",
    "read_span",
]

REQUEST_ID_ATTRIBUTE: Final = "mlflow.traceRequestId"
"""The attribute that MLflow adds to every span: the request id, as JSON text."""

_OWN: Final = frozenset({keys.SPAN_INPUTS, keys.SPAN_OUTPUTS, keys.SPAN_TYPE})
DERIVED_KEYS: Final = _OWN | {
    REQUEST_ID_ATTRIBUTE,
    keys.LLM_MODEL,
    keys.LLM_PROVIDER,
    keys.CHAT_USAGE,
    keys.LLM_COST,
    keys.COST_SOURCE,
}
"""Keys of MLflow's that a span has in any convention."""

_JSON_PREFIX: Final = "mlflow."
_MLFLOW_SCOPE: Final = "mlflow."
_CODES: Final = {1: SpanStatusCode.OK, 2: SpanStatusCode.ERROR}


class SpanContent(NamedTuple):
    """The whole content of a span, ids as bytes, attributes as JSON text by key."""

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


class SpanReading(NamedTuple):
    """What is read of a span before any attribute is written as JSON text.

    Attributes:
        values: its attributes as plain values.
        decoded: the same without the JSON layer of MLflow's SDK.
        json_layer: whether its scope writes every attribute as JSON text.
        outcome: how it ended.
        derived: what the conventions make of it.
    """

    values: dict[str, Any]
    decoded: dict[str, Any]
    json_layer: bool
    outcome: Outcome
    derived: Derived

    @property
    def status(self) -> SpanStatusCode:
        """The status of the span."""
        return _CODES.get(self.outcome.code, SpanStatusCode.UNSET)


def read_span(span: OtlpSpan, scope: bytes) -> SpanReading:
    """Read a span: its attributes, its outcome, and what the conventions make of it.

    Args:
        span: the span.
        scope: its OTLP InstrumentationScope.

    Raises:
        StoreError: when the bytes of the scope are not an InstrumentationScope.
    """
    values = plain_values(span.attributes)
    try:
        json_layer = _writes_json(scope)
    except DecodeError as error:
        raise undecodable(span.trace_id) from error
    decoded = without_json_layer(values) if json_layer else values
    derived = derive(decoded, _conventional_events(span) if span.events else ())
    return SpanReading(values, decoded, json_layer, outcome_of(span, decoded), derived)


def decode_body(stored: StoredSpan) -> SpanContent:
    """Decode the OTLP message of a stored span.

    Inputs, outputs, type, model, tokens and cost that a known convention states are
    added under MLflow's keys, and the request id as ``mlflow.traceRequestId``, as in
    MLflow 3.17.

    Raises:
        StoreError: when the bytes of the scope are not an InstrumentationScope.
    """
    span = stored.message
    reading = read_span(span, stored.scope)
    return SpanContent(
        trace_id=span.trace_id,
        span_id=span.span_id,
        parent_span_id=stored.parent_span_id,
        name=stored.name,
        start_ns=span.start_time_unix_nano,
        end_ns=span.end_time_unix_nano,
        status=SpanStatus(reading.status, reading.outcome.message),
        attributes=attribute_texts(span, reading),
        events=tuple(
            SpanEvent(event.name, event.time_unix_nano, _values(event.attributes))
            for event in span.events
        ),
        links=tuple(
            Link(
                keys.request_id(link.trace_id),
                link.span_id.hex(),
                _values(link.attributes) or None,
            )
            for link in span.links
        ),
    )


def loads(text: str) -> Any:
    """Decode JSON text; return a text that is not JSON, or nests deep, as it is."""
    value = loads_shallow(text)
    return text if value is NOT_JSON else value


@lru_cache(maxsize=1024)
def _writes_json(scope: bytes) -> bool:
    """Return whether a scope writes every attribute as JSON text, as MLflow's does."""
    name = InstrumentationScope.FromString(scope).name
    return bool(name.startswith(_MLFLOW_SCOPE))


def attribute_texts(span: OtlpSpan, reading: SpanReading) -> dict[str, str]:
    """Return the attributes of a span as JSON text by key, derived ones included."""
    values, _, json_layer, _, derived = reading
    own = {keys.SPAN_INPUTS: derived.inputs, keys.SPAN_OUTPUTS: derived.outputs}
    texts = {
        # `derive` has parsed inputs and outputs, which may be large, once.
        key: own[key] or "null" if key in own else _text(key, value, json_layer)
        for key, value in values.items()
        if not keys.carries_trace_fact(key, values)
    }
    said = _said(derived)
    texts |= {key: text for key, text in said.items() if key in _OWN}
    texts[REQUEST_ID_ATTRIBUTE] = json_text(keys.request_id(span.trace_id))
    return texts | {key: said[key] for key in said if key not in texts}


def derived_value(span: OtlpSpan, key: str) -> Any:
    """Return the value that a convention states under one of `DERIVED_KEYS`, or None.

    It is that of the content of a span which does not state the key itself.
    """
    if key == REQUEST_ID_ATTRIBUTE:
        return keys.request_id(span.trace_id)
    events = _conventional_events(span) if span.events else ()
    text = _said(derive(plain_values(span.attributes), events)).get(key)
    return None if text is None else loads(text)


def _said(derived: Derived) -> dict[str, str]:
    """Return what conventions say of a span, as JSON text under MLflow's keys."""
    said: dict[str, Any] = {
        keys.SPAN_TYPE: derived.span_type,
        keys.LLM_MODEL: derived.model,
        keys.LLM_PROVIDER: derived.provider,
    }
    if derived.usage is not None:
        said[keys.CHAT_USAGE] = _known(derived.usage)
    if derived.cost is not None:
        cost = _known(derived.cost)
        said[keys.COST_SOURCE] = COMPUTED if cost.pop("is_computed") else STATED
        said[keys.LLM_COST] = cost
    texts = {key: json_text(value) for key, value in said.items() if value is not None}
    if derived.inputs is not None:
        texts[keys.SPAN_INPUTS] = derived.inputs
    if derived.outputs is not None:
        texts[keys.SPAN_OUTPUTS] = derived.outputs
    return texts


def _known(counts: Usage | Cost) -> dict[str, Any]:
    return {name: each for name, each in counts._asdict().items() if each is not None}


def _conventional_events(span: OtlpSpan) -> list[tuple[str, dict[str, Any]]]:
    return [
        (event.name, {kv.key: plain(kv.value) for kv in event.attributes})
        for event in span.events
        if event.name in EVENT_NAMES
    ]


def _text(key: str, value: Any, json_layer: bool) -> str:
    """Return the JSON text of an attribute; text that already is JSON as it is.

    Numbers and words of JSON are such text only where all values are written as JSON.
    """
    if not isinstance(value, str):
        return read_text(value)
    if json_layer or key.startswith(_JSON_PREFIX):
        return value if json_value(value) is not NOT_JSON else json_text(value)
    return json_text(value) if decoded_text(value) is value else value


def _values(pairs: Iterable[KeyValue]) -> dict[str, Any]:
    """Return attributes of an event or a link; the text of ``mlflow.*`` as it is."""
    return {
        pair.key: (pair.key.startswith(_JSON_PREFIX) and pair.value.string_value)
        or read_value(pair.value)
        for pair in pairs
    }
