"""Redaction in the app: secret values are replaced before they leave the process."""

from collections.abc import Callable, Sequence
from typing import Final

from spanframe._key_patterns import KeyPatterns

__all__ = ["REDACTED", "Redact", "Redaction"]

Redact = Callable[[str], str]

REDACTED: Final = "[redacted]"
"""The text that replaces a secret value, in apps and in the collector."""

_FAILED: Final = "[redaction failed]"


class Redaction:
    """Decides which values are replaced before anything leaves the process.

    Args:
        patterns: patterns of keys, as `spanframe._key_patterns` describes them.
        redact: the app's own function from text to text, None for none.

    Attributes:
        known: keys looked at so far, and whether their values are secret.
        hides: returns whether the value under a key is a secret.
    """

    def __init__(self, patterns: Sequence[str], redact: Redact | None = None) -> None:
        keys = KeyPatterns(patterns)
        self.redact = redact
        self.known = keys.known
        self.hides = keys.hides

    def text(self, text: str) -> str:
        """Pass ``text`` through the app's own function; a failure hides all of it."""
        if self.redact is None:
            return text
        try:
            cleaned = self.redact(text)
        except Exception:  # noqa: BLE001 - the app's function may raise anything
            return _FAILED
        # The app's function is trusted to return text, and checked.
        return cleaned if type(cleaned) is str else _FAILED
