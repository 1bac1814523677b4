"""OpenAI's chat completions and embeddings."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from tests.ecosystem.answers import Call, Reply, vector
from tests.ecosystem.fakes.said import (
    CACHED,
    EMBEDDED,
    INPUT,
    MADE,
    OUTPUT,
    REASONING,
    halves,
)

__all__ = ["embeddings", "stream", "whole"]


def embeddings(model: str, body: Mapping[str, Any]) -> dict[str, Any]:
    """Answer a request for embeddings."""
    given = body["input"] if isinstance(body["input"], list) else [body["input"]]
    encoding = body.get("encoding_format")
    return {
        "object": "list",
        "model": model,
        "data": [
            {
                "object": "embedding",
                "index": index,
                "embedding": vector(json.dumps(text), encoding),
            }
            for index, text in enumerate(given)
        ],
        "usage": {"prompt_tokens": EMBEDDED, "total_tokens": EMBEDDED},
    }


def _chat_usage() -> dict[str, Any]:
    return {
        "prompt_tokens": INPUT,
        "completion_tokens": OUTPUT,
        "total_tokens": INPUT + OUTPUT,
        "prompt_tokens_details": {"cached_tokens": CACHED, "audio_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": REASONING},
    }


def _chat_call(call: Call) -> dict[str, Any]:
    function = {"name": call.tool, "arguments": json.dumps(call.arguments)}
    return {"id": "call_1", "type": "function", "function": function}


def whole(model: str, said: Reply, _id: str) -> dict[str, Any]:
    """Answer a chat."""
    message: dict[str, Any] = {"role": "assistant", "content": None, "refusal": None}
    if isinstance(said, Call):
        message["tool_calls"] = [_chat_call(said)]
    else:
        message["content"] = said
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": MADE,
        "model": model,
        "choices": [
            {
                "index": 0,
                "message": message,
                "logprobs": None,
                "finish_reason": _finish(said),
            }
        ],
        "usage": _chat_usage(),
        "system_fingerprint": "fp_1",
    }


def _finish(said: Reply) -> str:
    return "tool_calls" if isinstance(said, Call) else "stop"


def stream(model: str, said: Reply, _id: str) -> Iterator[dict[str, Any]]:
    """Answer a chat in chunks."""
    deltas: list[dict[str, Any]]
    if isinstance(said, Call):
        called = {"index": 0, **_chat_call(said)}
        deltas = [{"role": "assistant", "content": None, "tool_calls": [called]}]
    else:
        first, rest = halves(said)
        deltas = [{"role": "assistant", "content": first}, {"content": rest}]
    common = {
        "id": "chatcmpl-1",
        "object": "chat.completion.chunk",
        "created": MADE,
        "model": model,
        "system_fingerprint": "fp_1",
    }
    for delta in deltas:
        choice = {"index": 0, "delta": delta, "finish_reason": None}
        yield {**common, "choices": [choice], "usage": None}
    ended = {"index": 0, "delta": {}, "finish_reason": _finish(said)}
    yield {**common, "choices": [ended], "usage": None}
    yield {**common, "choices": [], "usage": _chat_usage()}
