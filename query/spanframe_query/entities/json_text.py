"""Any value as JSON text that every JSON reader takes, and no terminal obeys."""

import json
from typing import Any

from spanframe_store.contract.texts import stored_text
from spanframe_store.otlp.anyvalue import json_text as plain_text

__all__ = ["json_text"]


def json_text(value: Any, indent: int | None = None) -> str:
    """Return a value as JSON text in UTF-8.

    NaN and infinity, which JSON does not have, are written as texts, a value of another
    type as its text, and characters that do not print as escapes.
    """
    try:
        text = json.dumps(
            value, ensure_ascii=False, allow_nan=False, default=str, indent=indent
        )
    except ValueError:
        # Reading it back replaces values of other types, which have no NaN inside.
        plain = json.loads(plain_text(json.loads(json.dumps(value, default=str))))
        text = json.dumps(plain, ensure_ascii=False, indent=indent)
    text = stored_text(text)
    return text if text.isprintable() else "".join(map(_printable, text))


def _printable(character: str) -> str:
    # A line break is between the values: inside of a text, JSON has escaped it.
    if character.isprintable() or character == "\n":
        return character
    return json.dumps(character)[1:-1]
