"""Untrusted text on a terminal: control characters are written as escapes."""

from typing import Final

__all__ = ["shortened", "visible"]

_ELLIPSIS: Final = "…"


def visible(text: str) -> str:
    """Return ``text`` with an escape for every character that does not print.

    A terminal interprets escape sequences, and right-to-left text can look like other
    text. ESC becomes the four characters of its Python escape.
    """
    if text.isprintable():
        return text
    return "".join(
        c if c.isprintable() else c.encode("unicode_escape").decode("ascii")
        for c in text
    )


def shortened(text: str, length: int) -> str:
    """Return the visible text, at most ``length`` characters, marked where cut."""
    # The text is cut before escaping, which bounds the work on a text of any size.
    shown = visible(text[: length + 1])
    return shown if len(shown) <= length else shown[: length - 1] + _ELLIPSIS
