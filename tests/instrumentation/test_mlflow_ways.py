"""The ways in which programs of MLflow record, mask, name and raise."""

import importlib
import json
import pickle
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from opentelemetry import trace as otel_trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace.status import Status, StatusCode

import spanframe
from spanframe._error_codes import ErrorCode
from spanframe.entities import Document, Link, LiveSpan, NoOpSpan, SpanEvent, SpanStatus
from spanframe.errors import InvalidArgumentError
from spanframe.testing import CapturedSpans, capture_spans


@pytest.fixture
def spans() -> Iterator[CapturedSpans]:
    with capture_spans() as captured:
        yield captured


@spanframe.trace
def ask(question: str) -> str:
    return f"answer to {question}"


# --- traces that have happened --------------------------------------------------------


def test_a_pair_of_request_and_response_is_logged_as_a_trace(
    spans: CapturedSpans,
) -> None:
    trace_id = spanframe.log_trace(
        "Job", "in", "out", {"step": [1]}, {"k": 2}, {"t": "v"}, 1000, 500
    )
    [span] = spans
    assert (span.trace_id, span.name) == (trace_id, "Job")
    assert (span.inputs, span.outputs) == ("in", "out")
    assert (span.start_time_ns, span.end_time_ns) == (1_000_000_000, 1_500_000_000)
    assert span.attributes["mlflow.traceTag.t"] == "v"
    assert span.get_attribute("mlflow.trace.intermediate_outputs") == {"step": [1]}
    assert span.get_attribute("k") == 2


def test_a_logged_trace_without_times_happens_now(spans: CapturedSpans) -> None:
    spanframe.log_trace(request={"q": 1})
    spanframe.log_trace(start_time_ms=1000)
    spanframe.log_trace(start_time_ms=1000, execution_time_ms=0)
    now, since, at_once = spans
    assert now.name == "Task"
    assert (since.end_time_ns or 0) > 1_700_000_000_000_000_000
    assert at_once.end_time_ns == at_once.start_time_ns == 1_000_000_000


# --- functions that change spans ------------------------------------------------------


def mask(span: LiveSpan) -> None:
    if span.inputs:
        span.set_inputs({"question": "***"})
    span.set_attribute("seen", span.name)
    span.add_event(SpanEvent("masked"))


def test_functions_change_every_span_before_it_leaves(spans: CapturedSpans) -> None:
    spanframe.tracing.configure(span_processors=[mask, lambda s: s.set_name("renamed")])
    ask("secret")
    tracer = spanframe.tracing.get_bridged_tracer_provider().get_tracer("library")
    tracer.start_span("of a library").end()
    ours, theirs = spans
    assert (ours.inputs, ours.name) == ({"question": "***"}, "renamed")
    assert [event.name for event in ours.events] == ["masked"]
    assert theirs.get_attribute("seen") == "of a library"
    spanframe.tracing.configure(span_processors=[])
    ask("open")
    assert spans[2].inputs == {"question": "open"}


def test_functions_are_called_inside_of_their_block_only(spans: CapturedSpans) -> None:
    with spanframe.tracing.configure(span_processors=[mask]):
        ask("secret")
        with spanframe.tracing.configure(span_processors=[]):
            ask("open")
        with spanframe.tracing.configure():
            ask("secret")
    ask("open")
    found = [span.inputs["question"] for span in spans]
    assert found == ["***", "open", "***", "open"]


def test_functions_outlive_a_reset() -> None:
    memory = InMemorySpanExporter()
    with spanframe.tracing.configure(span_processors=[mask]):
        spanframe.tracing.reset()
        spanframe.configure(exporter=memory)
        ask("secret")
        spanframe.flush()
    [span] = memory.get_finished_spans()
    assert (span.attributes or {})["mlflow.spanInputs"] == '{"question": "***"}'


