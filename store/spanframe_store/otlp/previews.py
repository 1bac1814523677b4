"""Previews of a root span's inputs and outputs for lists of traces (MLflow 3.17).

A preview has at most 1 000 characters: those of the last user message (request) or
assistant message (response) where the JSON is a chat, else those of the JSON text. The
metadata entries ``mlflow.traceInputs`` and ``mlflow.traceOutputs`` are the first 250
characters of the JSON text.
"""

from typing import Any, Final, Literal

from spanframe_store.contract.spans import Previews
from spanframe_store.contract.texts import stored_text
from spanframe_store.otlp.anyvalue import NOT_JSON, loads

__all__ = [
    "ELLIPSIS",
    "MAX_METADATA_CHARS",
    "MAX_PREVIEW_CHARS",
    "cut",
    "preview",
    "shortened",
]

MAX_PREVIEW_CHARS: Final = 1000
"""Maximum length of a preview, in characters."""

MAX_METADATA_CHARS: Final = 250
"""Maximum length of the two metadata entries, in characters."""

ELLIPSIS: Final = "..."

_MAX_PARSED_CHARS: Final = 1 << 20
"""Maximum length of a JSON text that is searched for messages, in characters; parsing a
longer one would hold up other requests."""


def cut(text: str, length: int) -> str:
    """Return ``text``, at most ``length`` characters, ending in ``...`` where cut."""
    return text if len(text) <= length else text[: length - len(ELLIPSIS)] + ELLIPSIS


def shortened(
    inputs: str | None,
    outputs: str | None,
    parsed_inputs: Any = NOT_JSON,
    parsed_outputs: Any = NOT_JSON,
) -> Previews:
    """Return the previews of inputs and outputs.

    Args:
        inputs: of a span, JSON text.
        outputs: of a span, JSON text.
        parsed_inputs: the value of the text, where it has been parsed already.
        parsed_outputs: the value of the text, where it has been parsed already.
    """
    return Previews(
        preview(inputs, "user", parsed_inputs),
        preview(outputs, "assistant", parsed_outputs),
        stored_text(cut(inputs or "", MAX_METADATA_CHARS)),
        stored_text(cut(outputs or "", MAX_METADATA_CHARS)),
    )


def preview(
    text: str | None, role: Literal["user", "assistant"], parsed: Any = NOT_JSON
) -> str | None:
    """Return the preview of a JSON text; None when there is none."""
    if text is None:
        return None
    message = _message(text, role, parsed) if text.startswith(("{", "[")) else None
    return stored_text(cut(message or text, MAX_PREVIEW_CHARS))


def _message(text: str, role: str, parsed: Any) -> str | None:
    """Return the text of the last message of ``role``, else of the last message."""
    if len(text) > _MAX_PARSED_CHARS or not _may_hold_messages(text):
        return None
    value = loads(text) if parsed is NOT_JSON else parsed
    if not isinstance(value, dict):
        return None
    found = _messages(value) or _messages(value.get("request"))
    messages = [m for m in found if isinstance(m, dict)]
    messages = [m for m in messages if "role" in m and "content" in m]
    if not messages:
        return None
    of_role = [m for m in messages if m["role"] == role]
    return _content((of_role or messages)[-1]["content"])


def _may_hold_messages(text: str) -> bool:
    """Tell without parsing whether a JSON text can hold a message; most hold none."""
    return ('"role"' in text and '"content"' in text) or "\\u" in text


def _messages(value: Any) -> list[Any]:
    """Return the messages of the shapes that MLflow reads: chat, choices, responses."""
    if not isinstance(value, dict):
        return []
    for key in ("messages", "input", "output"):
        if isinstance(value.get(key), list):
            return list(value[key])
    choices = value.get("choices")
    if isinstance(choices, list) and choices and isinstance(choices[0], dict):
        return [choices[0].get("message")]
    return []


def _content(content: Any) -> str | None:
    if isinstance(content, str):
        return content or None
    if isinstance(content, list):
        for part in content:
            if isinstance(part, dict) and part.get("type") in {"text", "output_text"}:
                text = part.get("text")
                return text if isinstance(text, str) and text else None
    return None
