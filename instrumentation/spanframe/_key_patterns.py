r"""Patterns of keys whose values are secrets, in apps and in the collector.

::

    patterns = pattern { "," pattern }
    pattern  = key, with * for any text            *password*, token, x-api-key
             | regular expression                  ^auth, api[-_]?key, user.*name

A pattern with ``.*`` or one of ``\ ^ $ | ? + ( ) [ ] { }`` is a regular expression: it
matches any part of a key, in any case. Every other pattern is compared with the whole
key, and with what stands after its last dot: ``token`` names ``auth.token``, too. Both
see a key in snake_case: ``apiKey``, ``API-Key``, ``api_key`` are one key.
"""

import fnmatch
import re
from collections.abc import Callable, Sequence
from typing import Final

__all__ = ["DEFAULT_PATTERNS", "KeyPatterns", "key_patterns"]

DEFAULT_PATTERNS: Final = (
    *("*password*", "*passwd*", "*passphrase*", "pwd", "*_pwd"),
    *("*secret", "*secrets", "*secret_*", "*secretkey*", "token", "*_token"),
    *("*api_key*", "*apikey*", "*access_key*", "*private_key*"),
    *("*credential*", "*authorization*", "*cookie*"),
)
"""Patterns of keys that apps hide unless they are told not to."""

_CAMEL: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_JOINTS: Final = re.compile(r"[^a-z0-9]+")
_JOINTS_BUT_STARS: Final = re.compile(r"[^a-z0-9*]+")
_IS_EXPRESSION: Final = re.compile(r"\.\*|[\\^$|?+()\[\]{}]")
_JSON_KEY: Final = re.compile(r'"([^"\\]{1,256})\\*"\s{0,8}:')
# A comma inside brackets belongs to a regular expression, as in \d{1,3}.
_COMMA: Final = re.compile(r",(?![^\[{(]*[\]})])")

MAX_REMEMBERED_KEYS: Final = 4096
MAX_REMEMBERED_CHARACTERS: Final = 256
"""Maximum length of a key that is remembered, in characters."""

_Search = Callable[[str], re.Match[str] | None]


def key_patterns(text: str) -> tuple[str, ...]:
    """Read patterns separated by commas.

    Raises:
        ValueError: when one is not a regular expression, or has no letter of a key.
    """
    patterns = tuple(filter(None, (part.strip() for part in _COMMA.split(text))))
    KeyPatterns(patterns)
    return patterns


class KeyPatterns:
    """Decides which keys have values that must not be kept.

    Args:
        patterns: the patterns, as `key_patterns` returns them.

    Attributes:
        known: keys looked at so far, and whether their values are secret.

    Raises:
        ValueError: when a pattern cannot be used.
    """

    __slots__ = ("_expressions", "_in_text", "_is_key", "known")

    def __init__(self, patterns: Sequence[str]) -> None:
        expressions = [p for p in patterns if _IS_EXPRESSION.search(p)]
        keys = [_key(p) for p in patterns if not _IS_EXPRESSION.search(p)]
        self.known: dict[str, bool] = {}
        self._expressions: tuple[_Search, ...] = tuple(map(_search, expressions))
        self._is_key = _any_of([fnmatch.translate(key) for key in keys]).match
        self._in_text = _any_of([_inside_text(key) for key in keys]).search

    def hides(self, key: str) -> bool:
        """Return whether the value under ``key`` is a secret."""
        known = self.known.get(key)
        if known is None:
            known = self._matches(key)
            # Keys may come from data: the memory of them is bounded.
            if len(self.known) >= MAX_REMEMBERED_KEYS:
                self.known.clear()
            if len(key) <= MAX_REMEMBERED_CHARACTERS:
                self.known[key] = known
        return known

    def may_be_in(self, text: str) -> bool:
        """Return whether a key that is hidden may be part of ``text``.

        For JSON text that was cut and cannot be parsed any more.
        """
        if self._in_text(text):
            return True
        return bool(self._expressions) and (
            any(search(text) for search in self._expressions)
            or any(map(self.hides, _JSON_KEY.findall(text)))
        )

    def _matches(self, key: str) -> bool:
        snake = _snake_case(key, _JOINTS)
        last = _snake_case(key.rpartition(".")[2], _JOINTS)
        return any(map(self._is_key, (snake, last))) or any(
            search(key) or search(snake) for search in self._expressions
        )


def _any_of(expressions: list[str]) -> re.Pattern[str]:
    """Compile the expression that matches what one of several matches."""
    return re.compile("|".join(expressions) if expressions else "(?!)", re.IGNORECASE)


def _snake_case(key: str, joints: re.Pattern[str]) -> str:
    return joints.sub("_", _CAMEL.sub("_", key).lower()).strip("_")


def _key(pattern: str) -> str:
    """Write a pattern as keys are compared: in snake_case."""
    key = _snake_case(pattern, _JOINTS_BUT_STARS)
    if not key:
        raise ValueError(f"the pattern {pattern!r} has no letter or digit of a key")
    return key


def _search(expression: str) -> _Search:
    try:
        return re.compile(expression, re.IGNORECASE).search
    except re.error as error:
        raise ValueError(
            f"{expression!r} is not a regular expression: {error}"
        ) from None


def _inside_text(key: str) -> str:
    """Write a key in snake_case as the expression that finds it inside a text.

    What stands for a star and between words is bounded, or a hostile text would make
    the search take quadratic time.
    """
    parts = {"*": r"[\w.-]{0,64}", "_": "[^a-z0-9]{0,3}"}
    inside = "".join(parts.get(c, c) for c in key.strip("*"))
    start = "" if key.startswith("*") else "(?<![a-z0-9])"
    end = "" if key.endswith("*") else "(?![a-z0-9])"
    return start + inside + end
