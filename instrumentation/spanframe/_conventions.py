"""Our spans under the names of other conventions as well, for other backends.

Phoenix shows OpenInference's names, Langfuse and many others those of OpenTelemetry's
GenAI conventions. The names are added when a batch is sent, so that recording costs
nothing more; the names that MLflow defines stay.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from spanframe import keys

__all__ = ["CONVENTIONS", "add_names"]

_Attributes = Iterator[tuple[str, str | int]]
_NO_VALUE: Final = object()

_JSON: Final = "application/json"
_TEXT: Final = "text/plain"

_OPENINFERENCE_KINDS: Final = {
    **dict.fromkeys(("LLM", "CHAT_MODEL"), "LLM"),
    **{
        kind: kind
        for kind in (
            *("AGENT", "TOOL", "RETRIEVER", "EMBEDDING", "RERANKER"),
            *("GUARDRAIL", "EVALUATOR"),
        )
    },
}
_OPENINFERENCE_TOKENS: Final = {
    "input_tokens": "llm.token_count.prompt",
    "output_tokens": "llm.token_count.completion",
}
_GEN_AI_OPERATIONS: Final = {
    "LLM": "chat",
    "CHAT_MODEL": "chat",
    "AGENT": "invoke_agent",
    "TOOL": "execute_tool",
    "EMBEDDING": "embeddings",
}

_OF_TOOLS: Final = (
    (keys.SPAN_INPUTS, "gen_ai.tool.call.arguments"),
    (keys.SPAN_OUTPUTS, "gen_ai.tool.call.result"),
)
_OF_MODELS: Final = (
    (keys.LLM_MODEL, "gen_ai.request.model"),
    (keys.LLM_PROVIDER, "gen_ai.provider.name"),
)
_OF_OTHERS: Final = (
    (keys.SPAN_INPUTS, "gen_ai.input.messages", "user"),
    (keys.SPAN_OUTPUTS, "gen_ai.output.messages", "assistant"),
)


def _openinference(name: str, texts: Mapping[str, str]) -> _Attributes:
    del name
    kind = _plain(texts.get(keys.SPAN_TYPE, ""))
    yield "openinference.span.kind", _OPENINFERENCE_KINDS.get(kind, "CHAIN")
    for side, key in (("input", keys.SPAN_INPUTS), ("output", keys.SPAN_OUTPUTS)):
        if key in texts:
            text = _plain(texts[key])
            yield f"{side}.value", text
            yield f"{side}.mime_type", _JSON if text == texts[key] else _TEXT
    if keys.LLM_MODEL in texts:
        yield "llm.model_name", _plain(texts[keys.LLM_MODEL])
    for part, number in _tokens(texts):
        yield _OPENINFERENCE_TOKENS[part], number


def _gen_ai(name: str, texts: Mapping[str, str]) -> _Attributes:
    kind = _plain(texts.get(keys.SPAN_TYPE, ""))
    if kind in _GEN_AI_OPERATIONS:
        yield "gen_ai.operation.name", _GEN_AI_OPERATIONS[kind]
    if kind == "TOOL":
        yield "gen_ai.tool.name", name
        for key, wanted in _OF_TOOLS:
            if key in texts:
                yield wanted, texts[key]
        return
    for key, wanted, role in _OF_OTHERS:
        if key in texts:
            yield wanted, _messages(role, texts[key])
    for key, wanted in _OF_MODELS:
        if key in texts:
            yield wanted, _plain(texts[key])
    for part, number in _tokens(texts):
        yield f"gen_ai.usage.{part}", number


CONVENTIONS: Final[Mapping[str, Callable[[str, Mapping[str, str]], _Attributes]]] = {
    "openinference": _openinference,
    "gen_ai": _gen_ai,
}
"""The attributes of a span under each convention, computed from its name and texts."""


def add_names(request: Any, conventions: tuple[str, ...]) -> None:
    """Add the names of conventions to the spans of an export request.

    An attribute that the app has set itself stays as it is.

    Args:
        request: an ``ExportTraceServiceRequest``, which is changed.
        conventions: names of `CONVENTIONS`.
    """
    for resource in request.resource_spans:
        for scope in resource.scope_spans:
            for span in scope.spans:
                texts = {a.key: a.value.string_value for a in span.attributes}
                if keys.SPAN_TYPE in texts:  # a span of ours
                    for convention in conventions:
                        _add(span, CONVENTIONS[convention](span.name, texts), texts)


def _add(span: Any, attributes: _Attributes, texts: dict[str, str]) -> None:
    for key, value in attributes:
        if key in texts:
            continue
        texts[key] = ""
        added = span.attributes.add(key=key)
        if isinstance(value, int):
            added.value.int_value = value
        else:
            added.value.string_value = value


def _messages(role: str, text: str) -> str:
    """Return inputs or outputs as GenAI's messages: those of a chat, or one text."""
    value = _loaded(text)
    chat: Any = value.get("messages") if isinstance(value, dict) else value
    if not _is_chat(chat):
        chat = [{"role": role, "content": _plain(text)}]
    return json.dumps(
        [
            {
                "role": str(each["role"]),
                "parts": [{"type": "text", "content": _text_of(each.get("content"))}],
            }
            for each in chat
        ],
        ensure_ascii=False,
    )


def _is_chat(value: Any) -> bool:
    return (
        isinstance(value, list)
        and bool(value)
        and all(isinstance(each, dict) and "role" in each for each in value)
    )


def _text_of(content: Any) -> str:
    return content if isinstance(content, str) else json.dumps(content)


def _plain(text: str) -> str:
    """Return the text that a JSON text is; any other value stays JSON."""
    value = _loaded(text)
    return value if isinstance(value, str) else text


def _tokens(texts: Mapping[str, str]) -> Iterator[tuple[str, int]]:
    usage = _loaded(texts.get(keys.CHAT_USAGE, ""))
    for part in _OPENINFERENCE_TOKENS if isinstance(usage, dict) else ():
        if isinstance(usage.get(part), int):
            yield part, usage[part]


def _loaded(text: str) -> Any:
    """Return the value of a JSON text; `_NO_VALUE` of one that was cut."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return _NO_VALUE
