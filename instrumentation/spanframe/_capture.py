"""Values of the app → bounded JSON text, without secrets; never raises.

The walk copies a value into plain JSON types under a budget of characters, so the cost
of a capture is bounded by the setting and not by the value. Libraries are recognised
by the shape of their classes (pydantic, dataclasses), never imported.
"""

import dataclasses
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import islice
from typing import Any, Final

from spanframe._redaction import REDACTED, Redaction

__all__ = ["Attribute", "Capture", "well_formed"]

Attribute = str | bool | int | float | list[str] | list[bool] | list[int] | list[float]

_SCALARS: Final = frozenset({int, float, bool, type(None)})
_TYPED: Final = frozenset({str, int, float, bool})
_DEEPEST: Final = 64
_SCALAR_COST: Final = 4
_PAIR: Final = 2
_NAMES: Final = frozenset({str, bytes})
_MOST_OF_A_SET: Final = 1000
_INT64: Final = 1 << 63


def _encoder() -> Callable[[Any], str]:
    """Return ``json.dumps`` with its C encoder made once instead of for each value.

    That halves the cost of a small value. The C encoder is no public name of ``json``,
    so it is used only where it is there and writes what ``json`` writes.
    """
    portable = json.JSONEncoder(ensure_ascii=False, check_circular=False).encode
    sample = {"é": ["a\n", 1, 1.5, True, None, {}]}
    try:
        chunks = json.encoder.c_make_encoder(  # type: ignore[attr-defined]
            None,
            portable,
            json.encoder.encode_basestring,
            None,
            ": ",
            ", ",
            False,
            False,
            True,
        )
        same = "".join(chunks(sample, 0)) == portable(sample)
    except (AttributeError, TypeError):
        return portable
    return (lambda value: "".join(chunks(value, 0))) if same else portable


_encode: Final = _encoder()


class Capture:
    """Renders values for the wire.

    Args:
        limit: the most characters of one value.
        redaction: which keys and texts are hidden.
        enabled: whether arguments and results are recorded unasked.
    """

    __slots__ = ("enabled", "limit", "redaction")

    def __init__(
        self, limit: int, redaction: Redaction, *, enabled: bool = True
    ) -> None:
        self.limit = limit
        self.redaction = redaction
        self.enabled = enabled

    def json_text(self, value: object) -> str:
        """Render ``value`` as JSON text.

        Tuples become lists, other keys than text become text, NaN and Infinity stay
        bare words, pydantic models and dataclasses become objects, anything else
        becomes its ``str()`` (as MLflow 3.17 writes them).
        """
        try:
            if self.redaction.redact is None and (
                _weigh(value, self.limit, self.redaction.known, 0) >= 0
            ):
                plain = value
            else:
                plain = _Walk(self.limit, self.redaction).plain(value, 0)
            try:
                text = _encode(plain)
            except ValueError:
                # Python refuses to write integers of more than 4300 digits.
                text = _encode(_without_huge_integers(plain))
        except Exception as error:  # noqa: BLE001 - the app's objects may raise anything
            text = _encode(_unrendered(value, error))
        return text if text.isascii() else well_formed(text)

    def attribute(self, key: str, value: object) -> Attribute:
        """Render an attribute: typed where OpenTelemetry has the type, else JSON text.

        Lists of one primitive type stay lists; integers over 64 bits become JSON text.
        """
        if self.redaction.hides(key):
            return REDACTED
        kind = type(value)
        if kind is str:
            return self.text(value)
        if kind in _TYPED and _fits(value):
            return value  # type: ignore[return-value]  # one of the four types
        if isinstance(value, list | tuple) and 0 < len(value) <= self.limit:
            first = type(value[0])
            if first in _TYPED and all(type(v) is first and _fits(v) for v in value):
                return [self.text(v) for v in value] if first is str else list(value)
        return self.json_text(value)

    def text(self, value: object) -> str:
        """Render ``value`` as plain text, whole, through the app's own redaction."""
        try:
            text = value if type(value) is str else str(value)
        except Exception as error:  # noqa: BLE001 - the app's objects may raise anything
            return _unrendered(value, error)
        if self.redaction.redact is not None:
            text = self.redaction.text(text)
        return text if text.isascii() else well_formed(text)


