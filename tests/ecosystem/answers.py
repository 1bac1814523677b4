"""The answers of the fake model APIs: pure functions of what was asked.

All vendors answer alike, so that a table of clients compares clients and nothing else:
the capital of France, a call of a weather tool and the sentence after it, and a refusal
of the model ``…-none``. Every answer has the same usage.
"""

import base64
import hashlib
import json
import struct
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, NamedTuple

__all__ = ["ANSWER", "Asked", "Call", "Reply", "asked", "reply", "vector"]

ANSWER: Final = "Paris is the capital of France."
_WEATHER: Final = "It is 21 degrees and sunny in Paris."
_BREAD: Final = "Ann bakes the bread."
_DIMENSIONS: Final = 8
"""Dimensions of an embedding."""

_ROLES: Final = ("user", "human")


class Call(NamedTuple):
    """A call that the model asks for."""

    tool: str
    arguments: dict[str, Any]


Reply = str | Call
"""A text, or a call."""


class Asked(NamedTuple):
    """What any of the vendors' requests asks."""

    model: str
    everything: str
    question: str
    tools: tuple[str, ...]
    has_result: bool


def asked(body: Mapping[str, Any], model: str) -> Asked:
    """Read a request of any vendor."""
    messages = _messages(body)
    users = [m for m in messages if m.get("role", "user") in _ROLES]
    return Asked(
        model,
        json.dumps(body),
        json.dumps(users[-1]) if users else "",
        tuple(_tools(body.get("tools") or ())),
        any(_is_result(message) for message in messages),
    )


def reply(said: Asked) -> Reply:
    """Return what the model says."""
    if said.has_result:
        last = "final_answer" in said.tools
        return Call("final_answer", {"answer": _WEATHER}) if last else _WEATHER
    if "weather" in said.question:
        for tool in said.tools:
            if "weather" in tool.lower():
                return Call(tool, {"city": "Paris"})
    text = _BREAD if "bread" in said.question else ANSWER
    if "[[ ## answer ## ]]" in said.everything:
        return f"[[ ## answer ## ]]\n{text}\n\n[[ ## completed ## ]]"
    if "Final Answer:" in said.everything:
        return f"Thought: I know it.\nFinal Answer: {text}"
    return text


def vector(text: str, encoding: str | None) -> Any:
    """Return the embedding of a text, as a list or as base64 of floats."""
    digest = hashlib.sha256(text.encode()).digest()
    floats = [byte / 256 for byte in digest[:_DIMENSIONS]]
    if encoding != "base64":
        return floats
    return base64.b64encode(struct.pack(f"<{_DIMENSIONS}f", *floats)).decode()


def _messages(body: Mapping[str, Any]) -> list[dict[str, Any]]:
    for key in ("messages", "input", "contents"):
        found = body.get(key)
        if isinstance(found, str):
            return [{"role": "user", "content": found}]
        if isinstance(found, list):
            return [
                item if isinstance(item, dict) else {"content": item} for item in found
            ]
    return []


def _tools(listed: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    for tool in listed:
        for declared in tool.get("functionDeclarations", ()):
            yield declared["name"]
        name = tool.get("name") or tool.get("function", {}).get("name")
        if name:
            yield name


def _is_result(message: Mapping[str, Any]) -> bool:
    """Tell whether a message is a tool's result: OpenAI's, Anthropic's, Gemini's."""
    if "Observation:\\n21" in json.dumps(message):  # smolagents says it in words
        return True
    if message.get("role") == "tool" or message.get("type") == "function_call_output":
        return True
    parts = message.get("content") or message.get("parts")
    return isinstance(parts, list) and any(
        isinstance(part, dict)
        and (part.get("type") == "tool_result" or "functionResponse" in part)
        for part in parts
    )
