"""The messages of OTLP/JSON: a table each, from JSON key to what fills in its value."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from opentelemetry.proto.common.v1.common_pb2 import AnyValue

from spanframe_collector.otlp_json.values import (
    UnreadableError,
    base64_bytes,
    boolean,
    double,
    enum,
    hexadecimal,
    integer,
    string,
)

__all__ = ["RESOURCE_SPANS", "SCOPE_SPANS", "SPAN", "Fields", "fill"]

_MOST_DEPTH: Final = 64
"""Deeper values no protobuf parser takes; those between cost their span later."""

Setter = Callable[[Any, Any], None]
Fields = Mapping[str, Setter]


def fill(message: Any, fields: Fields, source: Any) -> None:
    """Put the values of a JSON object into a message.

    Raises:
        ValueError: when one does not fit; the message is then filled in part.
    """
    if not isinstance(source, dict):
        raise UnreadableError
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
        fill(inner, fields, value)

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
        getattr(message, name).extend(string(item) for item in _items(value))

    return put


def _items(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise UnreadableError
    return value


def _fill_with(fields: Fields) -> Setter:
    return lambda message, value: fill(message, fields, value)


_SIMPLE_VALUES: Final = {
    "stringValue": _scalar("string_value", string),
    "boolValue": _scalar("bool_value", boolean),
    "intValue": _scalar("int_value", integer),
    "doubleValue": _scalar("double_value", double),
    "bytesValue": _scalar("bytes_value", base64_bytes),
}
_VALUES: Final = frozenset({*_SIMPLE_VALUES, "arrayValue", "kvlistValue"})


def _any_value(target: AnyValue, source: Any, depth: int = 0) -> None:
    if not isinstance(source, dict) or depth > _MOST_DEPTH:
        raise UnreadableError
    given = [k for k, v in source.items() if k in _VALUES and v is not None]
    if len(given) > 1:
        raise UnreadableError
    for key in given:
        value = source[key]
        if key in _SIMPLE_VALUES:
            _SIMPLE_VALUES[key](target, value)
            continue
        if not isinstance(value, dict):
            raise UnreadableError
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
        raise UnreadableError
    key, value = source.get("key"), source.get("value")
    if key is not None:
        target.key = string(key)
    if value is not None:
        target.value.SetInParent()
        _any_value(target.value, value, depth)


_ATTRIBUTES: Final = {
    "attributes": _repeated("attributes", _key_value),
    "droppedAttributesCount": _scalar("dropped_attributes_count", integer),
}
_ENTITY: Final = {
    "schemaUrl": _scalar("schema_url", string),
    "type": _scalar("type", string),
    "idKeys": _strings("id_keys"),
    "descriptionKeys": _strings("description_keys"),
}
_RESOURCE: Final = {
    **_ATTRIBUTES,
    "entityRefs": _repeated("entity_refs", _fill_with(_ENTITY)),
}
RESOURCE_SPANS: Final = {
    "resource": _message("resource", _RESOURCE),
    "schemaUrl": _scalar("schema_url", string),
}
_SCOPE: Final = {
    **_ATTRIBUTES,
    "name": _scalar("name", string),
    "version": _scalar("version", string),
}
SCOPE_SPANS: Final = {
    "scope": _message("scope", _SCOPE),
    "schemaUrl": _scalar("schema_url", string),
}
_EVENT: Final = {
    **_ATTRIBUTES,
    "timeUnixNano": _scalar("time_unix_nano", integer),
    "name": _scalar("name", string),
}
_LINK: Final = {
    **_ATTRIBUTES,
    "traceId": _scalar("trace_id", hexadecimal()),
    "spanId": _scalar("span_id", hexadecimal()),
    "traceState": _scalar("trace_state", string),
    "flags": _scalar("flags", integer),
}
_STATUS: Final = {
    "message": _scalar("message", string),
    "code": _scalar("code", enum),
}
SPAN: Final = {
    **_ATTRIBUTES,
    "traceId": _scalar("trace_id", hexadecimal("invalid_trace_id")),
    "spanId": _scalar("span_id", hexadecimal("invalid_span_id")),
    "parentSpanId": _scalar("parent_span_id", hexadecimal("invalid_parent_span_id")),
    "traceState": _scalar("trace_state", string),
    "flags": _scalar("flags", integer),
    "name": _scalar("name", string),
    "kind": _scalar("kind", enum),
    "startTimeUnixNano": _scalar("start_time_unix_nano", integer),
    "endTimeUnixNano": _scalar("end_time_unix_nano", integer),
    "events": _repeated("events", _fill_with(_EVENT)),
    "droppedEventsCount": _scalar("dropped_events_count", integer),
    "links": _repeated("links", _fill_with(_LINK)),
    "droppedLinksCount": _scalar("dropped_links_count", integer),
    "status": _message("status", _STATUS),
}
