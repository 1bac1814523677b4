"""What comparators mean for a text, in Python: for what an engine cannot compare.

The same rules as those of `spanframe_store.sql.compile`, which states them in SQL.
"""

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Final

from spanframe_store.contract.filter import Comparator, Condition
from spanframe_store.residual.expressions import finder

__all__ = ["matcher", "text_matcher"]

_LOWER: Final = {upper: upper + 32 for upper in range(ord("A"), ord("Z") + 1)}


def matcher(comparator: Comparator, values: tuple[str, ...]) -> Callable[[str], bool]:
    """Return a function that compares a text with the value, or those of a list."""
    match comparator:
        case Comparator.EQ | Comparator.IN:
            return frozenset(values).__contains__
        case Comparator.NE | Comparator.NOT_IN:
            return lambda text: text not in values
        case Comparator.LIKE:
            return _pattern(values[0])
        case Comparator.ILIKE:
            fits = _pattern(values[0].translate(_LOWER))
            return lambda text: fits(text.translate(_LOWER))
        case Comparator.RLIKE:
            return finder(values[0])
        case _:
            raise AssertionError(comparator)


def text_matcher(condition: Condition) -> Callable[[str | None], bool]:
    """Return a function that compares a text, None where it is absent."""
    match condition.comparator:
        case Comparator.IS_NULL:
            return lambda text: text is None
        case Comparator.IS_NOT_NULL:
            return lambda text: text is not None
        case comparator:
            fits = matcher(comparator, condition.texts)
            return lambda text: text is not None and fits(text)


@lru_cache(maxsize=16)
def _pattern(pattern: str) -> Callable[[str], bool]:
    """Return whether a text fits: ``%`` is any run of characters, ``_`` is one."""
    first, *rest = (
        "".join("." if each == "_" else re.escape(each) for each in part)
        for part in pattern.split("%")
    )
    expression = first
    if rest:
        # Each part where it is found first, for good: nothing is gained by going back.
        found = "".join(f"(?>.*?{part})" for part in rest[:-1])
        expression += f"{found}.*{rest[-1]}"
    compiled = re.compile(expression, re.DOTALL)
    return lambda text: compiled.fullmatch(text) is not None
