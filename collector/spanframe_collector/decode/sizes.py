"""What is too large to be parsed: found out before parsing.

Parsed, an empty sub-message of two bytes takes up to ninety times as much memory.
"""

from typing import Final

from spanframe_collector.decode.envelope import has_more_fields

__all__ = ["MAX_FIELDS", "is_too_large", "is_too_many_parts", "is_unfit"]

MAX_FIELDS: Final = 20_000
"""Attributes, events and links in one span, or attributes of a resource or scope."""

_MAX_MESSAGE_BYTES: Final = 4 << 20
_MIN_COUNTED_BYTES: Final = 64 << 10


def is_too_large(message: bytes) -> bool:
    """Whether a span, resource or scope has more than 4 MiB."""
    return len(message) > _MAX_MESSAGE_BYTES


def is_too_many_parts(message: bytes) -> bool:
    """Whether a span, resource or scope has more than `MAX_FIELDS` fields."""
    return len(message) > _MIN_COUNTED_BYTES and has_more_fields(message, MAX_FIELDS)


def is_unfit(message: bytes) -> bool:
    """Whether a message is either."""
    return is_too_large(message) or is_too_many_parts(message)
