"""Names that are close to a misspelt one."""

from collections.abc import Iterable

__all__ = ["suggestion"]

_MAX_NAME_CHARS = 80
"""Maximum characters of a name that others are compared with."""


def suggestion(name: str, known: Iterable[str]) -> str:
    """Return `` Did you mean X?`` for the known name closest to ``name``; else empty.

    Args:
        name: the misspelt name.
        known: the names that there are.
    """
    from difflib import get_close_matches  # noqa: PLC0415 - most programs make no typo

    if len(name) > _MAX_NAME_CHARS:
        return ""
    close = get_close_matches(name, known, n=1, cutoff=0.7)
    return f" Did you mean {close[0]}?" if close else ""
