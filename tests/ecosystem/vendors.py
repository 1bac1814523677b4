"""The fake APIs of all vendors: which of them answers a path, and in which form."""

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final, NamedTuple

from tests.ecosystem.answers import Reply, asked, reply
from tests.ecosystem.fakes import (
    anthropic_messages,
    gemini,
    openai_chat,
    openai_responses,
)

__all__ = ["Answer", "answer"]

_DATED: Final = {
    "gpt-4o-mini": "gpt-4o-mini-2024-07-18",
    "claude-sonnet-4-5": "claude-sonnet-4-5-20250929",
}
"""Names under which models answer that are asked by another one."""


class Answer(NamedTuple):
    """A body for the client."""

    status: int
    media_type: str
    body: bytes


class _Api(NamedTuple):
    """An API by the end of its paths."""

    path: str
    whole: Callable[[str, Reply, str], dict[str, Any]]
    stream: Callable[[str, Reply, str], Iterator[dict[str, Any]]]
    has_named_events: bool = False
    last: str = ""


_APIS: Final = (
    _Api(
        "/chat/completions",
        openai_chat.whole,
        openai_chat.stream,
        last="data: [DONE]\n\n",
    ),
    _Api(
        "/responses",
        openai_responses.whole,
        openai_responses.stream,
        has_named_events=True,
    ),
    _Api(
        "/messages",
        anthropic_messages.whole,
        anthropic_messages.stream,
        has_named_events=True,
    ),
    _Api("enerateContent", gemini.whole, gemini.stream),
)


def answer(path: str, body: Mapping[str, Any]) -> Answer | None:
    """Answer a request to any of the APIs; None for a path of none."""
    path = path.partition("?")[0]
    model = str(body.get("model") or path.rpartition("/")[2].partition(":")[0])
    if model.endswith("-none"):
        return _refusal(path, model)
    if path.endswith("/embeddings"):
        return _json(200, openai_chat.embeddings(model, body))
    api = next((api for api in _APIS if path.endswith(api.path)), None)
    if api is None:
        return None
    said = reply(asked(body, model))
    named = _DATED.get(model, model)
    id_ = hashlib.sha256(json.dumps(body).encode()).hexdigest()[:6]
    if body.get("stream") or path.endswith(":streamGenerateContent"):
        return _stream(api, api.stream(named, said, id_))
    return _json(200, api.whole(named, said, id_))


def _refusal(path: str, model: str) -> Answer:
    message = f"The model {model} does not exist"
    error: dict[str, Any] = {"message": message, "type": "invalid_request_error"}
    if "Content" in path:
        error = {"code": 404, "message": message, "status": "NOT_FOUND"}
    return _json(404, {"type": "error", "error": error})


def _json(status: int, value: Any) -> Answer:
    return Answer(status, "application/json", json.dumps(value).encode())


def _stream(api: _Api, events: Iterable[dict[str, Any]]) -> Answer:
    lines = []
    for event in events:
        name = f"event: {event['type']}\n" if api.has_named_events else ""
        lines.append(f"{name}data: {json.dumps(event)}\n\n")
    return Answer(200, "text/event-stream", "".join([*lines, api.last]).encode())