def well_formed(text: str) -> str:
    """Return ``text`` as UTF-8 can carry it: a lone surrogate becomes its escape.

    One such character makes protobuf refuse the whole request it is in.
    """
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode(errors="backslashreplace").decode()
    return text


def _weigh(value: Any, left: int, known: dict[str, bool], depth: int) -> int:
    """Return what is left of a budget of characters after ``value``.

    Negative for what cannot be written as it is: too long or too deep, of other types,
    or with keys that are secrets or have not been looked at. Most values can, and
    weighing costs a third of the walk that copies them.
    """
    kind = type(value)
    if kind is str:
        return left - len(value)
    if kind in _SCALARS:
        return left - _SCALAR_COST
    weigh = _WEIGHERS.get(kind) if depth <= _DEEPEST else None
    return -1 if weigh is None else weigh(value, left, known, depth + 1)


def _weigh_mapping(
    value: dict[Any, Any], left: int, known: dict[str, bool], depth: int
) -> int:
    for key, inner in value.items():
        if type(key) is not str or known.get(key) is not False:
            return -1
        left = _weigh(inner, left - len(key), known, depth)
        if left < 0:
            return -1
    return left


def _weigh_sequence(
    value: Sequence[Any], left: int, known: dict[str, bool], depth: int
) -> int:
    if len(value) == _PAIR and type(value[0]) in _NAMES:
        return -1
    for inner in value:
        left = _weigh(inner, left - 1, known, depth)
        if left < 0:
            return -1
    return left


_WEIGHERS: Final[dict[type, Callable[[Any, int, dict[str, bool], int], int]]] = {
    dict: _weigh_mapping,
    list: _weigh_sequence,
    tuple: _weigh_sequence,
}


