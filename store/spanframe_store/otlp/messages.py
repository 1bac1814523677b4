"""Finds what was said last in a chat, in the shapes in which vendors write messages.

A message has a role, and its text in ``content`` (OpenAI, Anthropic), ``parts``
(OpenTelemetry GenAI, Gemini) or ``blocks`` (LlamaIndex), as text or as a list of
blocks. Messages stand in a list, alone, or below a known key.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, Literal, NamedTuple

from spanframe_store.otlp.anyvalue import NOT_JSON, json_text, loads

__all__ = ["Role", "last_said"]

Role = Literal["user", "assistant"]

_MAX_LEVELS: Final = 10
"""Maximum levels below which messages are looked for."""

# In order: the first key that holds a message counts. Those of MLflow 3.17 come first.
_WRAPPERS: Final = (
    "messages",
    "input",
    "output",
    "choices",
    "request",
    "message",
    "contents",
    "content",
    "candidates",
    "generations",
    "replies",
    "kwargs",
    "inputs",
    "outputs",
    "response",
    "prompt",
    "new_message",
    "chat_history",
    "data",
    "result",
)
_ALTERNATIVES: Final = frozenset({"choices", "candidates", "generations"})
"""Wrappers whose first item is the answer, and the others alternatives to it."""

_ROLES: Final = {
    **dict.fromkeys(("user", "human", "humanmessage", "humanmessagechunk"), "user"),
    **dict.fromkeys(
        ("assistant", "model", "ai", "aimessage", "aimessagechunk", "chatbot"),
        "assistant",
    ),
}
_OTHER_ROLES: Final = frozenset(
    {"system", "developer", "tool", "function", "systemmessage", "toolmessage"}
)
_KNOWN_ROLES: Final = _ROLES.keys() | _OTHER_ROLES
_TEXTS: Final = ("content", "parts", "contents", "blocks", "text", "raw", "response")
"""Keys of a message that hold its text, as text or as blocks."""

_PROMPTS: Final = {
    "input": frozenset({"model", "system"}),
    "prompt": frozenset({"model", "system"}),
    "task": frozenset({"max_steps"}),  # smolagents
}
"""Keys of what a model or an agent is asked, with keys that stand beside them."""

_TEXT_TYPES: Final = frozenset({"", "text", "output_text", "input_text"})
_CALL_TYPES: Final = frozenset(
    {"tool_call", "tool_use", "function_call", "tool-call", "server_tool_call"}
)
_CALL_KEYS: Final = (
    "function",
    "functionCall",
    "function_call",
    "toolUse",
    "tool_call",
)
"""Keys below which a call keeps its name and arguments."""

_ONLY_CALLS: Final = ("tool_calls", "toolCalls")
_CALL_LISTS: Final = (*_ONLY_CALLS, "content", "parts", "contents", "blocks")
_NAMES: Final = ("name", "toolName", "tool_name")
_CALL_PARTS: Final = frozenset({"name", "arguments"})
_ARGUMENTS: Final = ("arguments", "args", "input", "parameters")


class _Message(NamedTuple):
    role: str
    """``user``, ``assistant``, or another one as it is written."""
    body: Mapping[str, Any]


def last_said(value: Any, role: Role) -> str | None:
    """Return the text of the last message of a role; None where there is none.

    Of an assistant that calls tools and says nothing it is the calls:
    ``get_weather({"city": "Paris"})``. Where no message has the role, the last message
    counts.

    Args:
        value: a value of JSON.
        role: the role of the message.
    """
    messages = list(_messages(value, _MAX_LEVELS))
    if not messages and role == "user":
        return _prompt(value)
    if not any(message.role == role for message in messages):
        return _said(messages[-1:])
    if role == "user":
        questions = [message for message in messages if message.role == role]
        return next(_texts(questions), None)
    return _said(_last_answer(messages))


def _prompt(value: Any) -> str | None:
    """Return the text that a model is asked with, outside of any message (OpenAI)."""
    if not isinstance(value, dict):
        return None
    texts = (
        value.get(key)
        for key, beside in _PROMPTS.items()
        if not value.keys().isdisjoint(beside)
    )
    return next((text for text in texts if isinstance(text, str) and text), None)


def _said(messages: Sequence[_Message]) -> str | None:
    """Return the last text of messages, their calls where they have none."""
    text = next(_texts(messages), None)
    if text is None:
        calls = [call for message in messages for call in _calls(message.body)]
        text = ", ".join(calls) or None
    return text


def _texts(messages: Sequence[_Message]) -> Iterator[str]:
    """Yield the texts of messages, the last one first."""
    for message in reversed(messages):
        text = (_text(message.body, _MAX_LEVELS) or "").strip()
        if text:
            yield text


def _last_answer(messages: Sequence[_Message]) -> Sequence[_Message]:
    """Return the last messages of the assistant in a row; they are one answer."""
    of_assistant = [message.role == "assistant" for message in messages]
    end = len(messages) - of_assistant[::-1].index(True)
    start = end
    while start and of_assistant[start - 1]:
        start -= 1
    return messages[start:end]


# --- where messages are ---------------------------------------------------------------


def _messages(value: Any, levels: int) -> Iterator[_Message]:
    if not levels:
        return
    if isinstance(value, str) and value.startswith(("{", "[")):
        value = loads(value)
    if isinstance(value, list):
        if _is_blocks(value):
            yield _Message("", {"content": value})
            return
        pair = _pair(value)
        if pair is not None:
            yield pair
            return
        for item in value:
            yield from _messages(item, levels - 1)
    elif isinstance(value, dict):
        value = _constructed(value)
        role = _role(value)
        if role is not None:
            yield _Message(role, value)
        else:
            yield from _wrapped(value, levels - 1)


def _constructed(value: dict[str, Any]) -> dict[str, Any]:
    """Return a message of LangChain without what it is constructed by."""
    match value:
        case {"type": "constructor", "id": [*_, str(name)], "kwargs": dict(kwargs)}:
            return {"type": name, **kwargs}
        case _:
            return value


def _wrapped(value: Mapping[str, Any], levels: int) -> Sequence[_Message]:
    for key in _WRAPPERS:
        if key not in value:
            continue
        inner = value[key]
        if key in _ALTERNATIVES and isinstance(inner, list):
            inner = inner[:1]
        found = list(_messages(inner, levels))
        if found:
            return found
    if len(value) == 1:  # what a pipeline returns of its last component (Haystack)
        (inner,) = value.values()
        if isinstance(inner, dict):
            return list(_messages(inner, levels))
    return ()


def _pair(items: list[Any]) -> _Message | None:
    """Return the message that a role and a text make (LangChain); None: they do not."""
    match items:
        case [str(role), str(text)] if role.lower() in _KNOWN_ROLES:
            return _Message(_ROLES.get(role.lower(), role), {"content": text})
        case _:
            return None


def _role(value: Mapping[str, Any]) -> str | None:
    """Return the role of a message; None: the object is no message."""
    role = value.get("role")
    if isinstance(role, str):
        has_body = any(key in value for key in (*_TEXTS, "tool_calls", "function_call"))
        return _ROLES.get(role.lower(), role) if has_body else None
    kind = _kind(value)
    if kind in _CALL_TYPES or isinstance(value.get("toolCalls"), list):
        return "assistant"
    for key, beside in _ANSWERS.items():
        if isinstance(value.get(key), str | list) and not beside.isdisjoint(value):
            return "assistant"
    name = kind.lower() if "content" in value else ""
    return _ROLES.get(name) or (name if name in _OTHER_ROLES else None)


_ANSWERS: Final = {
    "text": frozenset({"finishReason"}),  # Vercel's AI SDK
    "raw": frozenset({"tasks_output"}),  # CrewAI
    "content": frozenset({"finish_reason"}),  # AutoGen
    "response": frozenset({"source_nodes", "metadata"}),  # LlamaIndex
}
"""Keys of an answer without a role, with keys that stand beside them."""


def _kind(value: Mapping[str, Any]) -> str:
    """Return the type of a message or of a block; empty: it has none."""
    kind = value.get("type", value.get("block_type"))
    return kind if isinstance(kind, str) else "" if kind is None else "unknown"


def _is_blocks(items: list[Any]) -> bool:
    """Return whether a list is the content of one message, without its role."""
    match items:
        case [{"content": str(), **other}] if not other:
            return True  # the text to embed (Laminar, Traceloop)
    return bool(items) and all(
        isinstance(item, dict)
        and "role" not in item
        and (item.get("type") == "text" or item.keys() <= {"text", "toolUse"})
        for item in items
    )


# --- what a message says --------------------------------------------------------------


def _text(body: Mapping[str, Any], levels: int) -> str | None:
    for key in _TEXTS:
        text = _block_text(body.get(key), levels)
        if text:
            return text
    return None


def _block_text(value: Any, levels: int) -> str | None:
    """Return the first text of a content: text, a block, or a list of blocks."""
    if not levels:
        return None
    if isinstance(value, str):
        blocks = loads(value) if value.startswith("[{") else None
        if isinstance(blocks, list) and any(map(_is_block, blocks)):
            return _block_text(blocks, levels - 1)
        return value or None
    if isinstance(value, list):
        texts = (_block_text(item, levels - 1) for item in value)
        return next((text for text in texts if text), None)
    if not isinstance(value, dict) or value.get("thought"):
        return None
    return _text(value, levels - 1) if _kind(value) in _TEXT_TYPES else None


def _is_block(value: Any) -> bool:
    return isinstance(value, dict) and any(
        key in value for key in ("type", "text", "toolUse", "toolResult")
    )


def _calls(body: Mapping[str, Any]) -> Iterator[str]:
    """Yield the calls of a message as ``name(arguments)``."""
    if _kind(body) in _CALL_TYPES:
        yield from _call(body)
    elif isinstance(body.get("function_call"), dict):
        yield from _call(body["function_call"])
    for key in _CALL_LISTS:
        items = body.get(key)
        if isinstance(items, str) and items.startswith("[{"):
            items = loads(items)
        for item in items if isinstance(items, list) else ():
            if isinstance(item, dict):
                inner = next((item[k] for k in _CALL_KEYS if k in item), item)
                if (
                    key in _ONLY_CALLS
                    or inner is not item
                    or item.keys() >= _CALL_PARTS
                    or _kind(item) in _CALL_TYPES
                ):
                    yield from _call(inner)


def _call(call: Any) -> Iterator[str]:
    if not isinstance(call, dict):
        return
    name = next((call[key] for key in _NAMES if isinstance(call.get(key), str)), None)
    if name is None:
        return
    arguments = next((call[key] for key in _ARGUMENTS if call.get(key)), "")
    if isinstance(arguments, str):
        value = loads(arguments)
        arguments = arguments if value is NOT_JSON else json_text(value)
    else:
        arguments = json_text(arguments)
    yield f"{name}({arguments})"
