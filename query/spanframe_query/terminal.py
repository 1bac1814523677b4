"""Texts on a terminal, which must obey none of them; durations."""

from typing import Final

__all__ = ["duration", "shortened", "visible"]

_ELLIPSIS: Final = "…"
_WHOLE_FROM_MS: Final = 10
"""Milliseconds from which on a duration is shown without a fraction."""


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


def duration(milliseconds: float | None) -> str:
    """Return a duration with its unit, in microseconds below one millisecond."""
    if milliseconds is None:
        return _ELLIPSIS
    if 0 < milliseconds < 1:
        return f"{milliseconds * 1000:,.0f} µs"
    decimals = 0 if milliseconds >= _WHOLE_FROM_MS or milliseconds % 1 == 0 else 1
    return f"{milliseconds:,.{decimals}f} ms"
