"""What a user expects of the questions that all drivers ask (`drivers/scene.py`)."""

from collections.abc import Mapping
from typing import Any, Final

__all__ = ["SPANS", "TRACES"]

_QUESTION: Final = "What is the capital of France?"
_ANSWER: Final = "Paris is the capital of France."
_WEATHER: Final = "What is the weather in Paris?"
_SUNNY: Final = "It is 21 degrees and sunny in Paris."
_BREAD: Final = "Who bakes the bread?"
_BAKES: Final = "Ann bakes the bread."
_CALL: Final = 'get_weather({"city": "Paris"})'
_TOKENS: Final = {"input": 21, "output": 9, "total": 30, "cached": 5}
_TWICE: Final = {name: 2 * count for name, count in _TOKENS.items()}

_LLM: Final = {
    "type": "LLM",
    "model": "gpt-4o-mini-2024-07-18",
    "provider": "openai",
    "tokens": _TOKENS,
}

SPANS: Final[Mapping[str, Mapping[str, Any]]] = {
    "chat": {**_LLM, "inputs": _QUESTION, "outputs": _ANSWER},
    "call": {**_LLM, "inputs": _WEATHER, "calls": ["get_weather", "Paris"]},
    "after": {**_LLM, "inputs": "21 degrees", "outputs": _SUNNY},
    "answer": {**_LLM, "inputs": _BREAD, "outputs": _BAKES},
    "tool": {
        "type": "TOOL",
        "inputs": "Paris",
        "outputs": "21 degrees and sunny in Paris",
    },
    "embed": {
        "type": "EMBEDDING",
        "inputs": _QUESTION,
        "model": "text-embedding-3-small",
        "provider": "openai",
        "tokens": {"input": 4, "total": 4},
    },
    "retrieve": {
        "type": "RETRIEVER",
        "inputs": _BREAD,
        "documents": ["Ann bakes the bread.", "Bob milks the cows."],
    },
    "claude": {"model": "claude-sonnet-4-5-20250929", "provider": "anthropic"},
    "gemini": {"model": "gemini-2.5-flash", "provider": "gemini"},
    "failed": {"type": "LLM", "inputs": _QUESTION, "error": "gpt-none does not exist"},
    "refused": {
        "type": "LLM",
        "inputs": _WEATHER,
        "error": "claude-none does not exist",
    },
}
"""Spans, by the scene."""

TRACES: Final[Mapping[str, Mapping[str, Any]]] = {
    "chat": {
        "request": _QUESTION,
        "response": _ANSWER,
        "status": "OK",
        "tokens": _TOKENS,
        "cost": True,
    },
    "call": {
        "request": _WEATHER,
        "response": _CALL,
        "status": "OK",
        "tokens": _TOKENS,
    },
    "after": {
        "request": _WEATHER,
        "response": _SUNNY,
        "status": "OK",
        "tokens": _TOKENS,
    },
    "agent": {
        "request": _WEATHER,
        "response": _SUNNY,
        "status": "OK",
        "tokens": _TWICE,
    },
    "answer": {"request": _BREAD, "response": _BAKES, "status": "OK"},
    "embed": {"request": _QUESTION, "status": "OK", "tokens": {"input": 4, "total": 4}},
    "failed": {
        "request": _QUESTION,
        "status": "ERROR",
        "error": "gpt-none does not exist",
    },
    "refused": {
        "request": _WEATHER,
        "status": "ERROR",
        "error": "claude-none does not exist",
    },
    "known": {
        "user": "ann",
        "session": "s-1",
        "tags": ["blue", "green"],
        "metadata": {"plan": "pro"},
    },
}
"""Traces, by the scene; ``known`` is what an app says of its own."""
