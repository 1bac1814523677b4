"""What text a store can hold."""

from typing import Final

__all__ = ["REPLACEMENT", "stored_text"]

REPLACEMENT: Final = "\ufffd"


def stored_text(text: str) -> str:
    """Return ``text`` the way every store keeps it: U+FFFD stands for U+0000.

    PostgreSQL refuses U+0000 and SQLite's functions stop at it. Only derived text is
    changed; the stored bytes of a span stay as they arrived.
    """
    return text.replace("\0", REPLACEMENT) if "\0" in text else text
