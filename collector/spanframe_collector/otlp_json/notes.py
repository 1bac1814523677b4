"""Notes of what a request says wrongly: which field of which span, and why."""

from typing import Any, Final

__all__ = ["Notes"]

_MAX_NOTES: Final = 8
"""Maximum notes of one request that are written; more are counted."""

_MAX_NAME_CHARS: Final = 64
"""Maximum length of the key of an attribute in a note, in characters."""


class Notes:
    """What was repaired or dropped of a request, in the order in which it was read."""

    def __init__(self) -> None:
        self.place = ""
        """What is read now: ``span eee19b7ec3c1b174``, ``a resource``."""
        self.attribute: Any = None
        """The attribute that is read now, as it was sent; None: another field."""
        self._texts: list[str] = []
        self._count = 0

    def add(self, field: str, why: str) -> None:
        """Note that a field of the place was read otherwise than it was written."""
        self._count += 1
        if self.attribute is not None:
            field = _attribute_name(self.attribute)
        if len(self._texts) < _MAX_NOTES:
            self._texts.append(f"{field} of {self.place} {why}")

    def text(self) -> str:
        """Return all notes as a sentence; empty: there are none."""
        if not self._count:
            return ""
        more = self._count - len(self._texts)
        others = f"; and {more} more" if more else ""
        return f"Read otherwise than written: {'; '.join(self._texts)}{others}."


def _attribute_name(source: Any) -> str:
    """Return how a note names an attribute: by its key, never by its value."""
    key = source.get("key") if isinstance(source, dict) else None
    if not isinstance(key, str):
        return "an attribute"
    shown = "".join(c if c.isprintable() else "?" for c in key[:_MAX_NAME_CHARS])
    return f"the attribute {shown}"
