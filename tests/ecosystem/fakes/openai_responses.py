"""OpenAI's responses."""

import json
from collections.abc import Iterator
from typing import Any

from tests.ecosystem.answers import Call, Reply
from tests.ecosystem.fakes.said import CACHED, INPUT, MADE, OUTPUT, REASONING, halves

__all__ = ["stream", "whole"]


def _item(said: Reply, *, filled: bool = True) -> dict[str, Any]:
    status = "completed" if filled else "in_progress"
    if isinstance(said, Call):
        return {
            "id": "fc_1",
            "type": "function_call",
            "call_id": "call_1",
            "name": said.tool,
            "arguments": json.dumps(said.arguments) if filled else "",
            "status": status,
        }
    return {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "status": status,
        "content": [_text_part(said)] if filled else [],
    }


def _text_part(text: str) -> dict[str, Any]:
    return {"type": "output_text", "text": text, "annotations": []}


def whole(model: str, said: Reply, id_: str, *, ended: bool = True) -> dict[str, Any]:
    """Answer a request; until it has ended, without what is said."""
    # Each has an id of its own: clients gather what they know by it.
    return {
        "id": f"resp_{id_}",
        "object": "response",
        "created_at": MADE,
        "status": "completed" if ended else "in_progress",
        "error": None,
        "incomplete_details": None,
        "instructions": None,
        "metadata": {},
        "model": model,
        "output": [_item(said)] if ended else [],
        "parallel_tool_calls": True,
        "temperature": 1.0,
        "tool_choice": "auto",
        "tools": [],
        "top_p": 1.0,
        "usage": {
            "input_tokens": INPUT,
            "input_tokens_details": {"cached_tokens": CACHED},
            "output_tokens": OUTPUT,
            "output_tokens_details": {"reasoning_tokens": REASONING},
            "total_tokens": INPUT + OUTPUT,
        }
        if ended
        else None,
    }


def stream(model: str, said: Reply, id_: str) -> Iterator[dict[str, Any]]:
    """Answer a request in events."""
    for number, (kind, event) in enumerate(_unnumbered(model, said, id_)):
        yield {"type": f"response.{kind}", "sequence_number": number, **event}


def _unnumbered(
    model: str, said: Reply, id_: str
) -> Iterator[tuple[str, dict[str, Any]]]:
    yield "created", {"response": whole(model, said, id_, ended=False)}
    yield "output_item.added", {"output_index": 0, "item": _item(said, filled=False)}
    if isinstance(said, Call):
        at: dict[str, Any] = {"item_id": "fc_1", "output_index": 0}
        text = json.dumps(said.arguments)
        yield "function_call_arguments.delta", {**at, "delta": text}
        done = {**at, "name": said.tool, "arguments": text}
        yield "function_call_arguments.done", done
    else:
        at = {"item_id": "msg_1", "output_index": 0, "content_index": 0}
        yield "content_part.added", {**at, "part": _text_part("")}
        for half in halves(said):
            yield "output_text.delta", {**at, "delta": half, "logprobs": []}
        yield "output_text.done", {**at, "text": said, "logprobs": []}
        yield "content_part.done", {**at, "part": _text_part(said)}
    yield "output_item.done", {"output_index": 0, "item": _item(said)}
    yield "completed", {"response": whole(model, said, id_)}
