"""Any value as JSON text that every JSON reader takes."""

import json
from typing import Any

from spanframe_store.contract.texts import stored_text
from spanframe_store.otlp.anyvalue import json_text as plain_text

__all__ = ["json_text"]


def json_text(value: Any, indent: int | None = None) -> str:
    """Return a value as JSON text: UTF-8, and no word that JSON does not have.

    NaN and infinity are written as texts; a value of another type as its text.
    """
    try:
        text = json.dumps(
            value, ensure_ascii=False, allow_nan=False, default=str, indent=indent
        )
    except ValueError:
        # Reading it back replaces values of other types, which have no NaN inside.
        plain = json.loads(json.dumps(value, default=str))
        text = json.dumps(json.loads(plain_text(plain)), ensure_ascii=False)
    return stored_text(text)
