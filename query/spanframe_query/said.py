"""What a user asked and an app answered, as people read it: not as JSON."""

import json
import re
from collections.abc import Mapping
from typing import Any, Final

from spanframe_store.otlp.anyvalue import NOT_JSON, loads_shallow

__all__ = ["said", "said_by"]

_QUESTIONS: Final = (
    "question",
    "query",
    "prompt",
    "message",
    "user_input",
    "user_message",
    "input",
    "text",
    "content",
    "answer",
    "output",
    "response",
)
"""Names of the argument, or of the part of a result, that people look for."""

_ESCAPE: Final = re.compile(r"(?:\\u[0-9a-fA-F]{4})+")


def said(preview: str | None) -> str:
    """Return what a preview of inputs or outputs says.

    A text, an object of one text, and the text under a name like ``question`` lose the
    JSON around them; any other value loses the escapes.
    """
    if not preview:
        return ""
    value = loads_shallow(preview)
    if value is NOT_JSON:  # a text, or JSON that was cut
        return _ESCAPE.sub(_decoded, preview)
    return said_by(value)


def said_by(value: Any) -> str:
    """Return what inputs or outputs say, as `said` does."""
    if isinstance(value, str):
        return value
    if isinstance(value, Mapping):
        only = next(iter(value.values())) if len(value) == 1 else None
        found = (value.get(name) for name in _QUESTIONS)
        text = next((each for each in (only, *found) if isinstance(each, str)), None)
        if text is not None:
            return text
    return "" if value is None else json.dumps(value, ensure_ascii=False, default=str)


def _decoded(escape: re.Match[str]) -> str:
    units = bytes.fromhex(escape[0].replace("\\u", ""))
    return units.decode("utf-16-be", errors="replace")
