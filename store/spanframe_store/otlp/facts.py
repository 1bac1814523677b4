"""Facts that a span and its resource state about their trace."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from spanframe import keys
from spanframe_store.contract.spans import Fact, Source
from spanframe_store.otlp.anyvalue import json_text
from spanframe_store.otlp.conventions.values import decoded, is_absent

__all__ = ["of_resource", "of_span"]

_TEXT_FIELDS: Final = {
    keys.TRACE_NAME: "name",
    keys.TRACE_REQUEST_PREVIEW: "request_preview",
    keys.TRACE_RESPONSE_PREVIEW: "response_preview",
    keys.TRACE_CLIENT_REQUEST_ID: "client_request_id",
    keys.EXPERIMENT: "experiment",
}
_STATES: Final = frozenset({"OK", "ERROR"})

# In order of precedence: the first attribute that has a value is taken.
_SINGLE: Final = {
    f"metadata.{keys.META_USER}": (
        keys.USER_ID,
        keys.META_USER,
        "enduser.id",
        "langfuse.user.id",
        "traceloop.association.properties.user_id",
    ),
    f"metadata.{keys.META_SESSION}": (
        keys.SESSION_ID,
        keys.META_SESSION,
        "gen_ai.conversation.id",
        "langfuse.session.id",
        "traceloop.association.properties.session_id",
    ),
    "name": ("langfuse.trace.name",),
}
# Lists of names, as values or as JSON text: each becomes a tag with the value "true".
_TAG_LISTS: Final = ("tag.tags", "langfuse.trace.tags")
# Dictionaries, as values or as JSON text, and the prefixes of flattened ones.
_METADATA_MAPS: Final = ("metadata", "langfuse.trace.metadata")
_METADATA_FAMILIES: Final = (
    "langfuse.trace.metadata.",
    "traceloop.association.properties.",
)
_FOREIGN: Final = frozenset(
    {key for names in _SINGLE.values() for key in names}
    | {*_TAG_LISTS, *_METADATA_MAPS}
)
_PREFIXES: Final = (keys.TAG_PREFIX, "spanframe.", *_METADATA_FAMILIES)
_MAX_LISTED_TAGS: Final = 100
"""Maximum tags from one list; each is a row of the index."""

# Resource attributes that describe the sender and not the work: those that MLflow 3.17
# ignores, and the random id that SDKs give every process.
_RESOURCE_SKIPPED: Final = (
    "telemetry.sdk.",
    "mlflow.",
    "spanframe.",
    "service.instance.id",
)


def of_span(attributes: Mapping[str, Any]) -> Iterator[Fact]:
    """Yield the trace-level facts among the attributes of a span.

    Where several attributes fill one field, the fact that comes first counts.
    """
    if not _FOREIGN.isdisjoint(attributes):
        yield from _foreign(attributes)
    for key, value in attributes.items():
        if key.startswith(_PREFIXES):
            yield from _prefixed(key, value)


def _prefixed(key: str, value: Any) -> Iterator[Fact]:
    """Yield the fact of a key that is a prefix and a name."""
    if key.startswith(keys.TAG_PREFIX):
        yield from _tag(key.removeprefix(keys.TAG_PREFIX), value)
    elif key.startswith(keys.METADATA_PREFIX):
        name = key.removeprefix(keys.METADATA_PREFIX)
        if name and name not in keys.DERIVED_METADATA:
            yield Fact(f"metadata.{name}", Source.EXPLICIT, _text(value))
    elif key in _TEXT_FIELDS:
        yield Fact(_TEXT_FIELDS[key], Source.EXPLICIT, _text(value))
    elif key == keys.TRACE_STATE and isinstance(value, str) and value in _STATES:
        yield Fact("status", Source.EXPLICIT, value)
    elif key not in _FOREIGN:
        for family in _METADATA_FAMILIES:
            if key.startswith(family):
                yield from _foreign_metadata(key.removeprefix(family), value)


def _foreign(attributes: Mapping[str, Any]) -> Iterator[Fact]:
    """Yield the facts that other conventions state under fixed keys."""
    for field, names in _SINGLE.items():
        values = (attributes.get(name) for name in names)
        found = next((value for value in values if not is_absent(value)), None)
        if found is not None:
            yield Fact(field, Source.CONVENTION, _plain_text(found))
    for key in _METADATA_MAPS:
        entries = decoded(attributes.get(key))
        if isinstance(entries, dict):
            for name, value in entries.items():
                yield from _foreign_metadata(name, value)
    for key in _TAG_LISTS:
        names = decoded(attributes.get(key))
        if isinstance(names, list):
            for name in names[:_MAX_LISTED_TAGS]:
                if isinstance(name, str) and name and name not in keys.DERIVED_TAGS:
                    yield Fact(f"tags.{name}", Source.CONVENTION, "true")


def _foreign_metadata(name: str, value: Any) -> Iterator[Fact]:
    # A name mlflow.* of another convention does not mean what MLflow means by it.
    own = name.startswith("mlflow.") or name in keys.DERIVED_METADATA
    if name and not own and not is_absent(value):
        yield Fact(f"metadata.{name}", Source.CONVENTION, _text(value))


def of_resource(attributes: Mapping[str, Any]) -> Iterator[Fact]:
    """Yield the facts of a resource: its experiment, and each attribute as a tag.

    Metadata of everything that a process sends may be stated on the resource, too.
    """
    for key, value in attributes.items():
        name = key.removeprefix(keys.METADATA_PREFIX)
        if key == keys.EXPERIMENT:
            yield Fact("experiment", Source.RESOURCE, _text(value))
        elif name and name != key and name not in keys.DERIVED_METADATA:
            yield Fact(f"metadata.{name}", Source.RESOURCE, _text(value))
        elif key and not key.startswith(_RESOURCE_SKIPPED):
            yield Fact(f"tags.{key}", Source.RESOURCE, _text(value))


def without_json_layer(attributes: Mapping[str, Any]) -> dict[str, Any]:
    """Undo the JSON that the MLflow SDK writes around every value but its tags."""
    return {
        key: value if key.startswith(("mlflow.", "spanframe.")) else decoded(value)
        for key, value in attributes.items()
    }


def _tag(name: str, value: Any) -> Iterator[Fact]:
    if name == keys.TAG_TRACE_NAME:
        yield Fact("name", Source.EXPLICIT, _text(value))
    elif name and name not in keys.DERIVED_TAGS:
        yield Fact(f"tags.{name}", Source.EXPLICIT, _text(value))


def _plain_text(value: Any) -> str:
    """Return text without the JSON quotes that the MLflow SDK writes around it."""
    if isinstance(value, str) and value.startswith('"'):
        value = decoded(value)
    return _text(value)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json_text(value)
