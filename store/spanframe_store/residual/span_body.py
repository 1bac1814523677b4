"""What a filter asks of the body of a span: pure functions over OTLP spans.

A store that can call back into Python registers them; see `layouts.blocks`.

An attribute is decoded before it is compared: MLflow's SDK sends every value as JSON
text, other SDKs send typed values, and both mean the same. A text that is JSON of a
text, an object or an array stands for that; any other text, numbers included, stands
for itself (MLflow 3.17 reads attributes the same way).
"""

import base64
import json
import re
from collections.abc import Iterable
from typing import Any, Final

from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from spanframe import keys
from spanframe_store.contract.texts import stored_text
from spanframe_store.otlp.anyvalue import nests_deeper

__all__ = ["attribute_number", "attribute_text", "content", "decoded_text", "json_text"]

_JSON_START: Final = ('"', "{", "[")
_JSON_NUMBER: Final = re.compile(r"-?(?:0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?")
_STATUS_CODES: Final = {code: name for name, code in Status.StatusCode.items()}
_OF_EXCEPTIONS: Final = (keys.EXCEPTION_TYPE, keys.EXCEPTION_MESSAGE)
"""Attributes that a span without them has of the exception that it recorded last."""

_INT64_DIGITS: Final = 20
_INT64: Final = range(-(1 << 63), 1 << 63)


def attribute_text(span: Span, key: str) -> str | None:
    """Return the text of an attribute of a span; None when it has none."""
    value = _attribute(span, key)
    return None if value is None else stored_text(json_text(value))


def attribute_number(span: Span, key: str) -> float | None:
    """Return the number an attribute of a span holds, as a number or as its text."""
    value = _attribute(span, key)
    if isinstance(value, bool):
        return None
    if isinstance(value, str):
        match = _JSON_NUMBER.fullmatch(value)
        if match is None:
            return None
        is_int = match[1] is None and match[2] is None and len(value) <= _INT64_DIGITS
        value = int(value) if is_int else float(value)
    if isinstance(value, int):
        return value if value in _INT64 else float(value)
    return value if isinstance(value, float) else None


def content(span: Span) -> str:
    """Return a span as JSON text, its attributes decoded."""
    return json_text(
        {
            "name": span.name,
            "status": {
                "code": _STATUS_CODES.get(span.status.code, span.status.code),
                "message": span.status.message,
            },
            "attributes": _plain_all(span.attributes),
            "events": [
                {"name": event.name, "attributes": _plain_all(event.attributes)}
                for event in span.events
            ],
        }
    )


def json_text(value: object) -> str:
    """Return a text as it is and anything else as JSON, non-ASCII characters kept."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def decoded_text(text: str) -> Any:
    """Return what a text stands for: itself, or the JSON value it spells.

    JSON that cannot be written back as text stands for itself: half a surrogate pair,
    or nesting near the depth at which Python gives up.
    """
    if not text.startswith(_JSON_START):
        return text
    try:
        value = json.loads(text)
        if "\\u" in text:
            json_text(value).encode()
    except (ValueError, RecursionError):
        return text
    return text if nests_deeper(text, value) else value


def _attribute(span: Span, key: str) -> Any:
    for attribute in span.attributes:
        if stored_text(attribute.key) == key:
            return _plain(attribute.value)
    if key in _OF_EXCEPTIONS:
        for event in reversed(span.events):
            if event.name == keys.EXCEPTION_EVENT:
                return _plain_all(event.attributes).get(key)
    return None


def _plain_all(attributes: Iterable[KeyValue]) -> dict[str, Any]:
    return {each.key: _plain(each.value) for each in attributes}


def _plain(value: AnyValue) -> Any:
    kind = value.WhichOneof("value")
    match kind:
        case None:
            return None
        case "string_value":
            return decoded_text(value.string_value)
        case "bytes_value":
            return base64.b64encode(value.bytes_value).decode()
        case "array_value":
            return [_plain(each) for each in value.array_value.values]
        case "kvlist_value":
            return _plain_all(value.kvlist_value.values)
        case _:
            return getattr(value, kind)
