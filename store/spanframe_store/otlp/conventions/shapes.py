"""Conventions whose values are more than one attribute: one small function each.

Each function reads the attributes (and events) of a span as plain Python values, and
returns what it finds, or None; the rows of the table refer to the functions.
"""

from typing import Any, Final

from spanframe import keys
from spanframe_store.otlp.conventions.values import (
    Attributes,
    Cost,
    Events,
    Usage,
    amount,
    cost,
    decoded,
    is_absent,
    token_count,
    usage,
)

__all__ = [
    "claude_cost",
    "claude_input",
    "claude_output",
    "claude_output_event",
    "claude_usage",
    "gemini_input",
    "gemini_output",
    "genai_input",
    "genai_instructions",
    "is_claude_code",
    "is_gemini_cli",
    "livekit_type",
    "mlflow_cost",
    "mlflow_usage",
    "spring_input_event",
    "spring_output_event",
    "vercel_input",
    "vercel_output",
]


def mlflow_usage(attributes: Attributes) -> Usage | None:
    """Read ``mlflow.chat.tokenUsage``."""
    counts = decoded(attributes.get(keys.CHAT_USAGE))
    if not isinstance(counts, dict):
        return None
    return usage(*(token_count(counts.get(field)) for field in Usage._fields))


def mlflow_cost(attributes: Attributes) -> Cost | None:
    """Read ``mlflow.llm.cost``."""
    parts = decoded(attributes.get(keys.LLM_COST))
    if not isinstance(parts, dict):
        return None
    return cost(
        *(amount(parts.get(n)) for n in ("input_cost", "output_cost", "total_cost"))
    )


# --- OpenTelemetry GenAI ------------------------------------------------------------


def genai_input(attributes: Attributes) -> Any:
    """Return the input messages, the system instructions as the first of them."""
    messages = attributes.get("gen_ai.input.messages")
    listed = decoded(messages)
    return (
        [*genai_instructions(attributes), *listed]
        if isinstance(listed, list) and listed
        else messages
    )


def genai_instructions(attributes: Attributes) -> list[Any]:
    """Return the system instructions as a message, in a list; empty: there are none."""
    instructions = attributes.get("gen_ai.system_instructions")
    if is_absent(instructions):
        return []
    parts = decoded(instructions)
    if not isinstance(parts, list):
        parts = [{"type": "text", "content": parts}]
    return [{"role": "system", "parts": parts}]


def spring_input_event(_attributes: Attributes, events: Events) -> Any:
    """Return the prompt that Spring AI keeps in an event."""
    return _of_event(events, "gen_ai.content.prompt", "gen_ai.prompt")


def spring_output_event(_attributes: Attributes, events: Events) -> Any:
    """Return the completion that Spring AI keeps in an event."""
    return _of_event(events, "gen_ai.content.completion", "gen_ai.completion")


def _of_event(events: Events, name: str, key: str) -> Any:
    for event_name, attributes in events:
        if event_name == name and not is_absent(attributes.get(key)):
            return attributes[key]
    return None


# --- Gemini CLI: GenAI keys, shaped as Gemini's own API has them ---------------------


def is_gemini_cli(attributes: Attributes) -> bool:
    """Tell whether the span comes from Gemini CLI."""
    return _text(attributes, "gen_ai.agent.name") == "gemini-cli"


def gemini_input(attributes: Attributes) -> Any:
    """Wrap the input messages as ``{"contents": …}``."""
    value = _first(attributes, "gen_ai.input.messages", "gen_ai.tool.call.arguments")
    contents = decoded(value)
    if not isinstance(contents, list | str):
        return value
    is_prompt = attributes.get("gen_ai.operation.name") == "system_prompt"
    if is_prompt and isinstance(contents, list):
        # Gemini CLI calls the system prompt's role "user".
        contents = [
            {**item, "role": "system"}
            if isinstance(item, dict) and item.get("role") == "user"
            else item
            for item in contents
        ]
    return {"contents": contents}


def gemini_output(attributes: Attributes) -> Any:
    """Join the parts of all messages as ``{"candidates": [{"content": …}]}``."""
    value = _first(attributes, "gen_ai.output.messages", "gen_ai.tool.call.result")
    messages = decoded(value)
    if not isinstance(messages, list):
        return value
    parts = [
        part
        for message in messages
        if isinstance(message, dict) and isinstance(message.get("parts"), list)
        for part in message["parts"]
    ]
    if not parts:
        return value
    return {"candidates": [{"content": {"role": "model", "parts": parts}}]}


# --- Claude Code --------------------------------------------------------------------

