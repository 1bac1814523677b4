"""Reads values of OTLP/JSON: each function returns the value of a field, or raises."""

import base64
import binascii
import json
import math
import re
from collections.abc import Callable, Mapping
from typing import Any, Final

__all__ = [
    "MAX_INTEGER_DIGITS",
    "RepairedError",
    "UnreadableError",
    "base64_bytes",
    "boolean",
    "double",
    "enum",
    "hexadecimal",
    "integer",
    "named_enum",
    "string",
]

MAX_INTEGER_DIGITS: Final = 20
"""Maximum digits of an integer of OTLP."""


class UnreadableError(ValueError):
    """A value does not have the type of its field; the text is the reason, or empty."""


class RepairedError(ValueError):
    """A value does not have the type of its field, and what it means is clear.

    The text says what was done. It is raised, as hardly any value is wrong, and the
    setter of the field takes the value from it.
    """

    def __init__(self, value: Any, what: str) -> None:
        super().__init__(what)
        self.value = value


def string(value: Any) -> str:
    """Read a string.

    JavaScript leaves half a surrogate pair where it cuts an emoji. UTF-8 cannot encode
    it: it becomes U+FFFD.
    """
    if isinstance(value, bool | int | float):
        raise RepairedError(json.dumps(value), "was not text, and is text now")
    if not isinstance(value, str):
        raise UnreadableError
    try:
        value.encode()
    except UnicodeEncodeError:
        text = value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        raise RepairedError(text, "had half an emoji, which is U+FFFD now") from None
    return value


def boolean(value: Any) -> bool:
    """Read a boolean; 0, 1 and the words are meant as one."""
    if isinstance(value, bool):
        return value
    try:
        meant = _BOOLEANS[value]
    except (KeyError, TypeError):
        raise UnreadableError from None
    raise RepairedError(meant, "was not a boolean, and is one now")


_BOOLEANS: Final = {0: False, 1: True, "false": False, "true": True}
_INTEGER: Final = re.compile(rf"-?[0-9]{{1,{MAX_INTEGER_DIGITS}}}")


def integer(value: Any) -> int:
    """Read a number or a string; the message refuses a number that does not fit."""
    if isinstance(value, str) and _INTEGER.fullmatch(value):
        return int(value)
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return enum(value)


def enum(value: Any) -> int:
    """Read the number of an enum value."""
    if not isinstance(value, int) or isinstance(value, bool):
        raise UnreadableError
    return value


def named_enum(numbers: Mapping[str, int]) -> Callable[[Any], int]:
    """Return the reader of an enum; OTLP/JSON has no names of enum values, senders do.

    Args:
        numbers: the numbers by name.
    """

    def read(value: Any) -> int:
        if isinstance(value, str) and value in numbers:
            raise RepairedError(numbers[value], "was a name, and is its number now")
        return enum(value)

    return read


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


def _ascii(value: Any) -> str:
    if not isinstance(value, str) or not value.isascii():
        raise UnreadableError
    return value


_TO_STANDARD_BASE64: Final = str.maketrans("-_", "+/")


def base64_bytes(value: Any) -> bytes:
    """Read base64 of either alphabet, padded or not."""
    text = _ascii(value).translate(_TO_STANDARD_BASE64).rstrip("=")
    return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)


def hexadecimal(reason: str = "") -> Callable[[Any], bytes]:
    """Return the reader of an id; the decoder checks its length.

    Args:
        reason: of rejecting a span whose id is not hexadecimal; empty: none of its own.
    """

    def read(value: Any) -> bytes:
        try:
            return binascii.unhexlify(_ascii(value))
        except ValueError:
            raise UnreadableError(reason) from None

    return read
