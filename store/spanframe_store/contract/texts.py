"""The gate of all text that a store derives, finds by, or is told."""

from typing import Final

__all__ = ["REPLACEMENT", "stored_text"]

REPLACEMENT: Final = "\ufffd"


def stored_text(text: str) -> str:
    """Return ``text`` the way every store keeps it.

    U+FFFD stands for U+0000, which PostgreSQL refuses and SQLite's functions stop at,
    and for half a surrogate pair, which UTF-8 cannot encode. Only derived text is
    changed; the stored bytes of a span stay as they arrived.
    """
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError:
            units = text.encode("utf-16", "surrogatepass")
            text = units.decode("utf-16", "replace")
    return text.replace("\0", REPLACEMENT) if "\0" in text else text
