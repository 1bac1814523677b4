"""JSON values as cells hold them: dictionaries and lists whose text is JSON."""

import json
from collections.abc import Callable
from typing import Any, Final

from spanframe_store.contract.texts import stored_text
from spanframe_store.otlp.anyvalue import json_text as plain_text
from spanframe_store.otlp.content import loads

__all__ = ["JsonArray", "JsonObject", "JsonText", "json_cell", "json_text"]


def json_text(value: Any, indent: int | None = None) -> str:
    """Return a value as JSON text: UTF-8, and no word that JSON does not have.

    NaN and infinity are written as texts; a value of another type as its text.
    """
    try:
        text = json.dumps(
            value, ensure_ascii=False, allow_nan=False, default=str, indent=indent
        )
    except ValueError:
        # Reading it back replaces values of other types, which have no NaN inside.
        plain = json.loads(json.dumps(value, default=str))
        text = json.dumps(json.loads(plain_text(plain)), ensure_ascii=False)
    return stored_text(text)


class JsonObject(dict[str, Any]):
    """A dictionary that CSV and ``str`` write as JSON."""

    __slots__ = ()

    def __str__(self) -> str:
        return json_text(self)


class JsonArray(list[Any]):
    """A list that CSV and ``str`` write as JSON."""

    __slots__ = ()

    def __str__(self) -> str:
        return json_text(self)


class JsonText(str):
    """The JSON text of a cell that nobody has read."""

    __slots__ = ()


_CELLS: Final[dict[type, Callable[[Any], Any]]] = {
    dict: JsonObject,
    list: JsonArray,
    JsonText: lambda text: json_cell(loads(text)),
}


def json_cell(value: Any) -> Any:
    """Return a JSON value as a cell shows it to code."""
    made = _CELLS.get(type(value))
    return value if made is None else made(value)
