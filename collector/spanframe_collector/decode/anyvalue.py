"""OTLP AnyValue to plain Python values and to JSON text."""

import base64
import json
import math
from typing import Any, Final

from opentelemetry.proto.common.v1.common_pb2 import AnyValue

__all__ = ["MAX_DEPTH", "json_text", "plain"]

MAX_DEPTH: Final = 32
"""Values nested deeper come out as None; the stored body keeps them."""

_WORDS: Final = {math.inf: "Infinity", -math.inf: "-Infinity"}
_MAX_JSON_DEPTH: Final = 100
"""The same for JSON text inside a value: it may be nested deeper than Python goes."""


def plain(value: AnyValue, depth: int = 0) -> Any:
    """Return the value as str, bool, int, float, bytes, list, dict or None (empty).

    Of two equal keys in one map the last wins (OTLP leaves it to the receiver).
    """
    kind = value.WhichOneof("value")
    if kind == "array_value":
        if depth >= MAX_DEPTH:
            return None
        return [plain(item, depth + 1) for item in value.array_value.values]
    if kind == "kvlist_value":
        if depth >= MAX_DEPTH:
            return None
        return {kv.key: plain(kv.value, depth + 1) for kv in value.kvlist_value.values}
    if kind is None or kind == "string_value_strindex":
        return None
    return getattr(value, kind)


def json_text(value: object) -> str:
    """Return JSON text of a plain value: bytes as base64, NaN and infinity as words.

    The words are quoted, so that every reader of JSON takes the text (OTLP/JSON).
    """
    return json.dumps(_for_json(value, 0), ensure_ascii=False)


def _for_json(value: Any, depth: int) -> Any:
    if isinstance(value, list | dict) and depth >= _MAX_JSON_DEPTH:
        return None
    if isinstance(value, list):
        return [_for_json(item, depth + 1) for item in value]
    if isinstance(value, dict):
        return {key: _for_json(item, depth + 1) for key, item in value.items()}
    if isinstance(value, bytes):
        return base64.b64encode(value).decode("ascii")
    if isinstance(value, float) and not math.isfinite(value):
        return _WORDS.get(value, "NaN")
    return value
