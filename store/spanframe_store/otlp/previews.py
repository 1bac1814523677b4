"""Previews of a root span's inputs and outputs for lists of traces.

A preview has at most 1 000 characters: those of the last user message (request) or
assistant message (response) where the JSON is a chat, else those of the JSON text.
MLflow 3.17 does so for three shapes of a chat, spanframe for all that `messages` reads.
The metadata entries ``mlflow.traceInputs`` and ``mlflow.traceOutputs`` are the first
250 characters of the JSON text.
"""

from typing import Any, Final

from spanframe_store.contract.spans import Previews
from spanframe_store.contract.texts import stored_text
from spanframe_store.otlp.anyvalue import NOT_JSON, loads
from spanframe_store.otlp.messages import Role, last_said

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

_SIGNS: Final = (
    "role",
    "content",
    "messages",
    "parts",
    "tool",
    "function",
    '"text"',
    '"input"',
    '"prompt"',
    '"response"',
    '"task"',
    "\\u",
)
"""Words of which every JSON text that holds a message has one; most texts have none."""


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


def preview(text: str | None, role: Role, parsed: Any = NOT_JSON) -> str | None:
    """Return the preview of a JSON text; None when there is none.

    Text alone is shown with its quotes where the app itself states it (MLflow 3.17),
    and has been parsed; without them where a convention does.
    """
    if text is None:
        return None
    message = None
    if text.startswith(("{", "[")):
        message = _message(text, role, parsed)
    elif parsed is NOT_JSON and text.startswith('"'):
        said = loads(text)
        message = said if isinstance(said, str) else None
    return stored_text(cut(message or text, MAX_PREVIEW_CHARS))


def _message(text: str, role: Role, parsed: Any) -> str | None:
    if len(text) > _MAX_PARSED_CHARS or not _may_hold_messages(text):
        return None
    value = loads(text) if parsed is NOT_JSON else parsed
    return None if value is NOT_JSON else last_said(value, role)


def _may_hold_messages(text: str) -> bool:
    """Tell without parsing, and several times as fast as a regular expression."""
    for sign in _SIGNS:  # noqa: SIM110 - a generator takes twice as long
        if sign in text:
            return True
    return False
