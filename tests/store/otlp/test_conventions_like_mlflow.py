"""The conventions against MLflow's own translators, for all that MLflow reads."""

import itertools
import json
from typing import Any

import pytest
from mlflow.tracing.otel import translation
from mlflow.tracing.utils import dump_span_attribute_value

from spanframe_store.otlp.conventions import derive
from tests.plugins.convention_examples import EXAMPLES, Example

# What only spanframe reads, or reads in full where MLflow takes a part.
MORE = {
    "OpenInference, flattened messages",
    "Gemini CLI, system prompt",
    "OpenTelemetry GenAI, system instructions",
    "OpenTelemetry GenAI events, details",
    "Traceloop, model call",
    "Traceloop, tool call without a prompt",
    "MLflow",
    "LangSmith",
    "Logfire",
    "pydantic-ai",
    "pydantic-ai, tool of version 2",
    "pydantic-ai, version 1",
    "Strands",
    "OpenTelemetry GenAI events, tool of Strands",
    "OpenTelemetry GenAI events, model of Strands",
    "OpenTelemetry GenAI events, several details",
    "OpenTelemetry GenAI events, of Azure",
    "OpenTelemetry GenAI events, a call alone",
    "OpenTelemetry GenAI, retrieval",
    "OpenInference, documents",
    "OpenInference, messages beside a repr",
    "Langfuse, parts apart",
    "Langfuse, OpenAI's names",
    "OpenInference, a text of several messages",
    "OpenInference, a workflow of LlamaIndex",
    "Traceloop's steps",
    "Traceloop, crew",
    "Traceloop, embedding",
    "LangWatch",
    "Haystack",
    "Haystack, text model",
    "Haystack, tool of an agent",
    "Haystack, retriever",
}
MORE_KEYS = (
    "ai.usage.",
    "ai.model.",
    "langfuse.observation.model.",
    "langfuse.observation.usage_",
)
KNOWN = [example for example in EXAMPLES if example.convention not in MORE]


def by_us(attributes: dict[str, Any], events: Any) -> dict[str, Any]:
    derived = derive(attributes, events)
    usage = derived.usage._asdict() if derived.usage else {}
    if usage.get("input_tokens") is None or usage.get("output_tokens") is None:
        # Of one count alone MLflow makes no total.
        usage["total_tokens"] = attributes.get("llm.token_count.total")
    return {
        "inputs": _loaded(derived.inputs),
        "outputs": _loaded(derived.outputs),
        "type": derived.span_type,
        "usage": {name: count for name, count in usage.items() if count is not None},
        "model": derived.model,
        "provider": derived.provider,
    }


def by_mlflow(attributes: dict[str, Any], events: Any) -> dict[str, Any]:
    texts = translation.sanitize_attributes(
        {key: dump_span_attribute_value(value) for key, value in attributes.items()}
    )
    dicts = [{"name": name, "attributes": found} for name, found in events]
    inputs = translation._get_input_value(dict(texts), dicts)
    outputs = translation._get_output_value(dict(texts), dicts)
    derived = {"mlflow.spanInputs": inputs, "mlflow.spanOutputs": outputs}
    return {
        "inputs": _loaded(inputs),
        "outputs": _loaded(outputs),
        "type": translation.translate_span_type_from_otel(dict(texts)) or "UNKNOWN",
        "usage": translation._get_token_usage(texts) or {},
        "model": translation._get_model_name(
            texts | {key: text for key, text in derived.items() if text}
        ),
        "provider": translation._get_model_provider(texts),
    }


def _loaded(text: str | None) -> Any:
    try:
        return None if text is None else json.loads(text)
    except ValueError:
        return text


def known_to_mlflow(*examples: Example) -> tuple[dict[str, Any], Any]:
    attributes = {k: v for e in examples for k, v in e.attributes.items()}
    events = [event for example in examples for event in example.events]
    return (
        {k: v for k, v in attributes.items() if not k.startswith(MORE_KEYS)},
        events,
    )


@pytest.mark.parametrize("example", KNOWN, ids=lambda e: e.convention)
def test_each_convention_is_read_as_mlflow_reads_it(example: Example) -> None:
    span = known_to_mlflow(example)
    assert by_us(*span) == by_mlflow(*span)


def test_of_two_conventions_the_same_one_wins_as_in_mlflow() -> None:
    """Claude Code is left out: beside its own counts MLflow prefers those of GenAI."""
    # Which of two kinds of LiveKit spans a mixture is, MLflow tells by its order.
    apart = [e for e in KNOWN if not e.convention.startswith(("Claude", "LiveKit,"))]
    for pair in itertools.permutations(apart, 2):
        span = known_to_mlflow(*pair)
        names = [example.convention for example in pair]
        assert (names, by_us(*span)) == (names, by_mlflow(*span))
