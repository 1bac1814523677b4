"""``extract_fields``: columns from the inputs or outputs of spans, by span name.

::

    item  := span "." ("inputs" | "outputs") [ "." field ]
    span  := text without a dot | "`" text "`"
    field := text to the end    | "`" text "`"
"""

import re
from collections.abc import Iterable, Sequence
from typing import Any, Final, Literal, NamedTuple

from spanframe.errors import InvalidArgumentError
from spanframe_query.entities import Span
from spanframe_store.otlp.anyvalue import decoded_text

__all__ = ["ExtractField", "parse_extract_fields"]

_ITEM: Final = re.compile(
    r"(?:`(?P<quoted_span>[^`]*)`|(?P<span>[^.`]*))"
    r"\.(?P<side>inputs|outputs)"
    r"(?:\.(?:`(?P<quoted_field>[^`]+)`|(?P<field>[^`]*)))?",
    re.DOTALL,
)
_MISSING: Final = object()
_INDEX: Final = re.compile(r"[0-9]{1,9}")


class ExtractField(NamedTuple):
    """A column to extract.

    Attributes:
        column: the name of the column.
        span: the name of the span.
        side: inputs or outputs.
        keys: the paths to try in turn: the field as one key, then, unless it was
            quoted, its parts; empty for the whole inputs or outputs.
    """

    column: str
    span: str
    side: Literal["inputs", "outputs"]
    keys: tuple[tuple[str, ...], ...]

    def value_in(self, spans: Sequence[Span]) -> Any:
        """Return the field of the first span of that name that has it, else None."""
        for span in spans:
            if span.name != self.span:
                continue
            value = span.inputs if self.side == "inputs" else span.outputs
            # A function that returns JSON as a text returns the value (MLflow 3.17).
            found = self._find(decoded_text(value) if type(value) is str else value)
            if found is not _MISSING:
                return found
        return None

    def _find(self, value: Any) -> Any:
        if not self.keys:
            return _MISSING if value is None else value
        found = (_follow(value, path) for path in self.keys)
        return next((each for each in found if each is not _MISSING), _MISSING)


def parse_extract_fields(items: Iterable[str] | None) -> tuple[ExtractField, ...]:
    """Read the argument ``extract_fields``.

    Raises:
        InvalidArgumentError: when an item cannot be read; the message shows how to
            write it.
    """
    if isinstance(items, str):
        raise InvalidArgumentError(
            f"extract_fields is the text {items!r}: write a list, [{items!r}]."
        )
    return tuple(_parse(item) for item in items or ())


def _parse(item: str) -> ExtractField:
    match = _ITEM.fullmatch(str(item))
    if match is None:
        raise InvalidArgumentError(
            f"extract_fields has {item!r}: write 'span.inputs', 'span.outputs' or "
            "'span.inputs.field', with `backticks` around a span name that holds a dot."
        )
    quoted, plain = match["quoted_field"], match["field"]
    keys: tuple[tuple[str, ...], ...] = ()
    if quoted:
        keys = ((quoted,),)
    elif plain:
        keys = ((plain,), tuple(plain.split(".")))
    return ExtractField(
        column=item.replace("`", "").removesuffix("."),
        span=match["quoted_span"] if match["span"] is None else match["span"],
        side="inputs" if match["side"] == "inputs" else "outputs",
        keys=keys,
    )


def _follow(value: Any, path: tuple[str, ...]) -> Any:
    """Return the value at a path of dictionary keys and list indexes."""
    for part in path:
        if isinstance(value, dict) and part in value:
            value = value[part]
        elif isinstance(value, list) and _INDEX.fullmatch(part):
            if int(part) >= len(value):
                return _MISSING
            value = value[int(part)]
        else:
            return _MISSING
    return value
