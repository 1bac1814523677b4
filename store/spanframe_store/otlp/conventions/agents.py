"""Conventions of agent frameworks and backends whose values are JSON of their own."""

import re
from collections.abc import Mapping
from typing import Any, Final

from spanframe_store.otlp.conventions.values import (
    Attributes,
    Cost,
    Usage,
    amount,
    cost,
    decoded,
    token_count,
    usage,
)

__all__ = [
    "is_pydantic_ai",
    "is_traceloop_step",
    "langfuse_cost",
    "langfuse_usage",
    "langsmith_input",
    "langsmith_output",
    "langsmith_type",
    "langsmith_usage",
    "pydantic_ai_input",
    "pydantic_ai_output",
    "pydantic_ai_type",
    "traceloop_input",
    "traceloop_output",
    "traceloop_type",
]

# --- pydantic-ai, versions 1 to 5 of its instrumentation ------------------------------

_HISTORIES: Final = ("pydantic_ai.all_messages", "all_messages_events")
_OF_TOOLS: Final = ("tool_arguments", "tool_response")
_EVENT_NAME: Final = "event.name"


def is_pydantic_ai(attributes: Attributes) -> bool:
    """Tell whether a span is of an agent, a model call or a tool of pydantic-ai."""
    return (
        any(key in attributes for key in _HISTORIES)
        or (
            "gen_ai.tool.name" in attributes and any(k in attributes for k in _OF_TOOLS)
        )
        or ("gen_ai.request.model" in attributes and _event_list(attributes) != [])
    )


def pydantic_ai_type(attributes: Attributes) -> str | None:
    """Tell the type of a span that no operation names (version 1)."""
    if any(key in attributes for key in _HISTORIES):
        return "AGENT"
    if any(key in attributes for key in _OF_TOOLS):
        return "TOOL"
    return "CHAT_MODEL" if "events" in attributes else None


def pydantic_ai_input(attributes: Attributes) -> Any:
    """Return the messages of a run up to its question, or those of a model call."""
    messages = _history(attributes)
    if messages is None:
        return [
            e for e in _event_list(attributes) if e.get(_EVENT_NAME) != "gen_ai.choice"
        ]
    asked = [n for n, each in enumerate(messages) if _is_question(each)]
    return messages[: asked[-1] + 1] if asked else None


def pydantic_ai_output(attributes: Attributes) -> Any:
    """Return the last message of a run, or the choice of a model call."""
    messages = _history(attributes)
    if messages is None:
        choices = [
            each.get("message")
            for each in _event_list(attributes)
            if each.get(_EVENT_NAME) == "gen_ai.choice"
        ]
        return choices[-1] if choices else None
    answers = [
        m for m in messages if isinstance(m, dict) and m.get("role") == "assistant"
    ]
    return answers[-1] if answers else None


def _history(attributes: Attributes) -> list[Any] | None:
    for key in _HISTORIES:
        messages = decoded(attributes.get(key))
        if isinstance(messages, list):
            return messages
    return None


def _event_list(attributes: Attributes) -> list[dict[str, Any]]:
    """Return the events that version 1 keeps in an attribute."""
    events = attributes.get("events")
    if not isinstance(events, str) or f'"{_EVENT_NAME}"' not in events:
        return []
    found = decoded(events)
    items = found if isinstance(found, list) else []
    return [each for each in items if isinstance(each, dict)]


def _is_question(message: Any) -> bool:
    """Tell whether a message is the user's, and not the result of a tool."""
    if not isinstance(message, dict) or message.get("role") != "user":
        return False
    parts = message.get("parts")
    if not isinstance(parts, list):
        return True
    return any(
        isinstance(part, dict) and part.get("type") != "tool_call_response"
        for part in parts
    )


# --- LangSmith ------------------------------------------------------------------------

_LANGSMITH_TYPES: Final = {
    "llm": "CHAT_MODEL",
    "chain": "CHAIN",
    "tool": "TOOL",
    "retriever": "RETRIEVER",
    "embedding": "EMBEDDING",
    "prompt": "CHAIN",
    "parser": "PARSER",
}


def langsmith_type(attributes: Attributes) -> str | None:
    """Return the type of a run; its GenAI operation says EMBEDDING of a retriever."""
    kind = attributes.get("langsmith.span.kind")
    return _LANGSMITH_TYPES.get(kind) if isinstance(kind, str) else None


def langsmith_input(attributes: Attributes) -> Any:
    """Return the input of a run without the name that LangSmith gives to one value."""
    return _unwrapped(attributes, "gen_ai.prompt", "input")


def langsmith_output(attributes: Attributes) -> Any:
    """Return the output of a run without the name that LangSmith gives to one value."""
    return _unwrapped(attributes, "gen_ai.completion", "output")


def _unwrapped(attributes: Attributes, key: str, name: str) -> Any:
    value = attributes.get(key)
    if "langsmith.span.kind" in attributes:
        inner = decoded(value)
        if isinstance(inner, dict) and inner.keys() == {name}:
            return inner[name]
    return value


# --- Traceloop ------------------------------------------------------------------------

_REQUEST_TYPES: Final = {"embedding": "EMBEDDING", "rerank": "RERANKER"}