_REDACTED: Final = "<REDACTED>"
_CLAUDE_KINDS: Final = ("interaction", "llm_request", "tool")
_CLAUDE_DETAILS: Final = ("full_command", "file_path", "skill_name", "subagent_type")
_CLAUDE_OUTPUTS: Final = ("output", "content", "diff")


def is_claude_code(attributes: Attributes) -> bool:
    """Tell whether ``span.type`` is one that Claude Code writes."""
    return _claude_kind(attributes) in _CLAUDE_KINDS


def claude_input(attributes: Attributes) -> Any:
    """Return the prompt, the new context, or the input of the tool."""
    kind = _claude_kind(attributes)
    if kind == "interaction":
        return _shown(attributes, "user_prompt", "new_context")
    if kind == "llm_request":
        return _shown(attributes, "new_context")
    details = {key: _shown(attributes, key) for key in _CLAUDE_DETAILS}
    return _shown(attributes, "tool_input") or {
        key: decoded(value) for key, value in details.items() if value is not None
    }


def claude_output(attributes: Attributes) -> Any:
    """Return what the model answered or the tool added to the context."""
    kind = _claude_kind(attributes)
    if kind == "llm_request":
        return _shown(attributes, "response.model_output")
    return _shown(attributes, "new_context") if kind == "tool" else None


def claude_output_event(attributes: Attributes, events: Events) -> Any:
    """Return what a tool put out, kept in an event."""
    if _claude_kind(attributes) == "tool":
        for name, event in events:
            found = _shown(event, *_CLAUDE_OUTPUTS) if name == "tool.output" else None
            if found is not None:
                return found
    return None


def claude_usage(attributes: Attributes) -> Usage | None:
    """Return the usage of a model request, its input with what the cache served."""
    if _claude_kind(attributes) != "llm_request":
        return None
    tokens = token_count(attributes.get("input_tokens"))
    read = token_count(attributes.get("cache_read_tokens"))
    creation = token_count(attributes.get("cache_creation_tokens"))
    if tokens is not None:
        tokens = token_count(tokens + (read or 0) + (creation or 0))
    output = token_count(attributes.get("output_tokens"))
    return usage(tokens, output, None, read, creation)


def claude_cost(attributes: Attributes) -> Cost | None:
    """Return the cost of a model request."""
    if _claude_kind(attributes) != "llm_request":
        return None
    return cost(None, None, amount(attributes.get("cost_usd")))


def _claude_kind(attributes: Attributes) -> str:
    return _text(attributes, "span.type").removeprefix("claude_code.")


def _shown(attributes: Attributes, *keys: str) -> Any:
    """Return the first value that is there and was not redacted by the sender."""
    for key in keys:
        value = attributes.get(key)
        if not is_absent(value) and decoded(value) != _REDACTED:
            return value
    return None


# --- Vercel AI SDK ------------------------------------------------------------------

_VERCEL_CALLS: Final = ("ai.generateText.doGenerate", "ai.streamText.doStream")
_VERCEL_LAYERS: Final = 3


def vercel_input(attributes: Attributes) -> Any:
    """Gather all ``ai.prompt.*`` of a call of a text model."""
    inputs = _vercel_values(attributes, "ai.prompt.")
    if inputs and isinstance(inputs.get("tools"), list):
        inputs["tools"] = [_without_layers(tool) for tool in inputs["tools"]]
    return inputs


def vercel_output(attributes: Attributes) -> Any:
    """Gather all ``ai.response.*`` of a call of a text model."""
    return _vercel_values(attributes, "ai.response.")


def _vercel_values(attributes: Attributes, prefix: str) -> dict[str, Any] | None:
    if _text(attributes, "ai.operationId") not in _VERCEL_CALLS:
        return None
    return {
        key.removeprefix(prefix): _without_layers(value)
        for key, value in attributes.items()
        if key.startswith(prefix)
    }


def _without_layers(value: Any) -> Any:
    for _ in range(_VERCEL_LAYERS):
        value = decoded(value)
    return value


# --- LiveKit ------------------------------------------------------------------------


def livekit_type(attributes: Attributes) -> str | None:
    """Tell the type by the keys that are there, as no key names it."""
    if "gen_ai.request.model" in attributes or "lk.retry_count" in attributes:
        return "LLM"
    if any(key.startswith("lk.function_tool") for key in attributes):
        return "TOOL"
    named = ("lk.agent_name", "lk.instructions", "lk.generation_id")
    return "AGENT" if any(key in attributes for key in named) else None


def _text(attributes: Attributes, key: str) -> str:
    value = attributes.get(key)
    return value if isinstance(value, str) else ""


def _first(attributes: Attributes, *keys: str) -> Any:
    values = (attributes.get(key) for key in keys)
    return next((value for value in values if not is_absent(value)), None)
