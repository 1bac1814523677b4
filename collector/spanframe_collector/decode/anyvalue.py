"""OTLP AnyValue to plain Python values and to JSON text."""

import base64
import json
import math
from typing import Any, Final

from opentelemetry.proto.common.v1.common_pb2 import AnyValue

__all__ = ["MAX_DEPTH", "json_text", "plain"]

MAX_DEPTH: Final = 32
"""Values nested deeper come out as None; the stored body keeps them."""


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
    return json.dumps(_for_json(value), ensure_ascii=False)


def _for_json(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        if math.isnan(value):
            return "NaN"
        return "Infinity" if value > 0 else "-Infinity"
    if isinstance(value, bytes):
        return base64.b64encode(value).decode("ascii")
    if isinstance(value, list):
        return [_for_json(item) for item in value]
    if isinstance(value, dict):
        return {key: _for_json(item) for key, item in value.items()}
    return value
