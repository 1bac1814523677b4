"""Which keys hold secrets, and what stands in their place."""

import fnmatch
import re
from collections.abc import Callable
from typing import Final

__all__ = ["REDACTED", "Redact", "Redaction"]

Redact = Callable[[str], str]

REDACTED: Final = "[redacted]"
_FAILED: Final = "[redaction failed]"

_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_JOINTS = re.compile(r"[^a-z0-9]+")
_MOST_KEYS = 4096
_LONGEST_KEY = 256


class Redaction:
    """Decides which values are replaced before anything leaves the process.

    Args:
        patterns: snake_case keys, ``*`` standing for anything.
        redact: the app's own function from text to text, if it gave one.

    Attributes:
        known: the keys looked at so far, and whether they are hidden.
    """

    def __init__(self, patterns: tuple[str, ...], redact: Redact | None = None) -> None:
        self.redact = redact
        self._matches = re.compile(
            "|".join(fnmatch.translate(pattern) for pattern in patterns) or "(?!)"
        ).match
        self.known: dict[str, bool] = {}

    def hides(self, key: str) -> bool:
        """Say whether the value under ``key`` is a secret.

        ``apiKey``, ``API-Key`` and ``api_key`` are one key.
        """
        known = self.known.get(key)
        if known is None:
            known = self._matches(_snake_case(key[-_LONGEST_KEY:])) is not None
            # Keys may come from data: the memory of them is bounded.
            if len(self.known) >= _MOST_KEYS:
                self.known.clear()
            if len(key) <= _LONGEST_KEY:
                self.known[key] = known
        return known

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


def _snake_case(key: str) -> str:
    return _JOINTS.sub("_", _CAMEL.sub("_", key).lower()).strip("_")