class _Walk:
    """One walk over one value, with what is left of its budget."""

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
        if kind in _SCALARS:
            self.left -= _SCALAR_COST
            return value
        if kind is dict:
            return self.mapping(value, value.items(), depth)
        if kind is list or kind is tuple:
            return self.sequence(value, depth)
        try:
            return self.foreign(value, depth)
        except Exception as error:  # noqa: BLE001 - the app's objects may raise anything
            return _unrendered(value, error)

    def string(self, value: str) -> str:
        if self.redaction.redact is not None:
            value = self.redaction.text(value)
        length = len(value)
        if length > self.left:
            value = (
                f"{value[: max(self.left, 0)]}… [truncated from {length} characters]"
            )
        self.left -= length
        return value

    def mapping(
        self, value: object, items: Iterable[tuple[Any, Any]], depth: int
    ) -> dict[Any, Any] | str:
        marker = self.enter(value, depth)
        if marker:
            return marker
        result: dict[Any, Any] = {}
        # One C call: another thread cannot change the mapping half-way.
        for key, inner in tuple(islice(items, max(self.left, 0) // _SCALAR_COST + 1)):
            if self.left <= 0:
                result["…"] = f"[truncated from {_size(value)} keys]"
                break
            if type(key) is not str and type(key) not in _SCALARS:
                key = _key(key)  # noqa: PLW2901 - the key as JSON has it
            if type(key) is str:
                self.left -= len(key)
                if self.hides(key) and inner is not None:
                    result[key] = REDACTED
                    continue
            result[key] = self.plain(inner, depth + 1)
        self.open.discard(id(value))
        return result

    def sequence(self, value: list[Any] | tuple[Any, ...], depth: int) -> Any:
        marker = self.enter(value, depth)
        if marker:
            return marker
        result: list[Any] = []
        for inner in tuple(islice(value, max(self.left, 0) // _SCALAR_COST + 1)):
            if self.left <= 0:
                result.append(f"… [truncated from {len(value)} items]")
                break
            result.append(self.plain(inner, depth + 1))
        if len(result) == _PAIR and self.hides_pair(value[0]):
            result[1] = REDACTED
        self.open.discard(id(value))
        return result

    def hides_pair(self, name: object) -> bool:
        """Say whether a pair, as lists of headers hold them, carries a secret."""
        if type(name) is bytes:
            return self.hides(str(name, "latin-1"))
        return isinstance(name, str) and self.hides(name)

    def enter(self, value: object, depth: int) -> str | None:
        """Open a container, or say what stands in its place."""
        if id(value) in self.open:
            return f"[cycle: {type(value).__name__}]"
        if depth > _DEEPEST or self.left <= 0:
            why = f"deeper than {_DEEPEST} levels" if depth > _DEEPEST else "too long"
            return f"[truncated: {type(value).__name__} of {_size(value)}, {why}]"
        self.open.add(id(value))
        return None

    def foreign(self, value: Any, depth: int) -> Any:
        """Render what is not of a plain JSON type itself."""
        if isinstance(value, str):
            return self.string(str.__str__(value))
        if isinstance(value, int | float):
            return int(value) if isinstance(value, int) else float(value)
        if isinstance(value, list | tuple):
            return self.sequence(value, depth)
        fields = None if isinstance(value, type) else _fields(value)
        if fields is not None:
            return self.mapping(value, fields, depth)
        left = max(self.left, 0)
        text, of = _bounded_str(value, left)
        if not of:
            return self.string(text)
        return f"{self.string(text[:left])}… [truncated from {of}]"


def _fields(value: Any) -> Iterable[tuple[Any, Any]] | None:
    """Return what an object holds by name; None when it is not that kind of object."""
    kind = type(value)
    if isinstance(value, Mapping):
        return value.items()
    if hasattr(kind, "model_dump") and hasattr(kind, "model_fields"):
        fields: dict[str, Any] = value.model_dump(warnings=False)
        return fields.items()
    if dataclasses.is_dataclass(kind):
        names = (field.name for field in dataclasses.fields(kind))
        return ((name, getattr(value, name)) for name in names)
    return None


def _bounded_str(value: Any, limit: int) -> tuple[str, str]:
    """Write ``str(value)``; of large sets and bytes, only as much as can be shown.

    Returns:
        The text, and how much the value holds when that is not all of it.
    """
    if isinstance(value, set | frozenset) and len(value) > _MOST_OF_A_SET:
        return str(set(islice(value, _MOST_OF_A_SET))), f"{len(value)} items"
    if isinstance(value, bytes | bytearray) and len(value) > limit:
        return repr(value[:limit]), f"{len(value)} bytes"
    return str(value), ""


def _fits(value: object) -> bool:
    """Say whether an integer fits OTLP's 64 bits; other values always do."""
    return type(value) is not int or -_INT64 <= value < _INT64


def _key(key: object) -> str:
    try:
        return str(key)
    except Exception as error:  # noqa: BLE001 - the app's objects may raise anything
        return _unrendered(key, error)


def _size(value: object) -> str:
    try:
        return str(len(value))  # type: ignore[arg-type]  # what has no length says so
    except Exception:  # noqa: BLE001 - the app's objects may raise anything
        return "unknown length"


def _unrendered(value: object, error: Exception) -> str:
    return f"[{type(value).__name__} could not be rendered: {type(error).__name__}]"


def _without_huge_integers(plain: Any) -> Any:
    if type(plain) is int and not _fits(plain):
        return f"[integer of {plain.bit_length()} bits]"
    if type(plain) is list:
        return [_without_huge_integers(item) for item in plain]
    if type(plain) is dict:
        return {
            _without_huge_integers(key): _without_huge_integers(item)
            for key, item in plain.items()
        }
    return plain
