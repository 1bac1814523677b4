"""Spans and traces become OTLP's messages, and these become spans and traces."""

import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import (
    ResourceSpans,
    ScopeSpans,
    TracesData,
)
from opentelemetry.proto.trace.v1.trace_pb2 import Span as OtlpSpan

import spanframe
from spanframe.entities import Link, LiveSpan, NoOpSpan, Span, SpanEvent, Trace
from spanframe.errors import InvalidArgumentError
from spanframe.testing import capture_spans
from tests.plugins.otlp import pairs
from tests.plugins.sample_spans import otlp_span, request_id, stored_span
from tests.plugins.store import Store

MESSAGE = otlp_span(
    1,
    2,
    3,
    name="model",
    status="ERROR",
    message="boom",
    attributes={
        "mlflow.spanInputs": '{"q": 1}',
        "n": 5,
        "x": 0.5,
        "on": True,
        "list": ["a", 1, None],
        "map": {"deep": {"er": [1.5]}},
        "text": "plain",
    },
    events=[OtlpSpan.Event(name="e", time_unix_nano=7, attributes=pairs({"k": "v"}))],
    links=[OtlpSpan.Link(trace_id=b"\1" * 16, span_id=b"\2" * 8)],
)


def test_a_stored_span_gives_back_the_message_that_arrived() -> None:
    span = Span(stored_span(MESSAGE))
    assert span.to_otel_proto() == MESSAGE
    assert span.to_otel_proto() is not span.to_otel_proto()


def test_a_message_is_read_as_a_span() -> None:
    span = Span.from_otel_proto(MESSAGE)
    assert span == Span(stored_span(MESSAGE))
    assert span.inputs == {"q": 1}
    for wrong in (OtlpSpan(span_id=b"\2" * 8), OtlpSpan(trace_id=b"\1" * 16)):
        with pytest.raises(InvalidArgumentError, match="a span id has 8"):
            Span.from_otel_proto(wrong)


def test_a_span_of_a_dictionary_becomes_a_message_that_says_the_same() -> None:
    span = Span.from_dict(Span(stored_span(MESSAGE)).to_dict())
    again = Span.from_otel_proto(span.to_otel_proto())
    assert again == span
    assert again.get_attribute("map") == {"deep": {"er": [1.5]}}
    assert again.get_attribute("list") == ["a", 1, None]


def test_an_integer_over_64_bits_becomes_text() -> None:
    content = Span(stored_span(otlp_span())).to_dict()
    content["attributes"]["n"] = str(1 << 70)
    span = Span.from_otel_proto(Span.from_dict(content).to_otel_proto())
    assert str(span.get_attribute("n")) == str(1 << 70)


def test_a_span_that_is_recorded_reads_as_it_will_be_stored() -> None:
    with capture_spans(), spanframe.start_span("live", "LLM", {"k": 1}) as live:
        live.set_inputs({"q": [1]})
        live.add_event(SpanEvent("e"))
        live.add_link(Link("tr-" + "1" * 32, "2" * 16, {"why": "retry"}))
        live.set_description("asks")
        live.set_attribute("mlflow.llm.cost", {"total_cost": 0.5})
        live.set_attribute("mlflow.llm.model", "m-1")
        span = live.to_immutable_span()
        assert live.to_dict() == span.to_dict()
        assert live.to_otel_proto() == span.to_otel_proto()
    assert isinstance(live, LiveSpan)
    assert (span.name, span.span_type, span.inputs) == ("live", "LLM", {"q": [1]})
    assert (span.trace_id, span.span_id) == (live.trace_id, live.span_id)
    assert span.end_time_ns is None
    assert [link.trace_id for link in live.links] == ["tr-" + "1" * 32]
    assert [dict(link.attributes or {}) for link in span.links] == [{"why": "retry"}]
    assert (live.description, live.model_name) == ("asks", "m-1")
    assert live.llm_cost == {"total_cost": 0.5}


def test_a_span_that_is_not_recorded_reads_as_one_without_content() -> None:
    span = NoOpSpan()
    assert (span.links, span.description, span.model_name) == ([], None, None)
    assert span.to_dict()["attributes"]["mlflow.spanType"] == '"UNKNOWN"'


@pytest.fixture
def trace(searched: Store) -> Trace:
    searched.write(
        otlp_span(
            1,
            name="serve",
            status="OK",
            attributes={
                "mlflow.spanInputs": '"question"',
                "mlflow.spanOutputs": '"answer"',
                "mlflow.traceTag.environment": "test",
                "spanframe.metadata.k": "v",
                "user.id": "ada",
                "session.id": "s-1",
                "spanframe.trace.client_request_id": "c-1",
            },
        ),
        otlp_span(
            1,
            2,
            1,
            name="model",
            attributes={
                "gen_ai.usage.input_tokens": 3,
                "gen_ai.usage.output_tokens": 4,
            },
        ),
    )
    spanframe.set_trace_tag(request_id(1), "reviewed", "yes")
    found = spanframe.get_trace(request_id(1))
    assert found is not None
    return found


def test_a_trace_survives_the_way_through_otlp(trace: Trace) -> None:
    message = trace.to_proto()
    assert isinstance(message, TracesData)
    again = Trace.from_proto(TracesData.FromString(message.SerializeToString()))
    assert [span.name for span in again.data.spans] == ["serve", "model"]
    assert again.info.tags == trace.info.tags
    assert again.info.trace_metadata.pop("mlflow.trace.sizeBytes")
    assert trace.info.trace_metadata.pop("mlflow.trace.sizeBytes")
    assert again.info == trace.info
    assert again.info.token_usage == {
        "input_tokens": 3,
        "output_tokens": 4,
        "total_tokens": 7,
    }


def test_a_message_of_no_trace_or_of_several_is_refused(trace: Trace) -> None:
    message = trace.to_proto()
    message.resource_spans[0].scope_spans[0].spans.append(otlp_span(2))
    for wrong in (TracesData(), message):
        with pytest.raises(InvalidArgumentError, match="A message of one trace"):
            Trace.from_proto(wrong)


def test_a_logged_trace_has_the_intermediate_outputs_that_were_given() -> None:
    given = {"mlflow.trace.intermediate_outputs": '{"step": [1]}'}
    message = Trace.to_proto(Trace.from_proto(message_of(otlp_span(attributes=given))))
    assert Trace.from_proto(message).data.intermediate_outputs == {"step": [1]}
    alone = Trace.from_proto(message_of(otlp_span()))
    assert alone.data.intermediate_outputs is None


def message_of(*spans: OtlpSpan) -> TracesData:
    scope = ScopeSpans(spans=spans)
    return TracesData(resource_spans=[ResourceSpans(scope_spans=[scope])])


def test_a_trace_is_a_row_of_mlflows_frame(trace: Trace) -> None:
    row = trace.to_pandas_dataframe_row()
    assert list(row) == Trace.pandas_dataframe_columns()
    assert (row["request"], row["response"]) == ("question", "answer")
    assert row["state"] == "OK"
    assert Trace.from_json(row["trace"]) == trace
    assert [span["name"] for span in row["spans"]] == ["serve", "model"]


def test_notebooks_draw_traces_unless_told_not_to(trace: Trace) -> None:
    assert "serve" in (trace._repr_html_() or "")
    spanframe.tracing.disable_notebook_display()
    try:
        assert trace._repr_html_() is None
    finally:
        spanframe.tracing.enable_notebook_display()
    assert "serve" in (trace._repr_html_() or "")
