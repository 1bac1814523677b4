"""OTLP/JSON to OTLP protobuf, so that everything behind the receiver is shared.

The stock JSON parser of protobuf reads another language: base64 ids, names of enum
values, snake_case keys. This reader follows OTLP 1.11: ids are hexadecimal in any case,
keys are lowerCamelCase, unknown keys are ignored at every level, enums are integers,
64-bit integers numbers or strings, null is absent. What one span gets wrong costs that
span alone.
"""

import base64
import binascii
import json
import math
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, NamedTuple

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
)
from opentelemetry.proto.common.v1.common_pb2 import AnyValue

from spanframe_collector.decode.envelope import EnvelopeError
from spanframe_collector.rows import Rejected

__all__ = ["Translated", "to_protobuf"]

_MOST_DEPTH: Final = 64
"""Deeper values no protobuf parser takes; those between cost their span later."""

_MOST_OBJECTS: Final = 300_000
"""Objects and arrays in one request: empty ones take thirty times their text, and two
microseconds each."""

_MOST_DIGITS: Final = 20


class Translated(NamedTuple):
    """A request in the protobuf encoding, and what could not go into it."""

    request: bytes
    rejected: list[Rejected]
    warning: str = ""


class _UnreadableError(ValueError):
    """A value of another type than its field; the text is the reason, or empty."""


def to_protobuf(body: bytes) -> Translated:
    """Translate an ExportTraceServiceRequest from JSON.

    Raises:
        EnvelopeError: when the body is not JSON, or not such a request.
    """
    source = _parse(body)
    request = ExportTraceServiceRequest()
    rejected: Counter[str] = Counter()
    for resource_spans in _objects(source, "resourceSpans"):
        _add_resource_spans(request, resource_spans, rejected)
    warning = ""
    if not request.resource_spans and not rejected:
        if _is_other_signal(source):
            raise EnvelopeError("these are no spans")
        if _is_snake_case(source):
            warning = "Nothing was stored: write the keys in lowerCamelCase."
    return Translated(
        request.SerializeToString(),
        [Rejected(*item) for item in rejected.items()],
        warning,
    )


def _parse(body: bytes) -> dict[str, Any]:
    if body.count(b"{") + body.count(b"[") > _MOST_OBJECTS:
        raise EnvelopeError("too many objects in one request")
    try:
        source = json.loads(
            body.decode(), parse_int=_parse_int, parse_constant=_refuse_constant
        )
    except (ValueError, RecursionError):
        raise EnvelopeError("the body is not JSON") from None
    if not isinstance(source, dict):
        raise EnvelopeError("the body is not a JSON object")
    return source


def _parse_int(text: str) -> Any:
    # Python refuses numbers of thousands of digits, and with them the whole request.
    return int(text) if len(text) <= _MOST_DIGITS else _TOO_LONG


_TOO_LONG: Final = object()
"""Stands for a number that fits no field."""


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def _is_snake_case(source: Mapping[str, Any]) -> bool:
    return "resource_spans" in source or any(
        "scope_spans" in item for item in _objects(source, "resourceSpans")
    )


def _is_other_signal(source: Mapping[str, Any]) -> bool:
    return not source.keys().isdisjoint(
        ("resourceLogs", "resourceMetrics", "resourceProfiles")
    )


# --- the envelope -------------------------------------------------------------------


def _objects(source: Mapping[str, Any], key: str) -> Iterator[dict[str, Any]]:
    """Yield the objects of a list in the envelope.

    Raises:
        EnvelopeError: when it is no list of objects.
    """
    items = source.get(key)
    if items is None:
        return
    if not isinstance(items, list):
        raise EnvelopeError(f"{key} is not an array")
    for item in items:
        if isinstance(item, dict):
            yield item
        elif item is not None:
            raise EnvelopeError(f"{key} holds something that is not an object")


