"""`spanframe.tracing`, experiments, models: what later traces begin with."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

import spanframe
from spanframe import testing
from spanframe.__main__ import main
from spanframe.errors import InvalidArgumentError, NotFoundError
from tests.plugins.otlp_sink import OtlpSink


@spanframe.trace
def work(x: int = 1) -> int:
    return x


def test_a_context_gives_every_trace_inside_what_it_says(sink: OtlpSink) -> None:
    with spanframe.tracing.context(
        tags={"env": "prod", "team": "a"},
        metadata={"version": "1"},
        session_id="s-1",
        user="ada",
    ):
        with (
            spanframe.tracing.context(tags={"team": "b"}, user="bob"),
            spanframe.start_span("outer"),
        ):
            work()
        with spanframe.start_span("second"):
            pass
    with spanframe.start_span("outside"):
        pass
    spanframe.flush()
    outer, second = sink.span("outer").attributes, sink.span("second").attributes
    assert outer["mlflow.traceTag.env"] == second["mlflow.traceTag.env"] == "prod"
    assert outer["mlflow.traceTag.team"] == "b"
    assert second["mlflow.traceTag.team"] == "a"
    assert outer["spanframe.metadata.version"] == "1"
    assert outer["session.id"] == "s-1"
    assert (outer["user.id"], second["user.id"]) == ("bob", "ada")
    assert "user.id" not in sink.span("work").attributes
    assert "user.id" not in sink.span("outside").attributes


def test_a_context_can_switch_recording_off_inside(sink: OtlpSink) -> None:
    with spanframe.tracing.context(enabled=False):
        assert work(3) == 3
        with spanframe.start_span("quiet") as span:
            assert span.trace_id == "MLFLOW_NO_OP_SPAN_TRACE_ID"
            span.set_inputs(1)
            span.set_status("ERROR")
            span.end()
        with spanframe.tracing.context(user="ada"):
            work()
        with spanframe.tracing.context(enabled=True):
            work(4)
    spanframe.flush()
    (span_sent,) = sink.spans
    assert json.loads(span_sent.attributes["mlflow.spanInputs"]) == {"x": 4}


def test_disabled_functions_run_as_if_undecorated(sink: OtlpSink) -> None:
    spanframe.tracing.disable()
    assert not spanframe.tracing.is_enabled()
    assert work(3) == 3
    with spanframe.start_span("quiet"):
        assert spanframe.get_current_active_span() is None
    assert spanframe.start_span_no_context("quiet").is_recording is False
    spanframe.tracing.enable()
    work(4)
    spanframe.flush()
    assert [s.name for s in sink.spans] == ["work"]


@pytest.mark.parametrize("header", ["traceparent", "Traceparent", "TRACEPARENT"])
def test_a_trace_goes_on_in_another_process(sink: OtlpSink, header: str) -> None:
    with spanframe.start_span("client") as client:
        sent = spanframe.tracing.get_tracing_context_headers_for_http_request()
    received = {header: sent["traceparent"], "accept": "json"}
    with spanframe.tracing.set_tracing_context_from_http_request_headers(received):
        with spanframe.start_span("server") as server:
            spanframe.update_current_trace(tags={"from": "server"})
        assert server.trace_id == client.trace_id
    assert spanframe.get_current_active_span() is None
    spanframe.flush()
    assert sink.span("server").parent_id == sink.span("client").span_id
    assert sink.span("server").attributes["mlflow.traceTag.from"] == "server"


def test_an_unsampled_trace_stays_unsampled_elsewhere(sink: OtlpSink) -> None:
    headers = {"traceparent": f"00-{'1' * 32}-{'2' * 16}-00"}
    with spanframe.tracing.set_tracing_context_from_http_request_headers(headers):
        assert work(2) == 2
    spanframe.flush()
    assert sink.spans == []


def test_headers_that_cannot_be_read_begin_a_new_trace(sink: OtlpSink) -> None:
    headers = {"traceparent": "garbage"}
    with spanframe.tracing.set_tracing_context_from_http_request_headers(headers):
        work()
    spanframe.flush()
    assert sink.span("work").parent_id == ""


def test_headers_without_a_trace_leave_the_context_as_it_is(sink: OtlpSink) -> None:
    headers = {"accept": "json"}
    with spanframe.tracing.set_tracing_context_from_http_request_headers(headers):
        work()
    with (
        spanframe.start_span("outer"),
        spanframe.tracing.set_tracing_context_from_http_request_headers(headers),
    ):
        work()
    spanframe.flush()
    first, second, outer = sink.spans
    assert (first.parent_id, second.parent_id) == ("", outer.span_id)


def test_outside_a_trace_there_are_no_headers(caplog: pytest.LogCaptureFixture) -> None:
    assert spanframe.tracing.get_tracing_context_headers_for_http_request() == {}
    assert "tracing headers are empty: no trace" in caplog.text


def test_an_experiment_set_later_rides_on_every_span(sink: OtlpSink) -> None:
    spanframe.configure(experiment="shop", service_name="till")
    work()
    assert spanframe.set_experiment("refunds").name == "refunds"
    with spanframe.start_span("outer"):
        work()
    spanframe.flush()
    before, outer = sink.spans[0], sink.span("outer")
    assert before.resource["spanframe.experiment"] == "shop"
    assert before.resource["service.name"] == "till"
    assert "spanframe.experiment" not in before.attributes
    assert outer.attributes["spanframe.experiment"] == "refunds"
    assert sink.spans[1].attributes["spanframe.experiment"] == "refunds"


def test_a_trace_can_have_an_experiment_and_a_run_of_its_own(sink: OtlpSink) -> None:
    @spanframe.trace(trace_destination="refunds")
    def refund() -> None:
        pass

    spanframe.set_experiment("shop")
    refund()
    with spanframe.start_span("outer", trace_destination="returns", run_id="r-1"):
        refund()
    spanframe.flush()
    alone, inner = [s for s in sink.spans if s.name == "refund"]
    key = "spanframe.experiment"
    assert alone.attributes[key] == "refunds"
    assert inner.attributes[key] == "returns"
    outer = sink.span("outer").attributes
    assert outer[key] == "returns"
    assert outer["spanframe.metadata.mlflow.sourceRun"] == "r-1"


def test_an_experiment_without_a_name_is_refused() -> None:
    with pytest.raises(InvalidArgumentError, match="needs a name"):
        spanframe.set_experiment(" ")
    with pytest.raises(InvalidArgumentError, match="give an experiment_name or"):
        spanframe.set_experiment()


def test_an_experiment_of_the_store_can_be_named_by_its_id(tmp_path: Path) -> None:
    store = f"sqlite:///{tmp_path / 'spanframe.db'}"
    with pytest.raises(SystemExit):
        main(["db", "upgrade", "--store", store])
    spanframe.set_tracking_uri(store)
    created = spanframe.create_experiment("shop")
    experiment = spanframe.set_experiment(experiment_id=created)
    assert (experiment.name, experiment.experiment_id) == ("shop", created)
    with pytest.raises(NotFoundError):
        spanframe.set_experiment(experiment_id="77")
    assert spanframe.set_experiment("new").experiment_id == str(int(created) + 1)


def test_the_active_model_rides_on_the_roots(sink: OtlpSink) -> None:
    key = "spanframe.metadata.mlflow.modelId"
    assert spanframe.set_active_model(model_id="m-1").model_id == "m-1"
    with spanframe.start_span("one"):
        pass
    with (
        spanframe.set_active_model(name="assistant-2") as model,
        spanframe.start_span("two"),
    ):
        assert model.name == "assistant-2"
    with spanframe.start_span("three"):
        spanframe.update_current_trace(model_id="m-3")
    with spanframe.start_span("four"):
        pass
    spanframe.flush()
    models = [sink.span(n).attributes[key] for n in ("one", "two", "three", "four")]
    assert models == ["m-1", "assistant-2", "m-3", "m-1"]
    with pytest.raises(InvalidArgumentError, match="name or a model_id"):
        spanframe.set_active_model()


@pytest.mark.parametrize(("ratio", "recorded"), [(0.0, 0), (1.0, 20)])
def test_a_function_can_have_a_sampling_ratio_of_its_own(
    sink: OtlpSink, ratio: float, recorded: int
) -> None:
    spanframe.configure(sampler="parentbased_traceidratio", sample_ratio=1.0 - ratio)

    @spanframe.trace(sampling_ratio_override=ratio)
    def sampled() -> str | None:
        work()
        return spanframe.get_active_trace_id()

    ids = [sampled() for _ in range(10)]
    spanframe.flush()
    assert len(sink.spans) == recorded
    assert all((i is not None) == bool(ratio) for i in ids)


@pytest.mark.parametrize("sampler", ["traceidratio", "parentbased_traceidratio"])
def test_a_share_of_the_traces_is_recorded_whole(sink: OtlpSink, sampler: str) -> None:
    spanframe.configure(sampler=sampler, sample_ratio=0.5)
    for _ in range(200):
        with spanframe.start_span("outer"):
            work()
    spanframe.flush()
    assert 40 < len(sink.spans) / 2 < 160
    outer = {s.trace_id for s in sink.spans if s.name == "outer"}
    inner = {s.trace_id for s in sink.spans if s.name == "work"}
    assert outer == inner


@pytest.mark.parametrize(
    ("variable", "value"),
    [("OTEL_SDK_DISABLED", "true"), ("OTEL_TRACES_SAMPLER", "always_off")],
)
def test_the_standard_variables_switch_recording_off(
    sink: OtlpSink, monkeypatch: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    with monkeypatch.context() as environment:
        environment.setenv(variable, value)
        assert work() == 1
        with spanframe.start_span("quiet"):
            assert asyncio.run(_nested()) == 2
        spanframe.flush()
        spanframe.tracing.reset()
    assert sink.spans == []


@spanframe.trace
async def _nested() -> int:
    return 2


def test_resource_attributes_come_from_the_standard_variable(
    sink: OtlpSink, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as environment:
        environment.setenv("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment=prod")
        environment.setenv("OTEL_SERVICE_NAME", "till")
        work()
        spanframe.flush()
    resource: dict[str, Any] = sink.span("work").resource
    assert resource["deployment.environment"] == "prod"
    assert resource["service.name"] == "till"


def test_new_settings_apply_to_later_spans(sink: OtlpSink) -> None:
    work(1)
    with OtlpSink.serving() as other:
        spanframe.configure(endpoint=other.endpoint)
        work(2)
        spanframe.flush()
        assert [len(sink.spans), len(other.spans)] == [1, 1]
        spanframe.tracing.reset()


def test_a_bad_setting_in_the_environment_costs_the_app_nothing(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    spanframe.tracing.reset()
    with monkeypatch.context() as environment:
        environment.setenv("SPANFRAME_ENDPOINT", "nonsense")
        environment.setenv("SPANFRAME_CAPTURE", "perhaps")
        with testing.faults_logged():
            assert work(5) == 5
            assert work(6) == 6
            with spanframe.start_span("quiet"):
                pass
    assert len(caplog.records) == 1
    assert "SPANFRAME_ENDPOINT" in caplog.text
    assert "SPANFRAME_CAPTURE" in caplog.text


def test_shutdown_ends_recording(sink: OtlpSink) -> None:
    work(1)
    spanframe.shutdown()
    assert work(2) == 2
    assert len(sink.spans) == 1
