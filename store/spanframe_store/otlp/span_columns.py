"""Blocks of spans → columns: a tuple for each span, and no entity.

A search for a million spans reads each of them once, here.
"""

from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from typing import Any, Final, NamedTuple

from google.protobuf.message import DecodeError
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import Span as OtlpSpan

from spanframe import keys
from spanframe_store.contract.results import SpanBlock, SpanColumns
from spanframe_store.contract.search import SpanPlace
from spanframe_store.contract.texts import stored_text
from spanframe_store.otlp.anyvalue import json_text
from spanframe_store.otlp.content import (
    SpanReading,
    attribute_texts,
    loads,
    read_span,
)
from spanframe_store.otlp.conventions.values import Usage
from spanframe_store.otlp.failures import error_type_of
from spanframe_store.otlp.names import name_of
from spanframe_store.otlp.precedence import signed_id
from spanframe_store.otlp.stored_spans import (
    StoredSpan,
    newest_versions,
    open_block,
    undecodable,
)

__all__ = ["ReadSpan", "columns_of", "spans_in_order"]

_ERROR: Final = "ERROR"
_NO_ERROR: Final = (None, None)
_NO_USAGE: Final = Usage()


class _Signature(NamedTuple):
    """The name, type and status of a span, as conditions compare them."""

    name: str
    type: str
    status: str


class ReadSpan(NamedTuple):
    """A span, read once: what it is, and its row of `SpanColumns`.

    Attributes:
        message: the OTLP Span.
        signature: what conditions on spans compare.
        place: its place in its trace.
        row: its values in the order of `SpanColumns`, without its attributes.
        attributes: the values of the attributes that were asked for.
    """

    message: OtlpSpan
    signature: _Signature
    place: SpanPlace
    row: tuple[Any, ...]
    attributes: Sequence[Any]


def spans_in_order(
    blocks: Iterable[SpanBlock], attributes: Sequence[str] = ()
) -> list[ReadSpan]:
    """Return the spans of a trace by start, each with the values of its row.

    Args:
        blocks: the blocks of the trace, with their resources.
        attributes: keys of attributes whose values are wanted.

    Raises:
        StoreError: when the stored bytes are not spans.
    """
    read = [_read(*each, attributes) for each in _newest(blocks)]
    read.sort(key=_place)
    return read


def columns_of(spans: Sequence[ReadSpan], attributes: Sequence[str]) -> SpanColumns:
    """Return the columns of some spans."""
    if not spans:
        nothing = ((),) * (len(SpanColumns._fields) - 1)
        return SpanColumns._make([*nothing, [()] * len(attributes)])
    columns = zip(*[span.row for span in spans], strict=True)
    asked = [
        [span.attributes[place] for span in spans] for place in range(len(attributes))
    ]
    return SpanColumns._make([*columns, asked])


def _newest(blocks: Iterable[SpanBlock]) -> Iterator[tuple[OtlpSpan, SpanBlock]]:
    """Yield one span per span id, and its block."""
    opened = [(block, *open_block(block)) for block in blocks]
    found = [(span, block) for block, _, spans in opened for span in spans]
    if len({span.span_id for span, _ in found}) == len(found):
        yield from found
        return
    of_origin = {block.origin: block for block, _, _ in opened}
    stored = (
        StoredSpan(span, block.scope, block.origin, message, position)
        for block, message, spans in opened
        for position, span in enumerate(spans)
    )
    for each in newest_versions(stored):
        yield each.message, of_origin[each.origin]


def _place(span: ReadSpan) -> SpanPlace:
    return span.place


def _read(span: OtlpSpan, block: SpanBlock, attributes: Sequence[str]) -> ReadSpan:
    reading = read_span(span, block.scope)
    derived = reading.derived
    status = reading.status.value
    signature = _Signature(stored_text(name_of(span)), derived.span_type, status)
    span_id, start_ns = span.span_id, span.start_time_unix_nano
    parent = span.parent_span_id
    parent_id = parent if parent and any(parent) else None
    usage, cost = derived.usage or _NO_USAGE, derived.cost
    error = _error(span, reading) if status == _ERROR else _NO_ERROR
    row = (
        span.trace_id,
        span_id,
        parent_id,
        signature.name,
        signature.type,
        _service(block),
        start_ns,
        span.end_time_unix_nano,
        status,
        *error,
        _strict(derived.inputs),
        _strict(derived.outputs),
        derived.model,
        derived.provider,
        *usage[:3],
        None if cost is None else cost.total_cost,
    )
    place = start_ns, int(parent_id is not None), signed_id(span_id)
    asked = _asked(span, reading, attributes) if attributes else ()
    return ReadSpan(span, signature, place, row, asked)


def _strict(text: str | None) -> str | None:
    """Return JSON text without the words that JSON does not have, but Python writes."""
    if text is None or ("NaN" not in text and "Infinity" not in text):
        return text
    return json_text(loads(text))


def _error(span: OtlpSpan, reading: SpanReading) -> tuple[str | None, str | None]:
    """Return the type of the exception, and the message without it."""
    kind = error_type_of(span, reading.decoded)
    message = reading.outcome.message
    if kind is not None:
        message = message.removeprefix(f"{kind}: ")
    return kind and stored_text(kind), stored_text(message) or None


def _asked(
    span: OtlpSpan, reading: SpanReading, attributes: Sequence[str]
) -> Sequence[Any]:
    texts = attribute_texts(span, reading)
    return [loads(texts[key]) if key in texts else None for key in attributes]


def _service(block: SpanBlock) -> str | None:
    try:
        return _service_of(block.resource)
    except DecodeError as error:
        raise undecodable(block.trace_id) from error


@lru_cache(maxsize=1024)
def _service_of(resource: bytes) -> str | None:
    """Return the service of a resource; an app has few, and many spans."""
    for pair in Resource.FromString(resource).attributes:
        if pair.key == keys.SERVICE_NAME:
            return stored_text(pair.value.string_value) or None
    return None
