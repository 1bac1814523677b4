"""Lists of messages and documents that a sender has flattened into keys.

``PREFIX.N.role``, ``PREFIX.N.content``, ``PREFIX.N.tool_calls.M.name``: the indexes are
the order, and may have gaps.
"""

import re
from collections.abc import Iterator
from typing import Any, Final

from spanframe_store.otlp.conventions.values import Attributes, is_absent

__all__ = [
    "completed_call",
    "completions",
    "openinference_input",
    "openinference_output",
    "prompts",
]

_MAX_LEVELS: Final = 8
"""Maximum levels of a list or object that is rebuilt from keys."""

_MAX_SEARCHED: Final = 65_536
"""Maximum characters of a value that are searched for what Python shows of objects."""

_MAX_INDEX_DIGITS: Final = 6
"""Maximum digits of an index; a longer number is a name."""


def openinference_input(attributes: Attributes) -> Any:
    """Return ``input.value``, or what is gathered where that is only a repr."""
    value = attributes.get("input.value")
    if _is_state(value):
        return None
    return (
        value
        if _is_value(value) and not _is_last_of_many(attributes, value)
        else _messages(attributes, "llm.input_messages.", wrapped=True)
        or _messages(attributes, "reranker.input_documents.", wrapped=True)
        or _embedded(attributes)
        or value
    )


def openinference_output(attributes: Attributes) -> Any:
    """Return ``output.value``, or what is gathered where that is only a repr."""
    value = attributes.get("output.value")
    return (
        value
        if _is_value(value)
        else _messages(attributes, "llm.output_messages.", wrapped=True)
        or _messages(attributes, "reranker.output_documents.", wrapped=True)
        or _messages(attributes, "retrieval.documents.", wrapped=True)
        or value
    )


# What Python shows of objects: <A …>, [<A …>], A(b=…), {'a': …}, ['a'], a='…' b=…, also
# inside of JSON, and what LlamaIndex shows of messages: user: …
_REPR: Final = re.compile(
    r"[\[({]*(<[A-Za-z_]|[A-Za-z_][\w.]*\(\w+=|'|\w+=['\[{<(])"
    r"|(user|assistant|system|tool): "
)
_REPR_INSIDE: Final = re.compile(r'"(<[A-Za-z_]|[A-Z]\w*\(\w+=)')


def _is_value(value: Any) -> bool:
    """Tell whether a value is there, and more than what Python shows of an object."""
    if not isinstance(value, str):
        return not is_absent(value)
    if _REPR.match(value):
        return False
    return not is_absent(value) and not _REPR_INSIDE.search(value, 0, _MAX_SEARCHED)


# The root of a workflow of LlamaIndex has its whole state, and not the question; the
# state stays among the attributes.
_STATE: Final = '{"init_state": '


def _is_state(value: Any) -> bool:
    return isinstance(value, str) and value.startswith(_STATE)


def _is_last_of_many(attributes: Attributes, value: Any) -> bool:
    """Tell whether a value is one text of the several messages that a model got."""
    return (
        "llm.input_messages.1.message.role" in attributes
        and isinstance(value, str)
        and not value.startswith(("{", "["))
    )


def _embedded(attributes: Attributes) -> list[Any]:
    """Return the texts of embeddings; their vectors are no input."""
    items = _messages(attributes, "embedding.embeddings.", wrapped=True) or ()
    texts = [item.get("text") for item in items if isinstance(item, dict)]
    return [text for text in texts if text is not None]


def prompts(attributes: Attributes) -> Any:
    """Gather ``gen_ai.prompt.N.*``."""
    return _messages(attributes, "gen_ai.prompt.")


def completions(attributes: Attributes) -> Any:
    """Gather ``gen_ai.completion.N.*``."""
    return _messages(attributes, "gen_ai.completion.")


def completed_call(attributes: Attributes) -> Any:
    """Return the arguments of the first tool that the model asks for."""
    for message in completions(attributes) or ():
        calls = message.get("tool_calls") if isinstance(message, dict) else None
        for call in calls if isinstance(calls, list) else ():
            if isinstance(call, dict) and not is_absent(call.get("arguments")):
                return call["arguments"]
    return None


def _messages(attributes: Attributes, prefix: str, *, wrapped: bool = False) -> Any:
    """Build the list that ``prefix`` was flattened from.

    Args:
        attributes: the attributes of a span.
        prefix: what the keys start with, up to the index.
        wrapped: whether a name follows every index (OpenInference: ``0.message.role``).
    """
    tree: dict[str, Any] = {}
    for key, value in attributes.items():
        if key.startswith(prefix):
            path = key[len(prefix) :].split(".", _MAX_LEVELS)
            if wrapped:
                path = list(_without_wrappers(path))
            _put(tree, path, value)
    listed = _listed(tree)
    return listed if isinstance(listed, list) else None


def _without_wrappers(path: list[str]) -> Iterator[str]:
    after_index = False
    for name in path:
        if not after_index:
            yield name
        after_index = not after_index and _is_index(name)


def _put(tree: dict[str, Any], path: list[str], value: Any) -> None:
    for name in path[:-1]:
        below = tree.get(name)
        if not isinstance(below, dict):
            below = tree[name] = {}
        tree = below
    tree[path[-1]] = value


def _listed(value: Any, levels: int = _MAX_LEVELS) -> Any:
    """Turn every dict whose keys are all indexes into a list, by index."""
    if not isinstance(value, dict) or not levels:
        return value
    inner = {name: _listed(item, levels - 1) for name, item in value.items()}
    if not inner or not all(map(_is_index, inner)):
        return inner
    return [inner[name] for name in sorted(inner, key=int)]


def _is_index(name: str) -> bool:
    return name.isascii() and name.isdecimal() and len(name) <= _MAX_INDEX_DIGITS
