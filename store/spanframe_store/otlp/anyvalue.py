"""OTLP AnyValue to plain Python values, and these to JSON text and back.

An attribute has one reading, whoever asks: entities, dictionaries, columns and filters.
A text that is JSON of a text, an object or a list stands for that value; any other
text, numbers included, stands for itself (MLflow 3.17). SDKs that write JSON text and
SDKs that write typed values therefore read back alike.
"""

import base64
import json
import math
from collections.abc import Iterable, Sequence
from typing import Any, Final

from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue

from spanframe_store.contract.texts import stored_text
from spanframe_store.otlp.envelope import Budget

__all__ = [
    "MAX_DEPTH",
    "MAX_JSON_DEPTH",
    "NOT_JSON",
    "decoded_text",
    "json_text",
    "loads",
    "loads_shallow",
    "nests_deeper",
    "plain",
    "plain_values",
    "read_text",
    "read_value",
    "read_values",
    "text_of",
]

MAX_DEPTH: Final = 32
"""Maximum levels of an attribute value; deeper values are read as None, and the stored
body keeps them."""

NOT_JSON: Final = object()
"""The result of `loads` for text that is not JSON; null is JSON."""

_decoder: Final = json.JSONDecoder()
_decode: Final = _decoder.decode
_decode_start: Final = _decoder.raw_decode
_CONTAINERS: Final = (dict, list)
_STARTS: Final = frozenset('"{[ \t\r\n')
"""Characters that a JSON text of a text, an object or a list starts with."""

_WORDS: Final = {math.inf: "Infinity", -math.inf: "-Infinity"}
MAX_JSON_DEPTH: Final = 100
"""Maximum levels of a value that is written as JSON, or shown decoded from it; a JSON
text may be deeper than Python can recurse."""


def plain_values(
    pairs: Sequence[KeyValue], budget: Budget | None = None
) -> dict[str, Any]:
    """Return attributes as plain values by key; where a key comes twice, the last wins.

    Args:
        pairs: the attributes.
        budget: is spent on these and the values inside of them; None: no limit.

    Raises:
        TooManyValuesError: when the budget is spent.
    """
    if budget is not None:
        budget.spend(len(pairs))
    # Most values are text: reading that first saves asking for their type.
    return {
        pair.key: pair.value.string_value or plain(pair.value, 0, budget)
        for pair in pairs
    }


def plain(value: AnyValue, depth: int = 0, budget: Budget | None = None) -> Any:
    """Return the value as str, bool, int, float, bytes, list, dict or None (empty).

    Where a key comes twice in one map, the last wins (OTLP leaves it to the receiver).
    """
    kind = value.WhichOneof("value")
    if kind == "array_value":
        if depth >= MAX_DEPTH:
            return None
        items = value.array_value.values
        if budget is not None:
            budget.spend(len(items))
        return [plain(item, depth + 1, budget) for item in items]
    if kind == "kvlist_value":
        if depth >= MAX_DEPTH:
            return None
        pairs = value.kvlist_value.values
        if budget is not None:
            budget.spend(len(pairs))
        return {pair.key: plain(pair.value, depth + 1, budget) for pair in pairs}
    if kind is None or kind == "string_value_strindex":
        return None
    return getattr(value, kind)


def read_values(pairs: Iterable[KeyValue]) -> dict[str, Any]:
    """Return attributes as they read, by key; of two under one key, the last."""
    return {pair.key: read_value(pair.value) for pair in pairs}


def read_value(value: AnyValue) -> Any:
    """Return an attribute's value as it reads, in the types of JSON and of Python."""
    plain_value = plain(value)
    if isinstance(plain_value, str):
        return decoded_text(plain_value)
    return _for_json(plain_value, 0, words=False)


def decoded_text(text: str) -> Any:
    """Return what a text stands for: itself, or the text, object or list it is JSON of.

    JSON that nests deeper than `MAX_JSON_DEPTH` stands for itself.
    """
    if text[:1] not in _STARTS:
        return text
    value = loads_shallow(text)
    return value if isinstance(value, str | dict | list) else text


def text_of(value: object) -> str:
    """Return a value that was read as text: a text as it is, anything else as JSON."""
    return value if isinstance(value, str) else read_text(value)


def read_text(value: object) -> str:
    """Return JSON text of a plain value that reads as the value: NaN stays a number."""
    return json.dumps(_for_json(value, 0, words=False), ensure_ascii=False)


def json_text(value: object) -> str:
    """Return JSON text of a plain value: bytes as base64, NaN and infinity as words.

    The words are quoted as in OTLP/JSON, so that every JSON reader accepts the text.
    """
    return json.dumps(_for_json(value, 0, words=True), ensure_ascii=False)


def loads(text: str) -> Any:
    """Return the value of a JSON text, `NOT_JSON` for any other text.

    A lone surrogate, which JavaScript leaves where it cuts an emoji, becomes U+FFFD:
    UTF-8 cannot encode it, and no store can keep it.
    """
    try:
        value = _value(text)
        if "\\ud" in text or "\\uD" in text:
            value = _decode(stored_text(json.dumps(value, ensure_ascii=False)))
    except (ValueError, RecursionError):
        return NOT_JSON
    else:
        return value


def loads_shallow(text: str) -> Any:
    """Return the value of a JSON text, `NOT_JSON` where it nests too deep as well.

    A value that Python can just decode it can neither print nor write a few calls
    further on.
    """
    value = loads(text)
    return NOT_JSON if nests_deeper(text, value) else value


def nests_deeper(text: str, value: Any) -> bool:
    """Return whether a JSON text, and the value of it, exceed `MAX_JSON_DEPTH`."""
    if text.count("[") + text.count("{") <= MAX_JSON_DEPTH:
        return False
    depth, level = 0, [value] if isinstance(value, _CONTAINERS) else []
    while level and depth <= MAX_JSON_DEPTH:
        depth += 1
        inner = (v.values() if isinstance(v, dict) else v for v in level)
        level = [v for each in inner for v in each if isinstance(v, _CONTAINERS)]
    return depth > MAX_JSON_DEPTH


def _value(text: str) -> Any:
    """Return the value of a JSON text; without white space around it, twice as fast."""
    if not text or text[0].isspace():
        return _decode(text)
    value, end = _decode_start(text)
    return value if end == len(text) else _decode(text)


def _for_json(value: Any, depth: int, *, words: bool) -> Any:
    if isinstance(value, list | dict) and depth >= MAX_JSON_DEPTH:
        return None
    if isinstance(value, list):
        return [_for_json(item, depth + 1, words=words) for item in value]
    if isinstance(value, dict):
        return {
            key: _for_json(item, depth + 1, words=words) for key, item in value.items()
        }
    if isinstance(value, bytes):
        return base64.b64encode(value).decode("ascii")
    if words and isinstance(value, float) and not math.isfinite(value):
        return _WORDS.get(value, "NaN")
    return value
