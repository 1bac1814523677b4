"""Spans carry the names of other conventions as well, where the app asks for that."""

import json

import pytest

import spanframe
from spanframe.errors import SettingsError
from tests.plugins.otlp_sink import OtlpSink


@spanframe.trace(span_type="TOOL")
def price_of(product: str) -> float:
    return 189.0


@spanframe.trace
def answer(question: str) -> str:
    with spanframe.start_span("model", span_type="LLM") as span:
        span.set_inputs({"messages": [{"role": "user", "content": question}]})
        span.set_outputs("A tent, größer.")
        span.set_attribute("mlflow.llm.model", "small")
        usage = {"input_tokens": 3, "output_tokens": 5, "total_tokens": 8}
        span.set_attribute("mlflow.chat.tokenUsage", usage)
        span.set_attribute("llm.model_name", "the app's own")
    return f"{price_of('tent')}"


def test_spans_have_the_names_of_mlflow_alone_by_default(sink: OtlpSink) -> None:
    answer("why?")
    assert spanframe.flush()
    names = {key for span in sink.spans for key in span.attributes}
    assert not [
        n for n in names if n.startswith(("gen_ai.", "openinference.", "input."))
    ]


def test_openinference_names_are_added(sink: OtlpSink) -> None:
    spanframe.configure(conventions="openinference")
    answer("why?")
    assert spanframe.flush()
    kinds = {s.name: s.attributes["openinference.span.kind"] for s in sink.spans}
    assert kinds == {"answer": "CHAIN", "model": "LLM", "price_of": "TOOL"}
    root, model = sink.span("answer").attributes, sink.span("model").attributes
    assert json.loads(root["input.value"]) == {"question": "why?"}
    assert root["input.mime_type"] == "application/json"
    assert (root["output.value"], root["output.mime_type"]) == ("189.0", "text/plain")
    assert root["mlflow.spanOutputs"] == '"189.0"'
    assert model["output.value"] == "A tent, größer."
    assert model["llm.model_name"] == "the app's own"
    assert model["llm.token_count.prompt"] == 3
    assert model["llm.token_count.completion"] == 5


def test_gen_ai_names_are_added(sink: OtlpSink) -> None:
    spanframe.configure(conventions=["gen_ai"])
    answer("why?")
    assert spanframe.flush()
    tool = sink.span("price_of").attributes
    assert tool["gen_ai.operation.name"] == "execute_tool"
    assert tool["gen_ai.tool.name"] == "price_of"
    assert json.loads(tool["gen_ai.tool.call.arguments"]) == {"product": "tent"}
    assert tool["gen_ai.tool.call.result"] == "189.0"
    model = sink.span("model").attributes
    assert model["gen_ai.operation.name"] == "chat"
    assert json.loads(model["gen_ai.input.messages"]) == [
        {"role": "user", "parts": [{"type": "text", "content": "why?"}]}
    ]
    assert "größer" in model["gen_ai.output.messages"]
    assert model["gen_ai.request.model"] == "small"
    assert model["gen_ai.usage.output_tokens"] == 5


def test_an_unknown_convention_is_refused() -> None:
    with pytest.raises(SettingsError, match="write gen_ai or openinference"):
        spanframe.configure(conventions="gen_ai,otel")
