"""Reads values of attributes as JSON text, as counts of tokens, and as costs."""

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from spanframe_store.otlp.anyvalue import NOT_JSON, json_text, loads

__all__ = [
    "Attributes",
    "Cost",
    "Events",
    "Usage",
    "amount",
    "as_json",
    "cost",
    "decoded",
    "is_absent",
    "token_count",
    "usage",
]

Attributes = Mapping[str, Any]
"""The attributes of a span or an event: plain Python values by key."""

Events = Sequence[tuple[str, Attributes]]
"""The name and the attributes of events, in order."""

_ABSENT_TEXTS: Final = ("", '""', "{}", "[]", "null")
_MAX_TOKENS: Final = (1 << 63) - 1
"""Maximum count of tokens; the stores keep signed 64-bit integers."""

_MAX_DIGITS: Final = 19
"""Maximum digits of a count of tokens."""

_MAX_AMOUNT: Final = 1e12
"""Maximum cost of a span, in USD; neither infinity nor NaN is one."""

_MAX_AMOUNT_CHARS: Final = 40
"""Maximum characters of a cost that is written as text."""


class Usage(NamedTuple):
    """The tokens a span used; None where it does not say."""

    input_tokens: int | None = None
    output_tokens: int | None = None
    total_tokens: int | None = None
    cache_read_input_tokens: int | None = None
    cache_creation_input_tokens: int | None = None
    reasoning_output_tokens: int | None = None


class Cost(NamedTuple):
    """The cost of a span in USD; a part is None where it is not known."""

    input_cost: float | None
    output_cost: float | None
    total_cost: float
    is_computed: bool = False
    """Whether it was computed from tokens and the price table, not stated."""


def decoded(value: Any) -> Any:
    """Return the value of a JSON text, anything else as it is."""
    if not isinstance(value, str):
        return value
    loaded = loads(value)
    return value if loaded is NOT_JSON else loaded


def is_absent(value: Any) -> bool:
    """Tell whether a value counts as not given (MLflow 3.17)."""
    return value is None or value in _ABSENT_TEXTS or value in ({}, [])


def as_json(value: Any) -> str | None:
    """Return a value as JSON text, None when it counts as not given.

    Text that is itself JSON of a string, object or list is kept once-encoded; numeric
    text stays text (MLflow 3.17).
    """
    if is_absent(value):
        return None
    if isinstance(value, str) and isinstance(loads(value), str | dict | list):
        return value
    return json_text(value)


def token_count(value: Any) -> int | None:
    """Return a count of tokens that fits a signed 64-bit integer; None: it is not one.

    Senders write integers, numeric text, and (from JavaScript) whole doubles.
    """
    if isinstance(value, str):
        text = value.strip()
        is_number = text.isascii() and text.isdecimal() and len(text) <= _MAX_DIGITS
        value = int(text) if is_number else None
    elif isinstance(value, float):
        value = int(value) if value.is_integer() else None
    if not isinstance(value, int) or isinstance(value, bool):
        return None
    return value if 0 <= value <= _MAX_TOKENS else None


def usage(
    input_tokens: int | None,
    output_tokens: int | None,
    total_tokens: int | None,
    cache_read_input_tokens: int | None = None,
    cache_creation_input_tokens: int | None = None,
    reasoning_output_tokens: int | None = None,
) -> Usage | None:
    """Return the usage that the counts state, with their sum where no total is given.

    An embedding has input tokens alone, and they are its total. Counts of the cache or
    of reasoning alone state none: they are a part of the input or the output.
    """
    if input_tokens is None and output_tokens is None and total_tokens is None:
        return None
    if total_tokens is None:
        total_tokens = token_count((input_tokens or 0) + (output_tokens or 0))
    return Usage(
        input_tokens,
        output_tokens,
        total_tokens,
        cache_read_input_tokens,
        cache_creation_input_tokens,
        reasoning_output_tokens,
    )


def cost(
    input_cost: float | None, output_cost: float | None, total_cost: float | None
) -> Cost | None:
    """Return the cost that the parts state, with their sum where no total is given."""
    if total_cost is None:
        if input_cost is None and output_cost is None:
            return None
        total_cost = (input_cost or 0.0) + (output_cost or 0.0)
    return Cost(input_cost, output_cost, total_cost)


def amount(value: Any) -> float | None:
    """Return an amount of money; None: the value is not one.

    Senders write numbers and numeric text.
    """
    if isinstance(value, str) and len(value) <= _MAX_AMOUNT_CHARS:
        try:
            value = float(value)
        except ValueError:
            return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if 0 <= value <= _MAX_AMOUNT else None