def test_a_span_whose_function_fails_leaves_without_content(
    spans: CapturedSpans, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(span: LiveSpan) -> None:
        raise ValueError(span.name)

    with spanframe.tracing.configure(span_processors=[fail]):
        ask("secret")
        with pytest.raises(KeyError), spanframe.start_span("failing"):
            raise KeyError("secret")
    assert [dict(span.attributes) for span in spans] == [{}, {}]
    assert [span.events for span in spans] == [[], []]
    assert "secret" not in repr([span.status for span in spans])
    assert spans[1].status.status_code == "ERROR"
    [record] = caplog.records
    assert "A span processor failed: ValueError('ask')" in record.getMessage()


def test_functions_change_spans_of_the_global_provider(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    memory, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(memory))
    monkeypatch.setattr(otel_trace, "get_tracer_provider", lambda: provider)
    spanframe.configure(use_global_provider=True)
    with spanframe.tracing.configure(span_processors=[mask]):
        ask("secret")
    [span] = memory.get_finished_spans()
    assert span.attributes is not None
    assert span.attributes["mlflow.spanInputs"] == '{"question": "***"}'


def test_what_is_no_function_of_a_span_is_refused() -> None:
    for wrong in (3, lambda: None, divmod):
        with pytest.raises(InvalidArgumentError, match="not a function of one arg"):
            spanframe.tracing.configure(span_processors=[wrong])  # type: ignore[list-item] # the point of the test


# --- tools, documents, events, statuses, links ----------------------------------------


def test_the_tools_of_a_model_are_recorded(spans: CapturedSpans) -> None:
    tool = {"type": "function", "function": {"name": "add"}}
    model = SimpleNamespace(model_dump=lambda **_: {**tool, "strict": True})
    with spanframe.start_span("call") as span:
        spanframe.tracing.set_span_chat_tools(span, [tool, model])
        for wrong in ("add", ["add"], [{"name": "add"}]):
            with pytest.raises(InvalidArgumentError):
                spanframe.tracing.set_span_chat_tools(span, wrong)
    tools = spans[0].get_attribute("mlflow.chat.tools")
    assert tools == [tool, {**tool, "strict": True}]


def test_documents_are_recorded_as_dictionaries(spans: CapturedSpans) -> None:
    of_langchain = SimpleNamespace(page_content="a", metadata={"k": 1}, id="1")
    node = SimpleNamespace(
        get_content=lambda: "b",
        get_score=lambda: 0.5,
        metadata={"k": 2},
        node_id="2",
    )
    with spanframe.start_span("retrieve") as span:
        span.set_outputs(
            [
                Document("c"),
                Document.from_langchain_document(of_langchain),
                Document.from_llama_index_node_with_score(node),
            ]
        )
    assert spans[0].outputs == [
        Document("c").to_dict(),
        {"page_content": "a", "metadata": {"k": 1}, "id": "1"},
        {"page_content": "b", "metadata": {"score": 0.5, "k": 2}, "id": "2"},
    ]


def test_an_exception_becomes_an_event() -> None:
    with pytest.raises(ValueError, match="no") as raised:
        int("no")
    event = SpanEvent.from_exception(raised.value)
    assert event.name == "exception"
    assert event.attributes["exception.type"] == "ValueError"
    assert event.attributes["exception.stacktrace"].endswith(
        "literal for int() with base 10: 'no'"
    )
    assert json.loads(event.json()["attributes"]) == dict(event.attributes)
    assert SpanEvent("empty").json()["attributes"] is None


def test_a_status_is_that_of_opentelemetry_and_back() -> None:
    failed = SpanStatus("ERROR", "why")  # type: ignore[arg-type] # MLflow takes text
    assert failed.to_otel_status().description == "why"
    assert SpanStatus.from_otel_status(failed.to_otel_status()) == failed
    assert SpanStatus.from_otel_status(Status(StatusCode.OK)).status_code == "OK"
    for code in ("NOPE", "ok", None):
        with pytest.raises(spanframe.MlflowException, match="write 'OK'") as refused:
            SpanStatus(code)  # type: ignore[arg-type] # the point of the test
        assert refused.value.error_code == "INVALID_PARAMETER_VALUE"


def test_a_link_is_a_dictionary_and_back() -> None:
    link = Link("tr-" + "1" * 32, "2" * 16, {"k": "v"})
    assert Link.from_dict(link.to_dict()) == link
    ids = {"trace_id": link.trace_id, "span_id": link.span_id}
    assert not Link.from_dict(ids).attributes
    with pytest.raises(InvalidArgumentError, match="has no 'span_id'"):
        Link.from_dict({"trace_id": "tr-1"})


def test_a_span_that_is_not_recorded_is_made_without_arguments() -> None:
    span = NoOpSpan()
    span.set_inputs(1)
    span.set_span_type("LLM")
    span.record_exception("no")
    span.end(outputs=2, status="ERROR")
    assert (span.trace_id, span.span_id) == ("MLFLOW_NO_OP_SPAN_TRACE_ID", "")
    assert (span.inputs, span.attributes, span.events) == (None, {}, [])


def test_a_callback_makes_a_span_current_and_restores(spans: CapturedSpans) -> None:
    provider = importlib.import_module("spanframe.tracing.provider")
    outer = spanframe.start_span_no_context("outer")
    token = provider.set_span_in_context(outer)
    ask("1")
    provider.detach_span_from_context(token)
    outer.end()
    with provider.safe_set_span_in_context(outer):
        assert spanframe.get_current_active_span() is outer
    assert spanframe.get_current_active_span() is None
    assert spans.tree() == "outer\n  ask"


# --- the active model, the store ------------------------------------------------------


def test_the_active_model_is_read_and_cleared() -> None:
    assert spanframe.get_active_model_id() is None
    with spanframe.set_active_model(name="m-1") as model:
        assert isinstance(model, spanframe.ActiveModel)
        assert spanframe.get_active_model_id() == "m-1"
    assert spanframe.get_active_model_id() is None
    spanframe.set_active_model(model_id="m-2")
    spanframe.clear_active_model()
    assert spanframe.get_active_model_id() is None


def test_the_store_is_told_and_whether_it_was_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("SPANFRAME_STORE", raising=False)
    assert not spanframe.is_tracking_uri_set()
    assert spanframe.get_tracking_uri() == "sqlite:///spanframe.db"
    spanframe.set_tracking_uri("sqlite:///spanframe.db")
    assert spanframe.is_tracking_uri_set()
    spanframe.tracing.reset()
    monkeypatch.setenv("SPANFRAME_STORE", "sqlite:///other.db")
    assert spanframe.is_tracking_uri_set()
    assert spanframe.get_tracking_uri() == "sqlite:///other.db"


def test_flushing_under_mlflows_name_goes_on_recording(spans: CapturedSpans) -> None:
    ask("1")
    spanframe.flush_trace_async_logging()
    ask("2")
    spanframe.flush_trace_async_logging(terminate=True)
    ask("3")
    assert len(spans) == 3


# --- errors as plugins raise them -----------------------------------------------------


@pytest.mark.parametrize(
    ("given", "code", "status"),
    [
        (ErrorCode.RESOURCE_ALREADY_EXISTS, "RESOURCE_ALREADY_EXISTS", 400),
        (3002, "RESOURCE_DOES_NOT_EXIST", 404),
        ("PERMISSION_DENIED", "PERMISSION_DENIED", 403),
        (None, "INTERNAL_ERROR", 500),
        (77777, "INTERNAL_ERROR", 500),
        ("NOPE", "INTERNAL_ERROR", 500),
    ],
)
def test_an_error_has_the_code_it_was_raised_with(
    given: Any, code: str, status: int
) -> None:
    error = spanframe.MlflowException("why", given, detail=1)
    assert (error.error_code, error.get_http_status_code()) == (code, status)
    assert json.loads(error.serialize_as_json()) == {
        "error_code": code,
        "message": "why",
        "detail": 1,
    }
    again = pickle.loads(pickle.dumps(error))  # noqa: S301 - its own
    assert (str(again), again.error_code) == ("why", code)


def test_an_error_tells_what_else_it_was_given() -> None:
    error = spanframe.MlflowException(
        ValueError("why"), error_code=4, sqlstate="KAM00", error_class="BAD"
    )
    assert error.message == "why"
    told = json.loads(error.serialize_as_json())
    assert (told["sqlstate"], told["error_class"]) == ("KAM00", "BAD")
    wrong = spanframe.MlflowException.invalid_parameter_value("why", detail=1)
    assert isinstance(wrong, InvalidArgumentError)
    assert wrong.error_code == "INVALID_PARAMETER_VALUE"


def test_error_codes_have_names_and_numbers() -> None:
    assert ErrorCode.Name(1000) == "INVALID_PARAMETER_VALUE"
    assert ErrorCode.Value("INVALID_PARAMETER_VALUE") == 1000
    for wrong in ("NOPE", 77777):
        with pytest.raises(ValueError, match=r"77777|NOPE"):
            ErrorCode.Value(wrong) if isinstance(wrong, str) else ErrorCode.Name(wrong)
