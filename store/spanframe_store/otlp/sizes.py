"""Limits on spans, resources and scopes that are checked before they are parsed.

An empty sub-message of two bytes takes up to ninety times as much memory once parsed.
"""

from typing import Final

from spanframe_store.otlp.envelope import has_more_fields

__all__ = ["MAX_FIELDS", "is_too_large", "is_too_many_parts", "is_unfit"]

MAX_FIELDS: Final = 20_000
"""Maximum fields of one span, resource or scope: attributes, events, links."""

_MAX_MESSAGE_BYTES: Final = 4 << 20
"""Maximum size of one span, resource or scope, in bytes."""

_MIN_COUNTED_BYTES: Final = 64 << 10
"""Minimum size of a message whose fields are counted, in bytes; in a smaller one, too
many fields take little memory."""


def is_too_large(message: bytes) -> bool:
    """Tell whether a span, resource or scope has more than 4 MiB."""
    return len(message) > _MAX_MESSAGE_BYTES


def is_too_many_parts(message: bytes) -> bool:
    """Tell whether a span, resource or scope has more than `MAX_FIELDS` fields."""
    return len(message) > _MIN_COUNTED_BYTES and has_more_fields(message, MAX_FIELDS)


def is_unfit(message: bytes) -> bool:
    """Tell whether a message is too large or has too many fields."""
    return is_too_large(message) or is_too_many_parts(message)
