"""Reads values of OTLP/JSON: each function returns the value of a field, or raises."""

import base64
import binascii
import math
import re
from collections.abc import Callable
from typing import Any, Final

__all__ = [
    "MAX_INTEGER_DIGITS",
    "UnreadableError",
    "base64_bytes",
    "boolean",
    "double",
    "enum",
    "hexadecimal",
    "integer",
    "string",
]

MAX_INTEGER_DIGITS: Final = 20
"""Maximum digits of an integer of OTLP."""


class UnreadableError(ValueError):
    """A value does not have the type of its field; the text is the reason, or empty."""


def string(value: Any) -> str:
    """Read a string; the message refuses a lone surrogate."""
    if not isinstance(value, str):
        raise UnreadableError
    return value


def boolean(value: Any) -> bool:
    """Read a boolean."""
    if not isinstance(value, bool):
        raise UnreadableError
    return value


_INTEGER: Final = re.compile(rf"-?[0-9]{{1,{MAX_INTEGER_DIGITS}}}")


def integer(value: Any) -> int:
    """Read a number or a string; the message refuses a number that does not fit."""
    if isinstance(value, str) and _INTEGER.fullmatch(value):
        return int(value)
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return enum(value)


def enum(value: Any) -> int:
    """Read the number of an enum value; OTLP/JSON has no names of enum values."""
    if not isinstance(value, int) or isinstance(value, bool):
        raise UnreadableError
    return value


_NUMBER: Final = re.compile(r"-?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?")
_WORDS: Final = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}


def double(value: Any) -> float:
    """Read a number, or the word for infinity or NaN."""
    if isinstance(value, str):
        if value in _WORDS:
            return _WORDS[value]
        if not _NUMBER.fullmatch(value):
            raise UnreadableError
    elif not isinstance(value, int | float) or isinstance(value, bool):
        raise UnreadableError
    number = float(value)
    if not math.isfinite(number):  # written as 1e999
        raise UnreadableError
    return number


_TO_STANDARD_BASE64: Final = str.maketrans("-_", "+/")


def base64_bytes(value: Any) -> bytes:
    """Read base64 of either alphabet, padded or not."""
    text = string(value).translate(_TO_STANDARD_BASE64).rstrip("=")
    return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)


def hexadecimal(reason: str = "") -> Callable[[Any], bytes]:
    """Return the reader of an id; the decoder checks its length.

    Args:
        reason: of rejecting a span whose id is not hexadecimal; empty: none of its own.
    """

    def read(value: Any) -> bytes:
        try:
            return binascii.unhexlify(string(value))
        except ValueError:
            raise UnreadableError(reason) from None

    return read
