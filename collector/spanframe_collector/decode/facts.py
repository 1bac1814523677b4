"""What a span, and the resource it came from, say about their trace."""

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

from spanframe import keys
from spanframe_collector.decode.anyvalue import json_text
from spanframe_collector.rows import Fact, Source

__all__ = ["IMMUTABLE_METADATA", "IMMUTABLE_TAGS", "of_resource", "of_span"]

IMMUTABLE_TAGS: Final = frozenset({keys.TAG_ARTIFACT_LOCATION, keys.TAG_SPANS_LOCATION})
"""Tags that spanframe answers itself; an app's value for them is left out."""

IMMUTABLE_METADATA: Final = frozenset(
    {
        keys.META_TRACE_INPUTS,
        keys.META_TRACE_OUTPUTS,
        keys.META_SCHEMA_VERSION,
        keys.META_SIZE_BYTES,
    }
)
"""Metadata that spanframe derives itself."""

_TEXT_FIELDS: Final = {
    keys.TRACE_NAME: "name",
    keys.TRACE_REQUEST_PREVIEW: "request_preview",
    keys.TRACE_RESPONSE_PREVIEW: "response_preview",
    keys.TRACE_CLIENT_REQUEST_ID: "client_request_id",
    keys.EXPERIMENT: "experiment",
}
_STATES: Final = frozenset({"OK", "ERROR"})

# In order of precedence: of several, the first that has a value is taken.
_USER_KEYS: Final = (keys.USER_ID, keys.META_USER, "enduser.id")
_SESSION_KEYS: Final = (keys.SESSION_ID, keys.META_SESSION, "gen_ai.conversation.id")

# Resource attributes that describe the sender and not the work (MLflow 3.17).
_RESOURCE_SKIPPED: Final = ("telemetry.sdk.", "mlflow.", "spanframe.")


def of_span(attributes: Mapping[str, Any]) -> Iterator[Fact]:
    """Yield the trace-level facts among the attributes of a span."""
    for key, value in attributes.items():
        if key.startswith(keys.TAG_PREFIX):
            yield from _tag(key.removeprefix(keys.TAG_PREFIX), value)
        elif key.startswith(keys.METADATA_PREFIX):
            name = key.removeprefix(keys.METADATA_PREFIX)
            if name and name not in IMMUTABLE_METADATA:
                yield Fact(f"metadata.{name}", Source.EXPLICIT, _text(value))
        elif key in _TEXT_FIELDS:
            yield Fact(_TEXT_FIELDS[key], Source.EXPLICIT, _text(value))
        elif key == keys.TRACE_STATE and value in _STATES:
            yield Fact("status", Source.EXPLICIT, value)
    for name, names in (
        (keys.META_USER, _USER_KEYS),
        (keys.META_SESSION, _SESSION_KEYS),
    ):
        found = next((attributes[k] for k in names if attributes.get(k)), None)
        if found is not None:
            yield Fact(f"metadata.{name}", Source.SPAN, _text(found))


def of_resource(attributes: Mapping[str, Any]) -> Iterator[Fact]:
    """Yield the facts of a resource: its experiment, and each attribute as a tag."""
    for key, value in attributes.items():
        if key == keys.EXPERIMENT:
            yield Fact("experiment", Source.RESOURCE, _text(value))
        elif key and not key.startswith(_RESOURCE_SKIPPED):
            yield Fact(f"tags.{key}", Source.RESOURCE, _text(value))


def without_json_layer(attributes: Mapping[str, Any]) -> dict[str, Any]:
    """Undo the JSON that the MLflow SDK writes around every value but its tags."""
    return {
        key: value
        if key.startswith(("mlflow.", "spanframe.")) or not isinstance(value, str)
        else _loads(value)
        for key, value in attributes.items()
    }


def _tag(name: str, value: Any) -> Iterator[Fact]:
    if name == keys.TAG_TRACE_NAME:
        yield Fact("name", Source.EXPLICIT, _text(value))
    elif name and name not in IMMUTABLE_TAGS:
        yield Fact(f"tags.{name}", Source.EXPLICIT, _text(value))


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json_text(value)


def _loads(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text
