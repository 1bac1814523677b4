"""Facts that a span and its resource state about their trace."""

from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

from spanframe import keys
from spanframe_store.contract.spans import Fact, Source
from spanframe_store.otlp.anyvalue import json_text
from spanframe_store.otlp.conventions.values import decoded, is_absent
from spanframe_store.otlp.name_sets import Names, by_names
from spanframe_store.otlp.previews import cut

__all__ = ["of_resource", "of_span"]

_TEXT_FIELDS: Final = {
    keys.TRACE_NAME: "name",
    keys.TRACE_REQUEST_PREVIEW: "request_preview",
    keys.TRACE_RESPONSE_PREVIEW: "response_preview",
    keys.TRACE_CLIENT_REQUEST_ID: "client_request_id",
    keys.EXPERIMENT: "experiment",
    keys.EXPERIMENT_ID: "experiment_id",
}
_EXPERIMENT: Final = (keys.EXPERIMENT, keys.EXPERIMENT_ID)
_STATES: Final = frozenset({"OK", "ERROR"})

# In order of precedence: the first attribute that has a value is taken.
_SINGLE: Final = {
    f"metadata.{keys.META_USER}": (
        keys.USER_ID,
        keys.META_USER,
        "enduser.id",
        "langfuse.user.id",
        "traceloop.association.properties.user_id",
        "lmnr.association.properties.user_id",
        "langsmith.metadata.user_id",
        "ai.telemetry.metadata.userId",
        "ai.settings.context.userId",
        "llm.user",
    ),
    f"metadata.{keys.META_SESSION}": (
        keys.SESSION_ID,
        keys.META_SESSION,
        "gen_ai.conversation.id",
        "langfuse.session.id",
        "traceloop.association.properties.session_id",
        "lmnr.association.properties.session_id",
        "langsmith.metadata.session_id",
        "langsmith.metadata.thread_id",
        "langsmith.metadata.conversation_id",
        "ai.telemetry.metadata.sessionId",
        "ai.settings.context.sessionId",
        "gcp.vertex.agent.session_id",
    ),
    "name": ("langfuse.trace.name",),
}
# Lists of names, as values or as JSON text: each becomes a tag with the value "true".
_TAG_LISTS: Final = (
    "tag.tags",
    "langfuse.trace.tags",
    "logfire.tags",
    "lmnr.association.properties.tags",
    "ai.telemetry.metadata.tags",
)
_TAGS_WITH_COMMAS: Final = "langsmith.span.tags"
# Dictionaries, as values or as JSON text, and the prefixes of flattened ones.
_METADATA_MAPS: Final = ("metadata", "langfuse.trace.metadata")
_METADATA_FAMILIES: Final = (
    "langfuse.trace.metadata.",
    "traceloop.association.properties.",
    "lmnr.association.properties.metadata.",
    "langsmith.metadata.",
    "ai.telemetry.metadata.",
    "ai.settings.context.",
)
# Entries and tags that describe the library and not the work (LangChain).
_NOT_METADATA: Final = (
    "mlflow.",
    "ls_",
    "lc_",
    "langgraph_",
    "LANGSMITH_",
    "LANGCHAIN_",
    "checkpoint_ns",
    "usage_metadata",
    "_type",
)
_NOT_TAGS: Final = ("seq:step:", "map:key:", "graph:step:")
_ROOT_METADATA: Final = "langfuse.observation.metadata."
_ROOT_TAGS: Final = "tags"
# What LangChain is called with, as Traceloop records it: tags are beside the inputs.
_ROOT_CALL: Final = "traceloop.entity.input"
_ROOT_KEYS: Final = frozenset({_ROOT_TAGS, _ROOT_CALL})
_LANGWATCH: Final = "langwatch.span.type"
# User and session among metadata, by the names that apps use.
_ENTRIES: Final = {
    f"metadata.{keys.META_USER}": ("user_id", "userId"),
    f"metadata.{keys.META_SESSION}": (
        "session_id",
        "sessionId",
        "thread_id",
        "threadId",
        "conversation_id",
    ),
}
_MAX_ENTRY_CHARS: Final = 2 << 20
"""Maximum characters of one tag or metadata entry. Python keeps four bytes for each of
them once one is an emoji, in each of the texts that are made of it."""

_MAX_ERROR_CHARS: Final = 1000
"""Maximum characters of the error of a trace."""

_FOREIGN: Final = frozenset(
    {key for names in _SINGLE.values() for key in names}
    | {*_TAG_LISTS, *_METADATA_MAPS, _TAGS_WITH_COMMAS}
)
_PLACES: Final = {
    key: (place, field, key)
    for field, names in _SINGLE.items()
    for place, key in enumerate(names)
}
"""The place of each key among those that fill its field, and the field."""

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


class _Stating(NamedTuple):
    """The names of attributes that state a fact."""

    foreign: frozenset[str]
    """Names of `_FOREIGN`."""
    prefixed: Names
    of_root: Names


