"""What the naming conventions of the field say about a span, one row a convention.

Keys of MLflow come first, then the other conventions in MLflow 3.17's order; of each
fact the first non-empty value wins. ``""``, ``{}``, ``[]`` and null count as absent.
"""

import json
from collections.abc import Iterable, Mapping
from typing import Any, Final, NamedTuple

from spanframe import keys
from spanframe_collector.decode.anyvalue import json_text

__all__ = ["UNKNOWN", "Convention", "Derived", "derive", "table"]

UNKNOWN: Final = "UNKNOWN"


class Derived(NamedTuple):
    """The facts of one span: inputs and outputs as JSON text, None when absent."""

    inputs: str | None
    outputs: str | None
    span_type: str


class Convention(NamedTuple):
    """Where a convention keeps a span's inputs, outputs and type."""

    name: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    type_key: str
    types: Mapping[str, str]


def _same(*names: str) -> dict[str, str]:
    return {name: name for name in names}


table: Final = (
    Convention(
        "OpenInference",
        ("input.value",),
        ("output.value",),
        "openinference.span.kind",
        _same(
            "TOOL",
            "CHAIN",
            "LLM",
            "RETRIEVER",
            "EMBEDDING",
            "AGENT",
            "RERANKER",
            "GUARDRAIL",
            "EVALUATOR",
            "UNKNOWN",
        ),
    ),
    Convention(
        "OpenTelemetry GenAI",
        ("gen_ai.input.messages", "gen_ai.tool.call.arguments"),
        ("gen_ai.output.messages", "gen_ai.tool.call.result"),
        "gen_ai.operation.name",
        {
            "chat": "CHAT_MODEL",
            "text_completion": "LLM",
            "generate_content": "LLM",
            "response": "LLM",
            "embeddings": "EMBEDDING",
            "execute_tool": "TOOL",
            "create_agent": "AGENT",
            "invoke_agent": "AGENT",
        },
    ),
    Convention(
        "Traceloop",
        ("traceloop.entity.input",),
        ("traceloop.entity.output",),
        "traceloop.span.kind",
        {"workflow": "WORKFLOW", "task": "TASK", "agent": "AGENT", "tool": "TOOL"},
    ),
    Convention(
        "Langfuse",
        ("langfuse.observation.input",),
        ("langfuse.observation.output",),
        "langfuse.observation.type",
        {
            "generation": "LLM",
            "embedding": "EMBEDDING",
            "tool": "TOOL",
            "retriever": "RETRIEVER",
            "agent": "AGENT",
            "chain": "CHAIN",
            "evaluator": "EVALUATOR",
            "guardrail": "GUARDRAIL",
        },
    ),
)

_INPUT_KEYS: Final = tuple(key for row in table for key in row.inputs)
_OUTPUT_KEYS: Final = tuple(key for row in table for key in row.outputs)


def derive(attributes: Mapping[str, Any]) -> Derived:
    """Return what the attributes (plain Python values) of a span say about it."""
    inputs = _mlflow_json(attributes.get(keys.SPAN_INPUTS))
    outputs = _mlflow_json(attributes.get(keys.SPAN_OUTPUTS))
    return Derived(
        inputs if inputs is not None else _first(attributes, _INPUT_KEYS),
        outputs if outputs is not None else _first(attributes, _OUTPUT_KEYS),
        _span_type(attributes),
    )


def _span_type(attributes: Mapping[str, Any]) -> str:
    own = attributes.get(keys.SPAN_TYPE)
    if isinstance(own, str) and own:
        name = _loads(own)
        # Typed senders write LLM where the SDK writes the JSON text "LLM".
        return name if isinstance(name, str) and name else own
    for row in table:
        kind = attributes.get(row.type_key)
        if isinstance(kind, str) and kind in row.types:
            return row.types[kind]
    return UNKNOWN


def _mlflow_json(value: Any) -> str | None:
    """Return JSON text of an ``mlflow.*`` value: as it is when it already is JSON."""
    if value is None:
        return None
    if isinstance(value, str) and _loads(value) is not _NOT_JSON:
        return None if value == "null" else value
    return json_text(value)


def _first(attributes: Mapping[str, Any], names: Iterable[str]) -> str | None:
    """Return JSON text of the first value that is not empty.

    Text that is itself JSON of a string, object or list is kept once-encoded; numeric
    text stays text (MLflow 3.17).
    """
    for name in names:
        value = attributes.get(name)
        if value is None or value in ("", "{}", "[]", "null") or value in ({}, []):
            continue
        if isinstance(value, str) and isinstance(_loads(value), str | dict | list):
            return value
        return json_text(value)
    return None


_NOT_JSON: Final = object()


def _loads(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return _NOT_JSON
