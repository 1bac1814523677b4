"""Gemini's content."""

from collections.abc import Iterator
from typing import Any

from tests.ecosystem.answers import Call, Reply
from tests.ecosystem.fakes.said import CACHED, INPUT, OUTPUT, REASONING, halves

__all__ = ["stream", "whole"]


def whole(model: str, said: Reply, _id: str) -> dict[str, Any]:
    """Answer a request."""
    if isinstance(said, Call):
        part: dict[str, Any] = {
            "functionCall": {"name": said.tool, "args": said.arguments}
        }
    else:
        part = {"text": said}
    content = {"role": "model", "parts": [part]}
    return {
        "candidates": [{"content": content, "finishReason": "STOP", "index": 0}],
        "usageMetadata": {
            "promptTokenCount": INPUT,
            "candidatesTokenCount": OUTPUT - REASONING,
            "thoughtsTokenCount": REASONING,
            "cachedContentTokenCount": CACHED,
            "totalTokenCount": INPUT + OUTPUT,
        },
        "modelVersion": model,
        "responseId": "resp_1",
    }


def stream(model: str, said: Reply, id_: str) -> Iterator[dict[str, Any]]:
    """Answer a request in chunks."""
    if isinstance(said, Call):
        yield whole(model, said, id_)
        return
    first, rest = halves(said)
    begun = whole(model, first, id_)
    del begun["candidates"][0]["finishReason"]
    yield begun
    yield whole(model, rest, id_)
