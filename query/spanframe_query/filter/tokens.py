"""Filter text → tokens with offsets.

Tokenizing never fails: text that fits no rule becomes a token of a kind that no grammar
rule accepts, so that the parser can say what is expected at that place.
"""

import re
from typing import Final, NamedTuple

__all__ = ["Token", "tokenize"]

# The rules are tried in this order. A path is a bare word, or several joined by dots.
_RULES: Final = {
    "path": r"[^\W\d]\w*(?:\.\w+)*",
    "text": r"'[^']*(?:''[^']*)*'|\"[^\"]*(?:\"\"[^\"]*)*\"",
    "comparator": r"!=|<=|>=|==|<>|=~|!~|[=<>~]",
    "number": r"-?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?(?![\w.])",
    "backticked": r"`[^`]*(?:``[^`]*)*`",
    "malformed number": r"[+-]?\.?[0-9][\w.]*",
    "dot": r"\.",
    "open": r"\(",
    "close": r"\)",
    "comma": r",",
    "comment": r"--[^\n]*|/\*",
    "connective": r"&&|\|\|",
    # All text after a quote that is never closed belongs to the token.
    "unclosed quote": r"['\"`][\s\S]*",
    "other": r"\S",
}
_PATTERN: Final = re.compile(
    r"\s*(?:" + "|".join(f"({rule})" for rule in _RULES.values()) + ")"
)
_KINDS: Final = ("", *_RULES)


class Token(NamedTuple):
    """A token of a filter: its kind, its text as written, and its place."""

    kind: str
    text: str
    start: int
    end: int


def tokenize(source: str) -> list[Token]:
    """Return the tokens of a filter; the last one is of the kind ``end``."""
    tokens = []
    end = len(source.rstrip())
    for match in _PATTERN.finditer(source, 0, end):
        rule = match.lastindex or 0
        tokens.append(Token(_KINDS[rule], match[rule], *match.span(rule)))
    tokens.append(Token("end", "", end, end))
    return tokens
