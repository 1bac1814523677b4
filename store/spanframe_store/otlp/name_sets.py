"""Remembers what sets of attribute names mean: the spans of an app repeat a few."""

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, Final, TypeVar

__all__ = ["Names", "by_names"]

Names = tuple[str, ...]
Meaning = TypeVar("Meaning")

_MAX_SETS: Final = 512
"""Maximum sets of names that are remembered for one question."""

_MAX_REMEMBERED_CHARS: Final = 2048
"""Maximum length of the names of a remembered set, in characters: names that a sender
makes up for each span must not add up in memory."""


def by_names(
    meaning_of: Callable[[Names], Meaning],
) -> Callable[[Mapping[str, Any]], Meaning]:
    """Let a function of names take attributes, and ask it once for each set of names.

    Args:
        meaning_of: what depends on the names of attributes alone, in their order.
    """
    remembered = lru_cache(maxsize=_MAX_SETS)(meaning_of)

    def of_attributes(attributes: Mapping[str, Any]) -> Meaning:
        names = tuple(attributes)
        large = len("".join(names)) > _MAX_REMEMBERED_CHARS
        return meaning_of(names) if large else remembered(names)

    return of_attributes
