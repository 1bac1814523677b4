"""How the filter language says no: one error class, one caret, one remedy."""

from collections.abc import Iterable
from difflib import get_close_matches
from typing import Final, NoReturn

from spanframe.errors import FilterError
from spanframe_store.contract.filter import SourceRange

__all__ = ["closest", "fail", "refuse_surrogates", "shown"]

_MAX_SHOWN_CHARS: Final = 40


def fail(title: str, source: str, place: tuple[int, int], hint: str) -> NoReturn:
    """Raise the `FilterError` that points at ``place`` of ``source``."""
    raise FilterError(title, source, *SourceRange(*place), hint)


def refuse_surrogates(text: str) -> None:
    """Raise for half a surrogate pair, which neither a store nor a driver takes."""
    try:
        text.encode()
    except UnicodeEncodeError as error:
        title = "Half a surrogate pair is not a character"
        fail(title, text, (error.start, error.end), "Write the whole character")


def shown(text: str) -> str:
    """Return user text for a message: printable, on one line, not endless."""
    cut = text if len(text) <= _MAX_SHOWN_CHARS else text[: _MAX_SHOWN_CHARS - 1] + "…"
    return "".join(c if c.isprintable() else " " for c in cut)


def closest(word: str, known: Iterable[str]) -> str | None:
    """Return the known name that ``word`` most likely means, if any does."""
    if len(word) > _MAX_SHOWN_CHARS:
        return None
    names = {name.lower(): name for name in known}
    matches = get_close_matches(word.lower(), names, n=1, cutoff=0.7)
    return names[matches[0]] if matches else None
