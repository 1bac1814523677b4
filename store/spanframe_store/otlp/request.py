"""Decodes an export request into span rows; a bad span is rejected alone."""

import hashlib
import sys
from collections.abc import Iterable
from functools import lru_cache
from typing import Any, Final, NamedTuple

from google.protobuf.message import DecodeError
from opentelemetry.proto.common.v1.common_pb2 import InstrumentationScope
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from spanframe_store.contract.spans import (
    Fact,
    Interned,
    Previews,
    Rank,
    Rejected,
    Signature,
    SpanRow,
)
from spanframe_store.contract.texts import stored_text
from spanframe_store.otlp import conventions, facts
from spanframe_store.otlp.anyvalue import plain_values
from spanframe_store.otlp.envelope import (
    MAX_PARTS,
    Budget,
    RawScope,
    TooManyValuesError,
    walk,
)
from spanframe_store.otlp.failures import Outcome, outcome_of
from spanframe_store.otlp.names import name_of
from spanframe_store.otlp.precedence import parent_id, rank_of, signed_id
from spanframe_store.otlp.previews import shortened
from spanframe_store.otlp.rejections import Rejections
from spanframe_store.otlp.sizes import (
    MIN_COUNTED_BYTES,
    RESOURCE,
    SCOPE,
    SPAN,
    is_too_large,
    is_too_many_parts,
    is_unfit,
)
from spanframe_store.otlp.usage import report_text

__all__ = [
    "MAX_REMEMBERED_BYTES",
    "MAX_REQUEST_VALUES",
    "Decoded",
    "decode_request",
    "decode_stored",
    "previews_of",
    "span_digest",
]

_STATUS: Final[dict[int, str]] = {
    Status.STATUS_CODE_UNSET: "UNSET",
    Status.STATUS_CODE_OK: "OK",
    Status.STATUS_CODE_ERROR: "ERROR",
}
_TRACE_ID_BYTES: Final = 16
_SPAN_ID_BYTES: Final = 8
_NO_TRACE: Final = bytes(_TRACE_ID_BYTES)
_NO_SPAN: Final = bytes(_SPAN_ID_BYTES)
_MAX_TIME_NS: Final = (1 << 63) - 1
"""Maximum time of a span, in nanoseconds; the stores keep signed 64-bit integers."""

MAX_REMEMBERED_BYTES: Final = 16 << 10
"""Maximum size of a resource with its scope that is kept in memory, in bytes; their
schema URLs are counted as well."""

_MAX_REMEMBERED_NAME_CHARS: Final = 256
"""Maximum length of a signature's texts that is kept in memory, in characters."""

MAX_REQUEST_VALUES: Final = 400_000
"""Maximum attribute values of one request, nested ones included; they take half a
second."""

_VALUES_PER_FACT: Final = 8
"""Attribute values that a fact counts as: a tag is a row of the index, which takes that
many times as long."""

_BYTES_PER_VALUE: Final = 16
"""Bytes of a resource that count as one attribute value; its attributes themselves are
counted only when it is new."""

_MAX_PREVIEWED_BYTES: Final = 2 << 20
"""Maximum size of the spans of one request whose inputs and outputs are parsed at once,
in bytes; hostile JSON of that size takes a quarter of a second. Spans beyond it are
parsed if they speak for their traces."""

_MLFLOW_SCOPE: Final = "mlflow."


class Decoded(NamedTuple):
    """The rows of a request, and its spans that were rejected."""

    rows: list[SpanRow]
    rejected: list[Rejected]
    why: str = ""
    """Which fields of which rejected spans are wrong, as a sentence."""


class _Origin(NamedTuple):
    """Values that all spans of one scope of one resource share."""

    resource: Interned
    scope: Interned
    digest: bytes
    facts: tuple[Fact, ...]
    json_layer: bool


class _Budgets(NamedTuple):
    """The limits of one request that its spans share."""

    values: Budget
    previewed: Budget
    """Bytes of spans whose inputs and outputs are parsed when they are decoded."""


class _BadSpanError(ValueError):
    """A span cannot be stored; the text is the reason, from a closed set."""


