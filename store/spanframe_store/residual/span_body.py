"""What a filter asks of the body of a span: pure functions over OTLP spans.

A store that can call back into Python registers them; see `layouts.blocks`. Attributes
read as those of entities do (`spanframe_store.otlp.anyvalue`).
"""

import re
from typing import Any, Final

from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from spanframe import keys
from spanframe_store.contract.texts import stored_text
from spanframe_store.otlp.anyvalue import read_text, read_value, read_values, text_of
from spanframe_store.otlp.content import DERIVED_KEYS, derived_value

__all__ = ["attribute_number", "attribute_text", "content"]

_JSON_NUMBER: Final = re.compile(r"-?(?:0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?")
_STATUS_CODES: Final = {code: name for name, code in Status.StatusCode.items()}
_OF_EXCEPTIONS: Final = (keys.EXCEPTION_TYPE, keys.EXCEPTION_MESSAGE)
"""Attributes that a span without them has of the exception that it recorded last."""

_INT64_DIGITS: Final = 20
_INT64: Final = range(-(1 << 63), 1 << 63)


def attribute_text(span: Span, key: str) -> str | None:
    """Return the text of an attribute of a span; None when it has none."""
    value = _attribute(span, key)
    return None if value is None else stored_text(text_of(value))


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
    """Return a span as JSON text, attributes decoded, without facts of its trace."""
    attributes = read_values(span.attributes)
    return read_text(
        {
            "name": span.name,
            "status": {
                "code": _STATUS_CODES.get(span.status.code, span.status.code),
                "message": span.status.message,
            },
            "attributes": {
                key: value
                for key, value in attributes.items()
                if not keys.carries_trace_fact(key, attributes)
            },
            "events": [
                {"name": event.name, "attributes": read_values(event.attributes)}
                for event in span.events
            ],
        }
    )


def _attribute(span: Span, key: str) -> Any:
    values = {stored_text(pair.key): pair.value for pair in span.attributes}
    if key in values:
        is_fact = keys.carries_trace_fact(key, values)
        return None if is_fact else read_value(values[key])
    if key in DERIVED_KEYS:
        return derived_value(span, key)
    if key in _OF_EXCEPTIONS:
        for event in reversed(span.events):
            if event.name == keys.EXCEPTION_EVENT:
                return read_values(event.attributes).get(key)
    return None
