"""Values of the app → bounded JSON text, without secrets; never raises."""

from collections.abc import Sequence
from typing import Any, Final

from spanframe._json_text import (
    budget_after,
    encode,
    fits_64_bits,
    without_huge_integers,
)
from spanframe._redaction import REDACTED, Redaction
from spanframe._walk import Walk, cut, own_number, unrendered

__all__ = ["NO_CAPTURE", "Attribute", "Capture", "well_formed"]

Attribute = str | bool | int | float | list[str] | list[bool] | list[int] | list[float]

_TYPED: Final = frozenset({str, int, float, bool})
_NO_SECRETS: Final = frozenset({int, float, bool})


class Capture:
    """Renders values for the wire.

    Args:
        limit: maximum characters of one value.
        redaction: decides which keys and texts are hidden.
        enabled: whether arguments and results of calls are recorded.
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

        Tuples become lists, keys become text, NaN and Infinity are written as such,
        pydantic models and dataclasses become objects, any other value becomes its
        ``str()`` (as in MLflow 3.17).
        """
        plain = self._plain(value)
        try:
            text = encode(plain)
        except ValueError:
            text = encode(without_huge_integers(plain))
        return text if text.isascii() else well_formed(text)

    def _plain(self, value: object) -> Any:
        """Return ``value`` in plain JSON types, bounded and without secrets."""
        try:
            if self.redaction.redact is None and (
                budget_after(value, self.limit, self.redaction.known, 0) >= 0
            ):
                return value
            return Walk(self.limit, self.redaction).plain(value, 0)
        except Exception as error:  # noqa: BLE001 - the app's objects may raise anything
            return unrendered(value, error)

    def attribute(self, key: str, value: Any) -> Attribute:
        """Render an attribute: typed where OpenTelemetry has the type, else as text.

        Lists of one primitive type stay lists; what JSON writes as text is that text,
        everything else JSON text. Integers over 64 bits become text; a value that is
        longer than the limit is cut and marked.
        """
        rendered: Attribute | None = own_number(value)
        kind = type(rendered)
        if self.redaction.hides(key) and kind not in _NO_SECRETS:
            return REDACTED
        if isinstance(rendered, str) and kind is str:
            return cut(self.text(rendered), self.limit)
        if kind in _NO_SECRETS and fits_64_bits(rendered):
            return rendered  # type: ignore[return-value]  # one of three types
        if isinstance(value, list | tuple) and 0 < len(value) <= self.limit:
            rendered = self._items(value)
            if rendered is not None:
                return rendered
        plain = self._plain(value)
        if type(plain) is str:
            return plain if plain.isascii() else well_formed(plain)
        return self.json_text(plain)

    def _items(self, value: Sequence[Any]) -> Any:
        """Return a list of one primitive type, None for any other."""
        items = list(map(own_number, value))
        first = type(items[0])
        if first not in _TYPED or not all(
            type(v) is first and fits_64_bits(v) for v in items
        ):
            return None
        if first is not str:
            return items
        texts = list(map(self.text, items))
        return texts if sum(map(len, texts)) <= self.limit else None

    def text(self, value: object) -> str:
        """Render ``value`` as plain text, not cut, through the app's own redaction."""
        try:
            text = value if type(value) is str else str(value)
        except Exception as error:  # noqa: BLE001 - the app's objects may raise anything
            return unrendered(value, error)
        if self.redaction.redact is not None:
            text = self.redaction.text(text)
        return text if text.isascii() else well_formed(text)


NO_CAPTURE: Final = Capture(64, Redaction(()))
"""Renders what is recorded nowhere."""


def well_formed(text: str) -> str:
    """Return ``text`` as valid UTF-8: a lone surrogate becomes its escape.

    One such character makes protobuf refuse the whole request that it is in.
    """
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode(errors="backslashreplace").decode()
    return text