def decode_request(
    request: bytes,
    request_facts: tuple[Fact, ...] = (),
    max_parts: int = MAX_PARTS,
) -> Decoded:
    """Decode an ExportTraceServiceRequest (OTLP 1.11, protobuf encoding).

    Args:
        request: the message, uncompressed.
        request_facts: facts that the request states of its traces (headers).
        max_parts: maximum spans, scopes and resources, together.

    Raises:
        EnvelopeError: when the bytes are not such a message.
        TooManyPartsError: when it has more parts.
        TooManyValuesError: when it has too many attributes.
    """
    rows: list[SpanRow] = []
    rejected = Rejections()
    request_facts = _storable_facts(request_facts)
    values = Budget(MAX_REQUEST_VALUES, TooManyValuesError)
    budgets = _Budgets(values, Budget(_MAX_PREVIEWED_BYTES))
    for scope in walk(request, max_parts):
        if is_unfit(scope.resource, RESOURCE) or is_unfit(scope.scope, SCOPE):
            rejected.reject_all("resource_too_large", len(scope.spans))
            continue
        budgets.values.spend(len(scope.resource) // _BYTES_PER_VALUE)
        try:
            origin = _origin_of(scope)
        except DecodeError:
            rejected.reject_all("undecodable_resource", len(scope.spans))
            continue
        if request_facts:
            origin = origin._replace(facts=origin.facts + request_facts)
        _decode_scope(scope, origin, rows, rejected, budgets)
    return Decoded(rows, rejected.by_reason, rejected.text)


def decode_stored(
    body: bytes, resource: tuple[bytes, str], scope: tuple[bytes, str]
) -> SpanRow:
    """Decode a stored span again.

    Args:
        body: the OTLP Span.
        resource: the OTLP Resource it came with, and its schema URL.
        scope: the OTLP InstrumentationScope, and its schema URL.
    """
    origin = _origin(resource[0], resource[1].encode(), scope[0], scope[1].encode())
    return _decode_span(
        body, origin, _Budgets(Budget(sys.maxsize), Budget(sys.maxsize))
    )


def previews_of(row: SpanRow) -> Previews:
    """Return the previews of a span for its trace.

    They are at hand for a root and an entry, but for those beyond the limit of their
    request. Other spans are parsed again: a span whose parent is in the same process
    speaks for its trace only until the root arrives.
    """
    if row.previews is not None:
        return row.previews
    span = Span.FromString(row.body)
    derived = _derived(span, _attributes(span, json_layer=row.json_layer))
    return _previews(derived)


def _previews(derived: conventions.Derived) -> Previews:
    return shortened(
        derived.inputs,
        derived.outputs,
        derived.parsed_inputs,
        derived.parsed_outputs,
    )


def _derived(
    span: Span, attributes: dict[str, Any], budget: Budget | None = None
) -> conventions.Derived:
    return conventions.derive(attributes, _events(span, budget) if span.events else ())


def _attributes(
    span: Span, budget: Budget | None = None, *, json_layer: bool
) -> dict[str, Any]:
    attributes = plain_values(span.attributes, budget)
    return facts.without_json_layer(attributes) if json_layer else attributes


def span_digest(body: bytes, origin: bytes) -> int:
    """Return the digest that tells two bodies under one span id apart.

    Args:
        body: the OTLP Span.
        origin: the digests of its resource and of its scope, one after the other.
    """
    digest = hashlib.blake2b(body, digest_size=8)
    digest.update(origin)
    return signed_id(digest.digest())


def _decode_scope(
    scope: RawScope,
    origin: _Origin,
    rows: list[SpanRow],
    rejected: Rejections,
    budgets: _Budgets,
) -> None:
    for body in scope.spans:
        try:
            rows.append(_decode_span(body, origin, budgets))
        except DecodeError:
            rejected.reject("undecodable_span", body, len(rows))
        except _BadSpanError as error:
            rejected.reject(str(error), body, len(rows))


def _decode_span(body: bytes, origin: _Origin, budgets: _Budgets) -> SpanRow:
    if len(body) > MIN_COUNTED_BYTES:
        _check_size(body)
    span = Span.FromString(body)
    _check(span)
    attributes = _attributes(span, budgets.values, json_layer=origin.json_layer)
    parent = parent_id(span.parent_span_id)
    rank = rank_of(parent, span.flags)
    outcome = outcome_of(span, attributes)
    own_facts = _facts_of(attributes, rank, outcome)
    if own_facts:
        budgets.values.spend(len(own_facts) * _VALUES_PER_FACT)
    if rank is not Rank.INNER and budgets.previewed.try_spend(len(body)):
        derived = _derived(span, attributes, budgets.values)
        counted = derived.counted
        # Short texts, so that a large body is not kept twice.
        previews = _previews(derived)
    else:
        counted = conventions.counted(attributes)
        previews = None
    return SpanRow(
        trace_id=span.trace_id,
        span_id=signed_id(span.span_id),
        digest=span_digest(body, origin.digest),
        parent_span_id=parent,
        rank=rank,
        signature=_signature_of(name_of(span), counted.span_type, outcome.code),
        start_ns=span.start_time_unix_nano,
        end_ns=span.end_time_unix_nano,
        usage=report_text(counted.usage, counted.cost),
        resource=origin.resource,
        scope=origin.scope,
        json_layer=origin.json_layer,
        body=body,
        shared_facts=origin.facts,
        own_facts=own_facts,
        previews=previews,
    )


def _facts_of(
    attributes: dict[str, Any], rank: Rank, outcome: Outcome
) -> tuple[Fact, ...]:
    found = facts.of_span(attributes)
    if rank is not Rank.INNER:
        found += facts.of_root(attributes)
    if outcome.code == Status.STATUS_CODE_ERROR:
        found += facts.of_error(outcome.error)
    return _storable_facts(found) if found else ()


def _storable_facts(said: Iterable[Fact]) -> tuple[Fact, ...]:
    return tuple(
        [
            Fact(stored_text(field), source, stored_text(text))
            for field, source, text in said
        ]
    )


def _signature_of(name: str, span_type: str, code: int) -> Signature:
    # A text that a sender makes up for each span must not add up in memory.
    large = len(name) + len(span_type) > _MAX_REMEMBERED_NAME_CHARS
    return (_signature.__wrapped__ if large else _signature)(name, span_type, code)


@lru_cache(maxsize=8192)
def _signature(name: str, span_type: str, code: int) -> Signature:
    texts = (stored_text(name), stored_text(span_type), _STATUS.get(code, "UNSET"))
    digest = hashlib.blake2b("\0".join(texts).encode(), digest_size=16)
    return Signature(digest.digest(), *texts)


def _check_size(body: bytes) -> None:
    """Raise for a span that would take too much memory when parsed."""
    if is_too_large(body):
        raise _BadSpanError("span_too_large")
    if is_too_many_parts(body, SPAN):
        raise _BadSpanError("span_too_many_parts")


def _check(span: Span) -> None:
    """Raise for ids that OTLP calls invalid and times that no store can keep."""
    if len(span.trace_id) != _TRACE_ID_BYTES or span.trace_id == _NO_TRACE:
        raise _BadSpanError("invalid_trace_id")
    if len(span.span_id) != _SPAN_ID_BYTES or span.span_id == _NO_SPAN:
        raise _BadSpanError("invalid_span_id")
    if len(span.parent_span_id) not in {0, _SPAN_ID_BYTES}:
        raise _BadSpanError("invalid_parent_span_id")
    if max(span.start_time_unix_nano, span.end_time_unix_nano) > _MAX_TIME_NS:
        raise _BadSpanError("timestamp_out_of_range")


def _origin_of(scope: RawScope) -> _Origin:
    # A resource that a sender makes up for each request must not add up in memory.
    origin = scope[:4]
    large = sum(map(len, origin)) > MAX_REMEMBERED_BYTES
    return (_origin.__wrapped__ if large else _origin)(*origin)


# A process repeats the same few resources and scopes in every request.
@lru_cache(maxsize=1024)
def _origin(
    resource: bytes, resource_schema_url: bytes, scope: bytes, scope_schema_url: bytes
) -> _Origin:
    resource_message = Resource.FromString(resource)
    scope_message = InstrumentationScope.FromString(scope)
    attributes = plain_values(resource_message.attributes)
    of_resource = _intern(resource_message, resource, resource_schema_url)
    of_scope = _intern(scope_message, scope, scope_schema_url)
    return _Origin(
        of_resource,
        of_scope,
        of_resource.digest + of_scope.digest,
        _storable_facts(facts.of_resource(attributes)),
        json_layer=scope_message.name.startswith(_MLFLOW_SCOPE),
    )


def _intern(
    message: Resource | InstrumentationScope, body: bytes, schema_url: bytes
) -> Interned:
    """Return a resource or scope with a digest that no order of attributes changes."""
    pairs = sorted(
        kv.SerializeToString(deterministic=True) for kv in message.attributes
    )
    rest = type(message).FromString(body)
    rest.ClearField("attributes")
    url = stored_text(schema_url.decode("utf-8", "replace"))
    digest = hashlib.blake2b(digest_size=16)
    # The URL as it is stored, so that a span that is decoded again has its digest.
    for part in (*pairs, rest.SerializeToString(deterministic=True), url.encode()):
        digest.update(len(part).to_bytes(8, "big"))
        digest.update(part)
    return Interned(digest.digest(), url, body)


def _events(span: Span, budget: Budget | None) -> list[tuple[str, dict[str, Any]]]:
    """Return the events that a convention reads; most spans have none of them."""
    return [
        (event.name, plain_values(event.attributes, budget))
        for event in span.events
        if event.name in conventions.EVENT_NAMES
    ]
