"""Text of hostile origin on a terminal: every control character is spelled out."""

from typing import Final

__all__ = ["shortened", "visible"]

_ELLIPSIS: Final = "…"


def visible(text: str) -> str:
    """Return ``text`` with every character that does not print as its escape.

    A terminal obeys escape sequences, and text that runs backwards can look like other
    text: ESC comes out as the four characters of its Python escape.
    """
    if text.isprintable():
        return text
    return "".join(
        c if c.isprintable() else c.encode("unicode_escape").decode("ascii")
        for c in text
    )


def shortened(text: str, length: int) -> str:
    """Return the visible text, at most ``length`` characters, marked where cut."""
    # A cut before the escapes are written bounds the work on a text of any size.
    shown = visible(text[: length + 1])
    return shown if len(shown) <= length else shown[: length - 1] + _ELLIPSIS
