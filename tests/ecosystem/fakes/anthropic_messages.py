"""Anthropic's messages."""

import json
from collections.abc import Iterator
from typing import Any

from tests.ecosystem.answers import Call, Reply
from tests.ecosystem.fakes.said import CACHED, INPUT, OUTPUT, halves

__all__ = ["stream", "whole"]


def _usage(output: int = OUTPUT) -> dict[str, Any]:
    return {
        "input_tokens": INPUT - CACHED,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": CACHED,
        "output_tokens": output,
    }


def _block(said: Reply, *, filled: bool = True) -> dict[str, Any]:
    if isinstance(said, Call):
        given = said.arguments if filled else {}
        return {"type": "tool_use", "id": "toolu_1", "name": said.tool, "input": given}
    return {"type": "text", "text": said if filled else ""}


def whole(model: str, said: Reply, _id: str) -> dict[str, Any]:
    """Answer a request."""
    return {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": model,
        "content": [_block(said)],
        "stop_reason": "tool_use" if isinstance(said, Call) else "end_turn",
        "stop_sequence": None,
        "usage": _usage(),
    }


def stream(model: str, said: Reply, id_: str) -> Iterator[dict[str, Any]]:
    """Answer a request in events."""
    message = whole(model, said, id_)
    begun = {**message, "content": [], "stop_reason": None, "usage": _usage(1)}
    yield {"type": "message_start", "message": begun}
    block = _block(said, filled=False)
    yield {"type": "content_block_start", "index": 0, "content_block": block}
    deltas: list[dict[str, Any]]
    if isinstance(said, Call):
        text = json.dumps(said.arguments)
        deltas = [{"type": "input_json_delta", "partial_json": text}]
    else:
        deltas = [{"type": "text_delta", "text": half} for half in halves(said)]
    for delta in deltas:
        yield {"type": "content_block_delta", "index": 0, "delta": delta}
    yield {"type": "content_block_stop", "index": 0}
    ended = {"stop_reason": message["stop_reason"], "stop_sequence": None}
    yield {"type": "message_delta", "delta": ended, "usage": _usage()}
    yield {"type": "message_stop"}
