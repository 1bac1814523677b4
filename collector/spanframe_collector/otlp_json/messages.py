"""Fills in the messages of OTLP from JSON, by protobuf's descriptors."""

from collections.abc import Callable, MutableSequence
from typing import Any, Final

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message_factory import GetMessageClass
from opentelemetry.proto.common.v1.common_pb2 import AnyValue
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, ScopeSpans, Span

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

_MAX_DEPTH: Final = 64
"""Maximum levels of an attribute value; no protobuf parser takes more. A span whose
values have almost as many is rejected when it is decoded."""

Reader = Callable[[Any], Any]
Setter = Callable[[Any, Any, int], None]
"""Puts a JSON value into a message, at a depth within an attribute value."""

Fields = dict[str, Setter]
"""The setters of a message, by JSON key."""


def fill(message: Any, fields: Fields, source: Any, depth: int = 0) -> None:
    """Put the values of a JSON object into a message.

    Args:
        message: is filled in.
        fields: of the message.
        source: the JSON value; keys that are no field are ignored.
        depth: of the attribute value that the message is a part of.

    Raises:
        ValueError: when one does not fit; the message is then filled in part.
    """
    if not isinstance(source, dict):
        raise UnreadableError
    if fields is _ANY_VALUE:
        if depth > _MAX_DEPTH or (len(source) > 1 and _is_ambiguous(source)):
            raise UnreadableError
        depth += 1
    for key, value in source.items():
        if value is not None and key in fields:
            fields[key](message, value, depth)


def _is_ambiguous(source: dict[str, Any]) -> bool:
    """Return whether an attribute value has more than one value."""
    return sum(source[key] is not None for key in source.keys() & _ANY_VALUE) > 1


def _scalar(name: str, read: Reader) -> Setter:
    return lambda message, value, _: setattr(message, name, read(value))


def _scalars(name: str, read: Reader) -> Setter:
    def put(message: Any, value: Any, _: int) -> None:
        getattr(message, name).extend([read(item) for item in _items(value)])

    return put


def _message(name: str, fields: Fields) -> Setter:
    def put(message: Any, value: Any, depth: int) -> None:
        inner = getattr(message, name)
        inner.SetInParent()
        fill(inner, fields, value, depth)

    return put


def _messages(name: str, fields: Fields) -> Setter:
    def put(message: Any, value: Any, depth: int) -> None:
        inner = getattr(message, name)
        for item in _items(value):
            if item is not None:
                fill(inner.add(), fields, item, depth)
            elif fields is _ANY_VALUE:
                # null is the empty value: the other elements keep their indexes.
                inner.add()

    return put


def _items(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise UnreadableError
    return value


# --- the tables -----------------------------------------------------------------------

_IDS: Final = frozenset({"trace_id", "span_id", "parent_span_id"})
"""Fields of bytes that are hexadecimal in OTLP/JSON; the others are base64."""

_READERS: Final[dict[int, Reader]] = {
    FieldDescriptor.CPPTYPE_BOOL: boolean,
    FieldDescriptor.CPPTYPE_DOUBLE: double,
    FieldDescriptor.CPPTYPE_ENUM: enum,
    FieldDescriptor.CPPTYPE_FLOAT: double,
    FieldDescriptor.CPPTYPE_STRING: string,
}
"""Readers by type; all other types are integers."""

_tables: Final[dict[str, Fields]] = {}


def _fields_of(descriptor: Descriptor) -> Fields:
    if descriptor.full_name not in _tables:
        # Entered before it is complete: an attribute value holds attribute values.
        fields = _tables[descriptor.full_name] = {}
        empty = GetMessageClass(descriptor)()
        for field in descriptor.fields:
            fields[field.camelcase_name] = _setter(field, getattr(empty, field.name))
    return _tables[descriptor.full_name]


def _setter(field: FieldDescriptor, default: object) -> Setter:
    # The supported versions of protobuf share no other way to find this out.
    is_repeated = isinstance(default, MutableSequence)
    if field.message_type is None:
        return (_scalars if is_repeated else _scalar)(field.name, _reader(field))
    inner = _fields_of(field.message_type)
    return (_messages if is_repeated else _message)(field.name, inner)


def _reader(field: FieldDescriptor) -> Reader:
    if field.type != FieldDescriptor.TYPE_BYTES:
        return _READERS.get(field.cpp_type, integer)
    if field.name not in _IDS:
        return base64_bytes
    is_of_span = field.containing_type is Span.DESCRIPTOR
    return hexadecimal(f"invalid_{field.name}" if is_of_span else "")


def _without(key: str, descriptor: Descriptor) -> Fields:
    fields = dict(_fields_of(descriptor))
    del fields[key]
    return fields


_ANY_VALUE: Final = _fields_of(AnyValue.DESCRIPTOR)
# Scopes and spans are read one by one: a bad span is rejected alone.
RESOURCE_SPANS: Final = _without("scopeSpans", ResourceSpans.DESCRIPTOR)
SCOPE_SPANS: Final = _without("spans", ScopeSpans.DESCRIPTOR)
SPAN: Final = _fields_of(Span.DESCRIPTOR)