def _add_resource_spans(
    request: ExportTraceServiceRequest, source: dict[str, Any], rejected: Counter[str]
) -> None:
    scopes = [(scope, _spans(scope)) for scope in _objects(source, "scopeSpans")]
    scopes = [(scope, spans) for scope, spans in scopes if spans]
    if not scopes:
        return
    target = request.resource_spans.add()
    try:
        _fill(target, _RESOURCE_SPANS, source)
    except ValueError:
        del request.resource_spans[-1]
        rejected["undecodable_resource"] += sum(len(spans) for _, spans in scopes)
        return
    for scope, spans in scopes:
        scope_spans = target.scope_spans.add()
        try:
            _fill(scope_spans, _SCOPE_SPANS, scope)
        except ValueError:
            del target.scope_spans[-1]
            rejected["undecodable_resource"] += len(spans)
            continue
        for span in spans:
            try:
                _fill(scope_spans.spans.add(), _SPAN, span)
            except ValueError as error:
                del scope_spans.spans[-1]
                known = isinstance(error, _UnreadableError) and str(error)
                rejected[known or "undecodable_span"] += 1


def _spans(scope: Mapping[str, Any]) -> list[Any]:
    spans = scope.get("spans")
    if not isinstance(spans, list | None):
        raise EnvelopeError("spans is not an array")
    return [span for span in spans or () if span is not None]


# --- values: each reader returns what the field holds, or raises ValueError -----------


def _string(value: Any) -> str:
    if not isinstance(value, str):
        raise _UnreadableError
    return value


def _boolean(value: Any) -> bool:
    if not isinstance(value, bool):
        raise _UnreadableError
    return value


_INTEGER: Final = re.compile(rf"-?[0-9]{{1,{_MOST_DIGITS}}}")


def _integer(value: Any) -> int:
    """Read a number or a string; the field itself refuses what does not fit."""
    if isinstance(value, str) and _INTEGER.fullmatch(value):
        return int(value)
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return _enum(value)


def _enum(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise _UnreadableError
    return value


_NUMBER: Final = re.compile(r"-?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?")
_WORDS: Final = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}


def _double(value: Any) -> float:
    if isinstance(value, str):
        if value in _WORDS:
            return _WORDS[value]
        if not _NUMBER.fullmatch(value):
            raise _UnreadableError
    elif not isinstance(value, int | float) or isinstance(value, bool):
        raise _UnreadableError
    number = float(value)
    if not math.isfinite(number):  # written as 1e999
        raise _UnreadableError
    return number


_TO_STANDARD_BASE64: Final = str.maketrans("-_", "+/")


def _base64(value: Any) -> bytes:
    text = _string(value).translate(_TO_STANDARD_BASE64).rstrip("=")
    return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)


def _hexadecimal(reason: str = "") -> Callable[[Any], bytes]:
    """Make the reader of an id; its length is checked where all spans are."""

    def read(value: Any) -> bytes:
        try:
            return binascii.unhexlify(_string(value))
        except ValueError:
            raise _UnreadableError(reason) from None

    return read


# --- messages: a table each, JSON key to what puts its value into the message ---------

Setter = Callable[[Any, Any], None]
Fields = Mapping[str, Setter]


def _fill(message: Any, fields: Fields, source: Any) -> None:
    if not isinstance(source, dict):
        raise _UnreadableError
    for key, put in fields.items():
        value = source.get(key)
        if value is not None:
            put(message, value)


def _scalar(name: str, read: Callable[[Any], Any]) -> Setter:
    def put(message: Any, value: Any) -> None:
        setattr(message, name, read(value))

    return put


def _message(name: str, fields: Fields) -> Setter:
    def put(message: Any, value: Any) -> None:
        inner = getattr(message, name)
        inner.SetInParent()
        _fill(inner, fields, value)

    return put


def _repeated(name: str, fill: Setter) -> Setter:
    def put(message: Any, value: Any) -> None:
        inner = getattr(message, name)
        for item in _items(value):
            if item is not None:
                fill(inner.add(), item)

    return put


def _strings(name: str) -> Setter:
    def put(message: Any, value: Any) -> None:
        getattr(message, name).extend(_string(item) for item in _items(value))

    return put


