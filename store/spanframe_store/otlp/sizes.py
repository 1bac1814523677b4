"""What is too large to be parsed: found out before parsing.

Parsed, an empty sub-message of two bytes takes up to ninety times as much memory.
"""

from typing import Final

from spanframe_store.otlp.envelope import has_more_fields

__all__ = ["MOST_FIELDS", "is_too_large", "is_too_many_parts", "is_unfit"]

MOST_FIELDS: Final = 20_000
"""Attributes, events and links in one span, or attributes of a resource or scope."""

_LARGEST: Final = 4 << 20
_UNCOUNTED: Final = 64 << 10


def is_too_large(message: bytes) -> bool:
    """Whether a span, resource or scope has more than 4 MiB."""
    return len(message) > _LARGEST


def is_too_many_parts(message: bytes) -> bool:
    """Whether a span, resource or scope has more than `MOST_FIELDS` fields."""
    return len(message) > _UNCOUNTED and has_more_fields(message, MOST_FIELDS)


def is_unfit(message: bytes) -> bool:
    """Whether a message is either."""
    return is_too_large(message) or is_too_many_parts(message)
