"""Limits on spans, resources and scopes that are checked before they are parsed.

An empty sub-message of two bytes takes up to ninety times as much memory once parsed.
"""

from typing import Final

from spanframe_store.otlp.envelope import Nesting, has_more_fields, has_more_nested

__all__ = [
    "LOG_RECORD",
    "MAX_FIELDS",
    "MAX_MESSAGE_BYTES",
    "MIN_COUNTED_BYTES",
    "RESOURCE",
    "SCOPE",
    "SPAN",
    "is_too_large",
    "is_too_many_parts",
    "is_unfit",
]

MAX_FIELDS: Final = 20_000
"""Maximum fields of one span, resource or scope: attributes, events, links."""

MAX_MESSAGE_BYTES: Final = 4 << 20
"""Maximum size of one span, resource or scope, in bytes."""

_MAX_ELEMENTS: Final = 650_000
"""Maximum elements of the arrays and maps of one span, resource or scope; once parsed,
empty ones take thirty times their bytes. To count them would take a second, so they are
estimated by the bytes that begin one, where more than `MAX_FIELDS` are found."""

_ELEMENT: Final = b"\x0a"
"""The tag of an element of an ArrayValue or KeyValueList."""

_ANY_VALUE: Final[Nesting] = {}
_KEY_VALUE: Final[Nesting] = {2: _ANY_VALUE}
_ANY_VALUE.update({5: {1: _ANY_VALUE}, 6: {1: _KEY_VALUE}})

RESOURCE: Final[Nesting] = {1: _KEY_VALUE}
SCOPE: Final[Nesting] = {3: _KEY_VALUE}
SPAN: Final[Nesting] = {9: _KEY_VALUE, 11: {3: _KEY_VALUE}, 13: {4: _KEY_VALUE}}
LOG_RECORD: Final[Nesting] = {5: _ANY_VALUE, 6: _KEY_VALUE}
"""The fields that are messages of a span, resource, scope, log record (OTLP 1.11)."""

MIN_COUNTED_BYTES: Final = 64 << 10
"""Minimum size of a message whose fields are counted, in bytes; in a smaller one, too
many fields take little memory."""


def is_too_large(message: bytes) -> bool:
    """Tell whether a span, resource or scope has more than 4 MiB."""
    return len(message) > MAX_MESSAGE_BYTES


def is_too_many_parts(message: bytes, kind: Nesting) -> bool:
    """Tell whether a message has more than `MAX_FIELDS` fields, or countless values.

    Args:
        message: bytes of the message.
        kind: `SPAN`, `RESOURCE` or `SCOPE`.
    """
    if len(message) <= MIN_COUNTED_BYTES:
        return False
    if has_more_fields(message, MAX_FIELDS):
        return True
    # Such bytes are also the line breaks of texts, which do not count.
    may_have_more = message.count(_ELEMENT) > _MAX_ELEMENTS
    return may_have_more and has_more_nested(message, kind, MAX_FIELDS)


def is_unfit(message: bytes, kind: Nesting) -> bool:
    """Tell whether a message is too large or has too many parts."""
    return is_too_large(message) or is_too_many_parts(message, kind)
