"""A value of the app → plain JSON types, under a budget of characters.

The walk copies, so its cost is bounded by the budget and not by the value. Libraries
are recognised by the shape of their classes (pydantic, dataclasses), never imported.
"""

import dataclasses
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import Any, Final

from spanframe._redaction import REDACTED, Redaction

__all__ = [
    "MAX_DEPTH",
    "PAIR",
    "SCALARS",
    "SCALAR_COST",
    "Walk",
    "cut",
    "own_number",
    "unrendered",
]

SCALARS: Final = frozenset({int, float, bool, type(None)})
SCALAR_COST: Final = 4
PAIR: Final = 2
MAX_DEPTH: Final = 64
MAX_SET_ITEMS: Final = 1000


class Walk:
    """One walk over one value, with the rest of its budget of characters."""

    __slots__ = ("hides", "left", "open", "redaction")

    def __init__(self, limit: int, redaction: Redaction) -> None:
        self.left = limit
        self.redaction = redaction
        self.hides = redaction.hides
        self.open: set[int] = set()

    def plain(self, value: Any, depth: int) -> Any:
        """Copy ``value`` into plain JSON types."""
        kind = type(value)
        if kind is str:
            return self.string(value)
        if kind in SCALARS:
            self.left -= SCALAR_COST
            return value
        if kind is dict:
            return self.mapping(value, value.items(), depth)
        if kind is list or kind is tuple:
            return self.sequence(value, depth)
        try:
            return self.foreign(value, depth)
        except Exception as error:  # noqa: BLE001 - the app's objects may raise anything
            return unrendered(value, error)

    def string(self, value: str) -> str:
        if self.redaction.redact is not None:
            value = self.redaction.text(value)
        shown = cut(value, max(self.left, 0))
        self.left -= len(value)
        return shown

    def mapping(
        self, value: object, items: Iterable[tuple[Any, Any]], depth: int
    ) -> dict[Any, Any] | str:
        marker = self.open_container(value, depth)
        if marker:
            return marker
        result: dict[Any, Any] = {}
        # One C call: another thread cannot change the mapping during it.
        for key, inner in tuple(islice(items, max(self.left, 0) // SCALAR_COST + 1)):
            if self.left <= 0:
                result["…"] = f"[truncated from {_size(value)} keys]"
                break
            if type(key) is not str and type(key) not in SCALARS:
                key = _key(key)  # noqa: PLW2901 - the key as JSON has it
            if type(key) is str:
                self.left -= len(key)
                if self.hides(key) and not _is_scalar(inner):
                    result[key] = REDACTED
                    continue
            result[key] = self.plain(inner, depth + 1)
        self.open.discard(id(value))
        return result

    def sequence(self, value: list[Any] | tuple[Any, ...], depth: int) -> Any:
        marker = self.open_container(value, depth)
        if marker:
            return marker
        result: list[Any] = []
        for inner in tuple(islice(value, max(self.left, 0) // SCALAR_COST + 1)):
            if self.left <= 0:
                result.append(f"… [truncated from {len(value)} items]")
                break
            result.append(self.plain(inner, depth + 1))
        if len(result) == PAIR and (
            self.hides_pair(value[0]) and not _is_scalar(value[1])
        ):
            result[1] = REDACTED
        self.open.discard(id(value))
        return result

    def hides_pair(self, name: object) -> bool:
        """Return whether a pair, as in a list of headers, holds a secret."""
        if type(name) is bytes:
            return self.hides(str(name, "latin-1"))
        return isinstance(name, str) and self.hides(name)

    def open_container(self, value: object, depth: int) -> str | None:
        """Open a container, or return the marker that replaces it."""
        if id(value) in self.open:
            return f"[cycle: {type(value).__name__}]"
        if depth > MAX_DEPTH or self.left <= 0:
            why = f"deeper than {MAX_DEPTH} levels" if depth > MAX_DEPTH else "too long"
            return f"[truncated: {type(value).__name__} of {_size(value)}, {why}]"
        self.open.add(id(value))
        return None

    def foreign(self, value: Any, depth: int) -> Any:
        """Render a value that is not of a plain JSON type."""
        if isinstance(value, str):
            return self.string(str.__str__(value))
        number = own_number(value)
        if type(number) in SCALARS:
            self.left -= SCALAR_COST
            return number
        if isinstance(value, list | tuple):
            return self.sequence(value, depth)
        kind = type(value)
        if hasattr(kind, "model_dump") and hasattr(kind, "model_fields"):
            return self.model(value, depth)
        fields = None if isinstance(value, type) else _fields(value)
        if fields is not None:
            return self.mapping(value, fields, depth)
        return self.as_text(value)

    def as_text(self, value: Any) -> str:
        """Render a value as its ``str()``."""
        left = max(self.left, 0)
        text, of = _bounded_str(value, left)
        if not of:
            return self.string(text)
        return f"{self.string(text[:left])}… [truncated from {of}]"

    def model(self, value: Any, depth: int) -> Any:
        """Render a pydantic model as it serialises itself, else by its fields."""
        marker = self.open_container(value, depth)
        if marker:
            return marker
        rendered = self.plain(_dumped(value), depth + 1)
        self.open.discard(id(value))
        return rendered


def _is_scalar(value: object) -> bool:
    """Return whether a value is nothing, a boolean or a number: no secret is."""
    return type(own_number(value)) in SCALARS


def own_number(value: Any) -> Any:
    """Return a number of another type, as numpy's, as Python's own; others as they are.

    numpy is recognised by its ``dtype``, never imported.
    """
    kind = type(value)
    if kind is str or kind in SCALARS:
        return value
    try:
        if isinstance(value, int):
            return int(value)
        if isinstance(value, float):
            return float(value)
        if value.dtype.kind in "biuf" and value.ndim == 0:
            return value.item()
    except Exception:  # noqa: BLE001 - the app's objects may raise anything
        return value
    return value


def cut(text: str, limit: int) -> str:
    """Return ``text``; a longer one is cut and marked with its length."""
    if len(text) <= limit:
        return text
    return f"{text[:limit]}… [truncated from {len(text)} characters]"


def _fields(value: Any) -> Iterable[tuple[Any, Any]] | None:
    """Return the fields of an object by name; None when it has none."""
    if dataclasses.is_dataclass(value):
        return _set_fields(value)
    if not isinstance(value, Mapping):
        return None
    try:
        return value.items()
    except Exception:
        if isinstance(value, dict):
            return dict.items(value)
        raise


def _dumped(value: Any) -> Any:
    """Return what a model says it is; the fields it has when that surprises."""
    kind = type(value)
    try:
        dumped = value.model_dump(warnings=False)
        if dumped is not None and type(dumped) is not kind:
            return dumped
    except Exception:  # noqa: BLE001, S110 - the app's serialisers may raise anything
        pass
    left_out = {name for name, field in kind.model_fields.items() if field.exclude}
    return {name: item for name, item in vars(value).items() if name not in left_out}


def _set_fields(value: Any) -> Iterator[tuple[str, Any]]:
    """Yield the fields of a dataclass that are set, by name."""
    for field in dataclasses.fields(value):
        try:
            yield field.name, getattr(value, field.name)
        except AttributeError:
            continue
        except Exception as error:  # noqa: BLE001 - the app's objects may raise anything
            yield field.name, unrendered(value, error)


def _bounded_str(value: Any, limit: int) -> tuple[str, str]:
    """Write ``str(value)``; large sets and bytes are cut before that.

    Returns:
        The text, and the size of the value when it was cut, else nothing.
    """
    if isinstance(value, set | frozenset) and len(value) > MAX_SET_ITEMS:
        return str(set(islice(value, MAX_SET_ITEMS))), f"{len(value)} items"
    if isinstance(value, bytes | bytearray) and len(value) > limit:
        return repr(value[:limit]), f"{len(value)} bytes"
    return str(value), ""


def unrendered(value: object, error: Exception) -> str:
    """Return the marker of a value that raised while it was rendered."""
    return f"[{type(value).__name__} could not be rendered: {type(error).__name__}]"


def _key(key: object) -> str:
    try:
        return str(key)
    except Exception as error:  # noqa: BLE001 - the app's objects may raise anything
        return unrendered(key, error)


def _size(value: object) -> str:
    try:
        return str(len(value))  # type: ignore[arg-type]  # what has no length says so
    except Exception:  # noqa: BLE001 - the app's objects may raise anything
        return "unknown length"
