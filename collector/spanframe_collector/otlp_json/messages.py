"""Fills in the messages of OTLP from JSON, by protobuf's descriptors."""

import re
from collections.abc import Callable, MutableSequence
from typing import Any, Final

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message_factory import GetMessageClass
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, ScopeSpans, Span

from spanframe_collector.otlp_json.notes import Notes
from spanframe_collector.otlp_json.values import (
    RepairedError,
    UnreadableError,
    base64_bytes,
    boolean,
    double,
    hexadecimal,
    integer,
    named_enum,
    string,
)

__all__ = ["LOG_RECORD", "RESOURCE_SPANS", "SCOPE_SPANS", "SPAN", "Fields", "fill"]

_MAX_DEPTH: Final = 64
"""Maximum levels of an attribute value; no protobuf parser takes more. A span whose
values have almost as many is rejected when it is decoded."""

Reader = Callable[[Any], Any]
Setter = Callable[[Any, Any, int, Notes], None]
"""Puts a JSON value into a message, at a depth within an attribute value."""

Fields = dict[str, Setter]
"""The setters of a message, by JSON key."""


_VITAL: Final = frozenset(
    {"traceId", "spanId", "parentSpanId", "startTimeUnixNano", "endTimeUnixNano"}
)
"""Fields without which a span, or a link, is not the one that was sent."""


def fill(
    message: Any, fields: Fields, source: Any, notes: Notes, depth: int = 0
) -> None:
    """Put the values of a JSON object into a message.

    A wrong value costs its attribute, its link, or its field. What makes a span the one
    that was sent cannot be left out.

    Args:
        message: is filled in.
        fields: of the message.
        source: the JSON value; keys that are no field are ignored.
        notes: is told what is left out or repaired.
        depth: of the attribute value that the message is a part of.

    Raises:
        ValueError: when a value cannot be left out; the message is then filled in part.
    """
    if not isinstance(source, dict):
        raise UnreadableError
    if fields is _ANY_VALUE:
        if depth > _MAX_DEPTH:
            raise UnreadableError
        if len(source) > 1:
            source = _one_kind(source, notes)
        depth += 1
    is_strict = depth or fields is _KEY_VALUE
    for key, value in source.items():
        if value is None or key not in fields:
            continue
        try:
            fields[key](message, value, depth, notes)
        except ValueError as error:
            if is_strict or key in _VITAL:
                raise UnreadableError(str(error) or key) from None
            notes.add(key, "was unreadable, and is left out")


def _one_kind(source: dict[str, Any], notes: Notes) -> dict[str, Any]:
    """Return an attribute value with one value: the last, as a protobuf parser does."""
    known = [k for k, value in source.items() if k in _ANY_VALUE and value is not None]
    if len(known) <= 1:
        return source
    notes.add("an attribute", f"had {len(known)} values, of which the last is kept")
    return {known[-1]: source[known[-1]]}


def _scalar(name: str, read: Reader) -> Setter:
    def put(message: Any, value: Any, _: int, notes: Notes) -> None:
        try:
            setattr(message, name, read(value))
        except RepairedError as repaired:
            setattr(message, name, repaired.value)
            notes.add(name, str(repaired))

    return put


def _int_value(message: Any, value: Any, _: int, notes: Notes) -> None:
    """Put an integer into an attribute value; another number as what it is."""
    try:
        message.int_value = integer(value)
    except ValueError:
        if isinstance(value, bool) or not isinstance(value, int | float | str):
            raise
        if isinstance(value, float):
            message.double_value = double(value)
            notes.add("an attribute", "was no integer, and is a double now")
        elif isinstance(value, int) or _DIGITS.fullmatch(value):
            message.string_value = str(value)
            notes.add(
                "an attribute", "was beyond 64 bits, and is its digits as text now"
            )
        else:
            raise


def _scalars(name: str, read: Reader) -> Setter:
    def put(message: Any, value: Any, _: int, __: Notes) -> None:
        getattr(message, name).extend([read(item) for item in _items(value)])

    return put


def _message(name: str, fields: Fields) -> Setter:
    def put(message: Any, value: Any, depth: int, notes: Notes) -> None:
        inner = getattr(message, name)
        inner.SetInParent()
        try:
            fill(inner, fields, value, notes, depth)
        except ValueError:
            message.ClearField(name)
            raise

    return put


def _messages(name: str, fields: Fields) -> Setter:
    def put(message: Any, value: Any, depth: int, notes: Notes) -> None:
        inner = getattr(message, name)
        is_attribute = fields is _KEY_VALUE and not depth
        for item in _items(value):
            if item is None:
                if fields is _ANY_VALUE:
                    # null is the empty value: the other elements keep their indexes.
                    inner.add()
                continue
            if is_attribute:
                notes.attribute = item
            try:
                fill(inner.add(), fields, item, notes, depth)
            except ValueError:
                if depth:
                    raise
                del inner[-1]
                notes.add(f"one of the {name}", "was unreadable, and is left out")
        if is_attribute:
            notes.attribute = None

    return put


def _items(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise UnreadableError
    return value


# --- the tables -----------------------------------------------------------------------

_INT_VALUE: Final = "opentelemetry.proto.common.v1.AnyValue.int_value"
_DIGITS: Final = re.compile("-?[0-9]+")
_IDS: Final = frozenset({"trace_id", "span_id", "parent_span_id"})
"""Fields of bytes that are hexadecimal in OTLP/JSON; the others are base64."""

_READERS: Final[dict[int, Reader]] = {
    FieldDescriptor.CPPTYPE_BOOL: boolean,
    FieldDescriptor.CPPTYPE_DOUBLE: double,
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
    if field.full_name == _INT_VALUE:
        return _int_value
    if field.message_type is None:
        return (_scalars if is_repeated else _scalar)(field.name, _reader(field))
    inner = _fields_of(field.message_type)
    return (_messages if is_repeated else _message)(field.name, inner)


def _reader(field: FieldDescriptor) -> Reader:
    if field.enum_type is not None:
        values = field.enum_type.values_by_name
        return named_enum({name: value.number for name, value in values.items()})
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
_KEY_VALUE: Final = _fields_of(KeyValue.DESCRIPTOR)
# Scopes and spans are read one by one: a bad span is rejected alone.
RESOURCE_SPANS: Final = _without("scopeSpans", ResourceSpans.DESCRIPTOR)
SCOPE_SPANS: Final = _without("spans", ScopeSpans.DESCRIPTOR)
SPAN: Final = _fields_of(Span.DESCRIPTOR)
LOG_RECORD: Final = _fields_of(LogRecord.DESCRIPTOR)
