"""Errors of the filter language: one class, one place, one remedy."""

from collections.abc import Iterable
from difflib import get_close_matches
from typing import Final, NoReturn

from spanframe.errors import FilterError
from spanframe_store.contract.filter import SourceRange

__all__ = ["closest", "fail", "refuse_surrogates", "shown"]

_MAX_SHOWN_CHARS: Final = 40
"""Maximum characters of the user's text in a message."""


def fail(title: str, source: str, place: tuple[int, int], hint: str) -> NoReturn:
    """Raise the `FilterError` that points at ``place`` of ``source``."""
    raise FilterError(title, source, *SourceRange(*place), hint)


def refuse_surrogates(text: str) -> None:
    """Raise for half a surrogate pair, which a store cannot hold."""
    try:
        text.encode()
    except UnicodeEncodeError as error:
        title = "Half a surrogate pair is not a character"
        fail(title, text, (error.start, error.end), "Write the whole character")


def shown(text: str) -> str:
    """Return text of the user for a message: printable, cut, on one line."""
    cut = text if len(text) <= _MAX_SHOWN_CHARS else text[: _MAX_SHOWN_CHARS - 1] + "…"
    return "".join(c if c.isprintable() else " " for c in cut)


def closest(word: str, known: Iterable[str]) -> str | None:
    """Return the known name that is closest to ``word``; None when none is close."""
    if len(word) > _MAX_SHOWN_CHARS:
        return None
    names = {name.lower(): name for name in known}
    matches = get_close_matches(word.lower(), names, n=1, cutoff=0.7)
    return names[matches[0]] if matches else None