def is_traceloop_step(attributes: Attributes) -> bool:
    """Tell whether a span has a kind of Traceloop and the operation of an agent."""
    return attributes.get("gen_ai.operation.name") == "invoke_agent"


def traceloop_type(attributes: Attributes) -> str | None:
    """Tell the type of a model's call by what is asked for (before version 0.50)."""
    kind = attributes.get("llm.request.type")
    return _REQUEST_TYPES.get(kind) if isinstance(kind, str) else None


def traceloop_input(attributes: Attributes) -> Any:
    """Return the input of an entity without what LangChain is called with."""
    return _called_with(attributes, "traceloop.entity.input", "inputs")


def traceloop_output(attributes: Attributes) -> Any:
    """Return the output of an entity without what LangChain is called with."""
    return _called_with(attributes, "traceloop.entity.output", "outputs")


_OF_CALLS: Final = {"tags", "metadata", "kwargs"}


def _called_with(attributes: Attributes, key: str, name: str) -> Any:
    value = attributes.get(key)
    if isinstance(value, str) and f'"{name}"' in value and '"kwargs"' in value:
        inner = decoded(value)
        if isinstance(inner, dict) and inner.keys() - _OF_CALLS == {name}:
            return inner[name]
    return value


def langsmith_usage(attributes: Attributes) -> Usage | None:
    """Read the usage that LangSmith keeps in the metadata of a run, with its parts."""
    counts = decoded(attributes.get("langsmith.metadata.usage_metadata"))
    if not isinstance(counts, dict) or "gen_ai.usage.input_tokens" not in attributes:
        return None  # a chain has the metadata of its model call, too
    inner, outer = counts.get("input_token_details"), counts.get("output_token_details")
    return usage(
        _part(counts, "input_tokens"),
        _part(counts, "output_tokens"),
        _part(counts, "total_tokens"),
        _part(inner, "cache_read"),
        _part(inner, "cache_creation"),
        _part(outer, "reasoning"),
    )


def _part(details: Any, name: str) -> int | None:
    return token_count(details.get(name)) if isinstance(details, dict) else None


# --- Langfuse -------------------------------------------------------------------------

_LANGFUSE_NAMES: Final = (
    ("input", "prompt_tokens", "input_tokens", "promptTokens", "inputTokens"),
    (
        "output",
        "completion_tokens",
        "output_tokens",
        "completionTokens",
        "outputTokens",
    ),
    ("total", "total_tokens", "totalTokens"),
)
_CACHE_READ: Final = (
    "cache_read_input_tokens",
    "input_cached_tokens",
    "input_cache_read",
    "cached_tokens",
    "cache_read",
)
_CACHE_CREATION: Final = (
    "cache_creation_input_tokens",
    "input_cache_creation",
    "cache_creation",
)
_REASONING: Final = ("output_reasoning_tokens", "output_reasoning", "reasoning_tokens")


def langfuse_usage(attributes: Attributes) -> Usage | None:
    """Read ``langfuse.observation.usage_details``.

    The names are those of the model's API, with details inside (OpenAI), or Langfuse's
    own, and then ``input`` leaves out what ``input_cached_tokens`` and its like count.
    """
    details = decoded(attributes.get("langfuse.observation.usage_details"))
    if not isinstance(details, dict):
        return None
    inner = [value for value in details.values() if isinstance(value, dict)]
    flat = {key: value for each in (*inner, details) for key, value in each.items()}
    tokens, output, total = (_count(details, names) for names in _LANGFUSE_NAMES)
    if "input" in details or "output" in details:
        tokens, output = _with_parts(details, tokens, output, total)
    return usage(
        tokens,
        output,
        total,
        _count(flat, _CACHE_READ),
        _count(flat, _CACHE_CREATION),
        _count(flat, _REASONING),
    )


def _with_parts(
    details: Mapping[str, Any],
    tokens: int | None,
    output: int | None,
    total: int | None,
) -> tuple[int | None, int | None]:
    """Return input and output with the parts that were counted apart from them.

    They are not, where input and output make the total alone.
    """
    inner, outer = _parts(details, _IS_INPUT), _parts(details, _IS_OUTPUT)
    if total is not None and (tokens or 0) + (output or 0) + inner + outer > total:
        return tokens, output
    return _plus(tokens, inner), _plus(output, outer)


_IS_INPUT: Final = re.compile("input_|cache_(read|creation)_input")
_IS_OUTPUT: Final = re.compile("output_")


def _parts(details: Mapping[str, Any], name: re.Pattern[str]) -> int:
    return sum(token_count(details[key]) or 0 for key in details if name.match(key))


def _plus(count: int | None, part: int) -> int | None:
    return count if count is None and not part else (count or 0) + part


def _count(details: Mapping[str, Any], names: tuple[str, ...]) -> int | None:
    counts = (token_count(details.get(name)) for name in names)
    return next((count for count in counts if count is not None), None)


def langfuse_cost(attributes: Attributes) -> Cost | None:
    """Read ``langfuse.observation.cost_details``; parts of any name make the total."""
    details = decoded(attributes.get("langfuse.observation.cost_details"))
    if not isinstance(details, dict):
        return None
    amounts = {key: amount(value) for key, value in details.items()}
    known = {key: value for key, value in amounts.items() if value is not None}
    total = known.pop("total", sum(known.values()) if known else None)
    return cost(known.get("input"), known.get("output"), total)