@by_names
def _stating(names: Names) -> _Stating:
    return _Stating(
        _FOREIGN.intersection(names),
        tuple(name for name in names if name.startswith(_PREFIXES)),
        tuple(n for n in names if n in _ROOT_KEYS or n.startswith(_ROOT_METADATA)),
    )


def of_span(attributes: Mapping[str, Any]) -> list[Fact]:
    """Return the trace-level facts among the attributes of a span.

    Where several attributes fill one field, the fact that comes first counts.
    """
    stating = _stating(attributes)
    found: list[Fact] = []
    if stating.foreign:
        found += _foreign(attributes, stating.foreign)
    for key in stating.prefixed:
        found += _prefixed(key, attributes[key])
    return found


def of_root(attributes: Mapping[str, Any]) -> Iterator[Fact]:
    """Yield what only the span that speaks for its trace states about it.

    Langfuse keeps the metadata of an app with its first observation, Strands its tags.
    """
    for key in _stating(attributes).of_root:
        value = attributes[key]
        if key == _ROOT_TAGS:
            yield from _listed_tags(value)
        elif key == _ROOT_CALL:
            yield from _listed_tags(_tags_of_call(value))
        else:
            yield from _foreign_metadata(key.removeprefix(_ROOT_METADATA), value)


def _tags_of_call(value: Any) -> Any:
    """Return the tags among the arguments of a call; None: there are none."""
    called_with = decoded(value) if isinstance(value, str) and '"tags"' in value else {}
    if isinstance(called_with, dict) and "kwargs" in called_with:
        return called_with.get("tags")
    return None


def of_error(message: str) -> Iterator[Fact]:
    """Yield why a span failed."""
    if message:
        text = cut(message, _MAX_ERROR_CHARS)
        yield Fact(f"metadata.{keys.META_ERROR}", Source.CONVENTION, text)


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


def _foreign(attributes: Mapping[str, Any], present: frozenset[str]) -> Iterator[Fact]:
    """Yield the facts that other conventions state under these fixed keys."""
    stated: set[str] = set()
    for place in sorted([_PLACES[key] for key in present if key in _PLACES]):
        _, field, key = place
        value = attributes[key]
        if field not in stated and not is_absent(value):
            stated.add(field)
            yield Fact(field, Source.CONVENTION, _plain_text(value))
    if stated and len(present) == len(stated):
        return  # most spans that state any of these say who the user is, no more
    for key in _METADATA_MAPS:
        entries = decoded(attributes.get(key))
        if isinstance(entries, dict):
            for name, value in entries.items():
                yield from _foreign_metadata(name, value)
            yield from _known_entries(entries, stated)
            if _LANGWATCH in attributes:
                yield from _listed_tags(entries.get("labels"))
    for key in _TAG_LISTS:
        yield from _listed_tags(decoded(attributes.get(key)))
    with_commas = attributes.get(_TAGS_WITH_COMMAS)
    if isinstance(with_commas, str):
        yield from _listed_tags([name.strip() for name in with_commas.split(",")])


def _known_entries(entries: Mapping[str, Any], stated: set[str]) -> Iterator[Fact]:
    """Yield the user and the session that metadata names, where no attribute does."""
    for field, names in _ENTRIES.items():
        if field not in stated:
            values = (entries.get(name) for name in names)
            value = next((each for each in values if not is_absent(each)), None)
            if value is not None:
                stated.add(field)
                yield Fact(field, Source.CONVENTION, _plain_text(value))


def _listed_tags(names: Any) -> Iterator[Fact]:
    for name in names[:_MAX_LISTED_TAGS] if isinstance(names, list) else ():
        if not isinstance(name, str) or name.startswith(_NOT_TAGS):
            continue
        if name and name not in keys.DERIVED_TAGS:
            yield Fact(f"tags.{name}", Source.CONVENTION, "true")


def _foreign_metadata(name: str, value: Any) -> Iterator[Fact]:
    # A name mlflow.* of another convention does not mean what MLflow means by it.
    own = name.startswith(_NOT_METADATA) or name in keys.DERIVED_METADATA
    if name and not own and not is_absent(value):
        yield Fact(f"metadata.{name}", Source.CONVENTION, _plain_text(value))


def of_resource(attributes: Mapping[str, Any]) -> Iterator[Fact]:
    """Yield the facts of a resource: its experiment, and each attribute as a tag.

    Metadata of everything that a process sends may be stated on the resource, too.
    """
    for key, value in attributes.items():
        name = key.removeprefix(keys.METADATA_PREFIX)
        if key == keys.SERVICE_NAME and keys.is_no_service(value):
            continue
        if key in _EXPERIMENT:
            yield Fact(_TEXT_FIELDS[key], Source.RESOURCE, _text(value))
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
    """Return text without the JSON quotes that MLflow and Langfuse write around it."""
    if isinstance(value, str) and value.startswith('"'):
        value = decoded(value)
    return _text(value)


def _text(value: Any) -> str:
    text = value if isinstance(value, str) else json_text(value)
    return cut(text, _MAX_ENTRY_CHARS)
