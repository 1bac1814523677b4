"""Tags, metadata, user and state of a trace → attributes of a span."""

from collections.abc import Mapping
from typing import Any, Final

from spanframe import keys
from spanframe._capture import Capture
from spanframe._guard import warn
from spanframe._redaction import REDACTED
from spanframe.errors import InvalidArgumentError
from spanframe.settings import ClientSettings

__all__ = [
    "configured_attributes",
    "experiment_of",
    "replacing_experiment",
    "trace_attributes",
]

_METADATA_WITH_A_KEY: Final = {
    keys.META_SESSION: keys.SESSION_ID,
    keys.META_USER: keys.USER_ID,
}
_EXPERIMENT: Final = (keys.EXPERIMENT, keys.EXPERIMENT_ID)
_STATES: Final = ("OK", "ERROR")


def experiment_of(attributes: Mapping[str, Any]) -> dict[str, Any]:
    """Return those of the attributes that state an experiment."""
    return {key: attributes[key] for key in _EXPERIMENT if key in attributes}


def configured_attributes(settings: ClientSettings) -> dict[str, str]:
    """Return what the settings state about every trace."""
    stated = {
        keys.EXPERIMENT: settings.experiment,
        keys.EXPERIMENT_ID: "" if settings.experiment else settings.experiment_id,
        keys.METADATA_PREFIX + keys.META_MODEL_ID: settings.model_id,
    }
    return {key: text for key, text in stated.items() if text}


def replacing_experiment(
    attributes: Mapping[str, str], other: Mapping[str, str]
) -> dict[str, str]:
    """Return attributes with others; an experiment by name or by id replaces both."""
    if experiment_of(other):
        attributes = {k: v for k, v in attributes.items() if k not in _EXPERIMENT}
    return {**attributes, **other}


def _tag_attributes(capture: Capture, tags: Any) -> dict[str, str]:
    """Render tags; reserved ones are dropped with a warning.

    Raises:
        InvalidArgumentError: when ``tags`` is not a mapping.
    """
    return {
        keys.TAG_PREFIX + key: value
        for key, value in _texts(capture, "tags", tags, keys.RESERVED_TAGS).items()
    }


def _metadata_attributes(capture: Capture, metadata: Any) -> dict[str, str]:
    """Render metadata; keys that the store derives are dropped with a warning.

    Raises:
        InvalidArgumentError: when ``metadata`` is not a mapping.
    """
    texts = _texts(capture, "metadata", metadata, keys.RESERVED_METADATA)
    return {
        _METADATA_WITH_A_KEY.get(key, keys.METADATA_PREFIX + key): value
        for key, value in texts.items()
    }


def trace_attributes(
    capture: Capture,
    *,
    tags: Mapping[str, Any] | None = None,
    metadata: Mapping[str, Any] | None = None,
    client_request_id: str | None = None,
    request_preview: str | None = None,
    response_preview: str | None = None,
    state: str | None = None,
    model_id: str | None = None,
    session_id: str | None = None,
    user: str | None = None,
) -> dict[str, str]:
    """Render the values that an app gives for a trace; None: not given.

    Raises:
        InvalidArgumentError: naming the argument that cannot be used.
    """
    attributes = _tag_attributes(capture, tags) if tags is not None else {}
    if metadata is not None:
        attributes |= _metadata_attributes(capture, metadata)
    for name, preview in (("request", request_preview), ("response", response_preview)):
        if preview is not None and not isinstance(preview, str):
            raise InvalidArgumentError(
                f"{name}_preview is {type(preview).__name__}; give a str"
            )
    # An argument wins over the same value among the metadata.
    values = {
        keys.TRACE_CLIENT_REQUEST_ID: client_request_id,
        keys.TRACE_REQUEST_PREVIEW: request_preview or None,
        keys.TRACE_RESPONSE_PREVIEW: response_preview or None,
        keys.TRACE_STATE: None if state is None else _state(state),
        keys.METADATA_PREFIX + keys.META_MODEL_ID: model_id,
        keys.SESSION_ID: session_id,
        keys.USER_ID: user,
    }
    for key, value in values.items():
        if value is not None:
            attributes[key] = capture.text(value)
    stated = [key for key in keys.SHARED_KEYS if key in attributes]
    return attributes | {keys.TRACE_SAYS_PREFIX + key: "true" for key in stated}


def _state(state: Any) -> str:
    value = getattr(state, "value", state)
    if value not in _STATES:
        raise InvalidArgumentError(
            f"state is {state!r}; write 'OK' or 'ERROR', in capitals"
        )
    return str(value)


def _texts(
    capture: Capture, what: str, given: Any, reserved: frozenset[str]
) -> dict[str, str]:
    """Render keys and values as text, secrets hidden, without reserved keys."""
    if not isinstance(given, Mapping):
        raise InvalidArgumentError(
            f"{what} is {type(given).__name__}; give a dict of text to text"
        )
    texts: dict[str, str] = {}
    for key, value in given.items():
        if not isinstance(key, str) or not key:
            warn(
                "A key of %s is not recorded: it must be a text that is not empty, not "
                "%s.",
                what,
                type(key).__name__,
            )
        elif key in reserved:
            warn(
                "The key %s of %s is not recorded: it is reserved. Use another key.",
                key,
                what,
            )
        elif value is not None:
            hidden = capture.redaction.hides(key)
            texts[capture.text(key)] = REDACTED if hidden else capture.text(value)
    return texts
