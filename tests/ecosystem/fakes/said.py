"""What all fakes say: the tokens that an answer took, the chunks of a stream."""

from typing import Final

__all__ = ["CACHED", "EMBEDDED", "INPUT", "MADE", "OUTPUT", "REASONING", "halves"]

MADE: Final = 1767225600
"""The second at which every answer was made."""

INPUT: Final = 21
"""Tokens of every request, cached ones included."""

CACHED: Final = 5
"""Tokens of a request that came from the cache."""

OUTPUT: Final = 9
"""Tokens of every answer, those of reasoning included."""

REASONING: Final = 2
"""Tokens of an answer that were reasoning."""

EMBEDDED: Final = 4
"""Tokens of every text that is embedded."""


def halves(text: str) -> tuple[str, str]:
    """Return the two chunks in which a text is streamed."""
    middle = text.index(" ") if " " in text else len(text)
    return text[:middle], text[middle:]
