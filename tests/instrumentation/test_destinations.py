"""The experiment of a trace: who decides it, and that every span states it."""

import threading
from typing import Any

import pytest
from opentelemetry import trace as otel

import spanframe
from spanframe.entities import MlflowExperimentLocation, TraceLocation
from spanframe.errors import InvalidArgumentError
from tests.plugins.otlp_sink import OtlpSink, ReceivedSpan

NAME, ID = "spanframe.experiment", "spanframe.experiment_id"


def stated(span: ReceivedSpan) -> dict[str, Any]:
    return {k: v for k, v in span.attributes.items() if k in {NAME, ID}}


def all_stated(sink: OtlpSink) -> dict[str, dict[str, Any]]:
    spanframe.flush()
    return {span.name: stated(span) for span in sink.spans}


@pytest.mark.parametrize(
    ("destination", "expected"),
    [
        ("till", {NAME: "till"}),
        (MlflowExperimentLocation("7"), {ID: "7"}),
        (MlflowExperimentLocation(7), {ID: "7"}),  # type: ignore[arg-type]
        (TraceLocation.from_experiment_id("7"), {ID: "7"}),
        (None, {NAME: "shop"}),
    ],
)
def test_a_destination_is_an_experiment_by_name_or_by_id(
    sink: OtlpSink, destination: Any, expected: dict[str, str]
) -> None:
    spanframe.set_experiment("shop")

    @spanframe.trace(trace_destination=destination)
    def decorated() -> None:
        with spanframe.start_span("child", trace_destination="ignored"):
            spanframe.start_span_no_context(
                "detached", parent_span=spanframe.get_current_active_span()
            ).end()

    decorated()
    with spanframe.start_span("block", trace_destination=destination):
        pass
    assert all_stated(sink) == dict.fromkeys(
        ("decorated", "child", "detached", "block"), expected
    )


@pytest.mark.parametrize("destination", [5, object(), ["7"], {"experiment_id": "7"}])
def test_another_destination_is_ignored_with_a_warning(
    sink: OtlpSink, caplog: pytest.LogCaptureFixture, destination: Any
) -> None:
    spanframe.set_experiment("shop")

    @spanframe.trace(trace_destination=destination)
    def work() -> str:
        return "done"

    assert work() == "done"
    with spanframe.start_span("block", trace_destination=destination):
        pass
    assert all_stated(sink) == {key: {NAME: "shop"} for key in ("work", "block")}
    assert "goes to the active experiment: a destination is" in caplog.text


def test_a_span_without_a_context_names_its_experiment(sink: OtlpSink) -> None:
    spanframe.set_experiment("shop")
    root = spanframe.start_span_no_context("by id", experiment_id="7")
    spanframe.start_span_no_context("child", parent_span=root, experiment_id="8").end()
    root.end()
    spanframe.start_span_no_context("by name", experiment="till").end()
    assert all_stated(sink) == {
        "by id": {ID: "7"},
        "child": {ID: "7"},
        "by name": {NAME: "till"},
    }


def test_a_destination_goes_before_the_active_experiment(sink: OtlpSink) -> None:
    def record(name: str, **arguments: Any) -> None:
        with spanframe.start_span(name, **arguments):
            pass

    def elsewhere() -> None:
        spanframe.tracing.set_destination("local", context_local=True)
        record("here")

    spanframe.tracing.set_destination(MlflowExperimentLocation("7"))
    spanframe.set_experiment("shop")
    record("all")
    record("call", trace_destination="till")
    thread = threading.Thread(target=elsewhere)
    thread.start()
    thread.join()
    record("after")
    spanframe.flush()
    expected = {"all": {ID: "7"}, "call": {NAME: "till"}, "here": {NAME: "local"}}
    assert all_stated(sink) == expected | {"after": {ID: "7"}}


def test_a_reset_ends_a_destination_and_keeps_the_experiment(sink: OtlpSink) -> None:
    spanframe.set_experiment("shop")
    spanframe.set_active_model("m-1")
    spanframe.tracing.set_destination("till")
    spanframe.tracing.set_destination("local", context_local=True)
    spanframe.tracing.reset()
    spanframe.configure(endpoint=sink.endpoint)
    with spanframe.start_span("after"):
        pass
    assert all_stated(sink) == {"after": {NAME: "shop"}}
    metadata = sink.span("after").attributes
    assert metadata["spanframe.metadata.mlflow.modelId"] == "m-1"


@pytest.mark.parametrize("destination", [5, object(), None, ""])
def test_no_other_destination_can_be_set(destination: Any) -> None:
    with pytest.raises(InvalidArgumentError, match="a destination is"):
        spanframe.tracing.set_destination(destination)


def test_spans_of_instrumentors_go_to_the_experiment(sink: OtlpSink) -> None:
    spanframe.set_experiment("shop")
    spanframe.set_active_model("m-1")
    tracer = spanframe.tracing.get_tracer_provider().get_tracer("openai")
    with (
        spanframe.tracing.context(session_id="s-1"),
        tracer.start_as_current_span("root"),
        tracer.start_as_current_span("below"),
        spanframe.start_span("ours"),
    ):
        pass
    with (
        spanframe.start_span("till", trace_destination=MlflowExperimentLocation("7")),
        tracer.start_as_current_span("call"),
        tracer.start_as_current_span("inner"),
        spanframe.start_span("innermost"),
    ):
        pass
    found = all_stated(sink)
    for name in ("root", "below", "ours"):
        assert found[name] == {NAME: "shop"}
    for name in ("till", "call", "inner", "innermost"):
        assert found[name] == {ID: "7"}
    root, below = sink.span("root").attributes, sink.span("below").attributes
    assert root["session.id"] == "s-1"
    assert root["spanframe.metadata.mlflow.modelId"] == "m-1"
    assert below.keys() == {NAME}


def test_a_trace_of_another_process_goes_to_our_experiment_here(sink: OtlpSink) -> None:
    spanframe.set_experiment("shop")
    tracer = spanframe.tracing.get_tracer_provider().get_tracer("flask")
    ids = otel.SpanContext(1, 2, is_remote=True, trace_flags=otel.TraceFlags(1))
    remote = otel.set_span_in_context(otel.NonRecordingSpan(ids))
    with tracer.start_as_current_span("entry", context=remote):
        pass
    assert all_stated(sink) == {"entry": {NAME: "shop"}}


def test_without_an_experiment_no_span_states_one(sink: OtlpSink) -> None:
    with spanframe.start_span("root"), spanframe.start_span("child"):
        pass
    assert all_stated(sink) == {"root": {}, "child": {}}
