"""JSON values as cells hold them: dictionaries and lists whose text is JSON."""

from collections.abc import Callable
from typing import Any, Final

from spanframe.errors import InvalidArgumentError
from spanframe_query.entities import html
from spanframe_query.entities.json_text import json_text
from spanframe_query.entities.span import Span
from spanframe_store.otlp.content import loads

__all__ = ["JsonArray", "JsonObject", "JsonText", "SpanList", "json_cell"]


class JsonObject(dict[str, Any]):
    """A dictionary that CSV and ``str`` write as JSON."""

    __slots__ = ()

    def __str__(self) -> str:
        return json_text(self)

    def _repr_html_(self) -> str:
        return html.value_html(self)


class JsonArray(list[Any]):
    """A list that CSV and ``str`` write as JSON."""

    __slots__ = ()

    def __str__(self) -> str:
        return json_text(self)

    def _repr_html_(self) -> str:
        return html.value_html(self)


class SpanList(JsonArray):
    """The dictionaries of the spans of a trace, which a notebook draws."""

    __slots__ = ()

    def _repr_html_(self) -> str:
        try:
            return html.spans_html([Span.from_dict(each) for each in self])
        except InvalidArgumentError:  # a program has changed them
            return super()._repr_html_()


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