def _items(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise _UnreadableError
    return value


def _fill_with(fields: Fields) -> Setter:
    return lambda message, value: _fill(message, fields, value)


_SIMPLE_VALUES: Final = {
    "stringValue": _scalar("string_value", _string),
    "boolValue": _scalar("bool_value", _boolean),
    "intValue": _scalar("int_value", _integer),
    "doubleValue": _scalar("double_value", _double),
    "bytesValue": _scalar("bytes_value", _base64),
}
_VALUES: Final = frozenset({*_SIMPLE_VALUES, "arrayValue", "kvlistValue"})


def _any_value(target: AnyValue, source: Any, depth: int = 0) -> None:
    if not isinstance(source, dict) or depth > _MOST_DEPTH:
        raise _UnreadableError
    given = [k for k, v in source.items() if k in _VALUES and v is not None]
    if len(given) > 1:
        raise _UnreadableError
    for key in given:
        value = source[key]
        if key in _SIMPLE_VALUES:
            _SIMPLE_VALUES[key](target, value)
            continue
        if not isinstance(value, dict):
            raise _UnreadableError
        inner = _items(value.get("values", []))
        if key == "arrayValue":
            target.array_value.SetInParent()
            for item in inner:
                # An element that is null is the empty value: the others keep theirs.
                element = target.array_value.values.add()
                _any_value(element, {} if item is None else item, depth + 1)
        else:
            target.kvlist_value.SetInParent()
            for item in inner:
                _key_value(target.kvlist_value.values.add(), item, depth + 1)


def _key_value(target: Any, source: Any, depth: int = 0) -> None:
    if not isinstance(source, dict):
        raise _UnreadableError
    key, value = source.get("key"), source.get("value")
    if key is not None:
        target.key = _string(key)
    if value is not None:
        target.value.SetInParent()
        _any_value(target.value, value, depth)


_ATTRIBUTES: Final = {
    "attributes": _repeated("attributes", _key_value),
    "droppedAttributesCount": _scalar("dropped_attributes_count", _integer),
}
_ENTITY: Final = {
    "schemaUrl": _scalar("schema_url", _string),
    "type": _scalar("type", _string),
    "idKeys": _strings("id_keys"),
    "descriptionKeys": _strings("description_keys"),
}
_RESOURCE: Final = {
    **_ATTRIBUTES,
    "entityRefs": _repeated("entity_refs", _fill_with(_ENTITY)),
}
_RESOURCE_SPANS: Final = {
    "resource": _message("resource", _RESOURCE),
    "schemaUrl": _scalar("schema_url", _string),
}
_SCOPE: Final = {
    **_ATTRIBUTES,
    "name": _scalar("name", _string),
    "version": _scalar("version", _string),
}
_SCOPE_SPANS: Final = {
    "scope": _message("scope", _SCOPE),
    "schemaUrl": _scalar("schema_url", _string),
}
_EVENT: Final = {
    **_ATTRIBUTES,
    "timeUnixNano": _scalar("time_unix_nano", _integer),
    "name": _scalar("name", _string),
}
_LINK: Final = {
    **_ATTRIBUTES,
    "traceId": _scalar("trace_id", _hexadecimal()),
    "spanId": _scalar("span_id", _hexadecimal()),
    "traceState": _scalar("trace_state", _string),
    "flags": _scalar("flags", _integer),
}
_STATUS: Final = {
    "message": _scalar("message", _string),
    "code": _scalar("code", _enum),
}
_SPAN: Final = {
    **_ATTRIBUTES,
    "traceId": _scalar("trace_id", _hexadecimal("invalid_trace_id")),
    "spanId": _scalar("span_id", _hexadecimal("invalid_span_id")),
    "parentSpanId": _scalar("parent_span_id", _hexadecimal("invalid_parent_span_id")),
    "traceState": _scalar("trace_state", _string),
    "flags": _scalar("flags", _integer),
    "name": _scalar("name", _string),
    "kind": _scalar("kind", _enum),
    "startTimeUnixNano": _scalar("start_time_unix_nano", _integer),
    "endTimeUnixNano": _scalar("end_time_unix_nano", _integer),
    "events": _repeated("events", _fill_with(_EVENT)),
    "droppedEventsCount": _scalar("dropped_events_count", _integer),
    "links": _repeated("links", _fill_with(_LINK)),
    "droppedLinksCount": _scalar("dropped_links_count", _integer),
    "status": _message("status", _STATUS),
}
