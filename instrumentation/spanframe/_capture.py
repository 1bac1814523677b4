"""Values of the app → bounded JSON text, without secrets; never raises."""

from typing import Final

from spanframe._json_text import (
    budget_after,
    encode,
    fits_64_bits,
    without_huge_integers,
)
from spanframe._redaction import REDACTED, Redaction
from spanframe._walk import Walk, cut, unrendered

__all__ = ["Attribute", "Capture", "well_formed"]

Attribute = str | bool | int | float | list[str] | list[bool] | list[int] | list[float]

_TYPED: Final = frozenset({str, int, float, bool})


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
        try:
            if self.redaction.redact is None and (
                budget_after(value, self.limit, self.redaction.known, 0) >= 0
            ):
                plain = value
            else:
                plain = Walk(self.limit, self.redaction).plain(value, 0)
            try:
                text = encode(plain)
            except ValueError:
                text = encode(without_huge_integers(plain))
        except Exception as error:  # noqa: BLE001 - the app's objects may raise anything
            text = encode(unrendered(value, error))
        return text if text.isascii() else well_formed(text)

    def attribute(self, key: str, value: object) -> Attribute:
        """Render an attribute: typed where OpenTelemetry has the type, else JSON text.

        Lists of one primitive type stay lists; integers over 64 bits become JSON text;
        a value that is longer than the limit is cut and marked.
        """
        if self.redaction.hides(key):
            return REDACTED
        kind = type(value)
        if kind is str:
            return cut(self.text(value), self.limit)
        if kind in _TYPED and fits_64_bits(value):
            return value  # type: ignore[return-value]  # one of the four types
        if isinstance(value, list | tuple) and 0 < len(value) <= self.limit:
            first = type(value[0])
            same = all(type(v) is first and fits_64_bits(v) for v in value)
            if same and first is str and sum(map(len, value)) <= self.limit:
                return [self.text(v) for v in value]
            if same and first in _TYPED and first is not str:
                return list(value)
        return self.json_text(value)

    def text(self, value: object) -> str:
        """Render ``value`` as plain text, not cut, through the app's own redaction."""
        try:
            text = value if type(value) is str else str(value)
        except Exception as error:  # noqa: BLE001 - the app's objects may raise anything
            return unrendered(value, error)
        if self.redaction.redact is not None:
            text = self.redaction.text(text)
        return text if text.isascii() else well_formed(text)


def well_formed(text: str) -> str:
    """Return ``text`` as valid UTF-8: a lone surrogate becomes its escape.

    One such character makes protobuf refuse the whole request that it is in.
    """
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode(errors="backslashreplace").decode()
    return text
