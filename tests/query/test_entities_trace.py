"""A trace of a search: aliases agree, JSON comes back, states have words."""

import json
import re
from typing import Any

import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from spanframe.errors import InvalidArgumentError
from spanframe_query.entities import (
    PagedList,
    Session,
    SpanDicts,
    Trace,
    TraceData,
    TraceInfo,
    TraceState,
    TraceStatus,
)
from spanframe_query.entities.info import location_of
from spanframe_store.contract.results import SpanBlock
from spanframe_store.otlp.content import loads
from spanframe_store.otlp.stored_spans import spans_of
from tests.plugins.sample_spans import START_MS, otlp_span, request_id, stored_block

INPUTS, OUTPUTS = "mlflow.spanInputs", "mlflow.spanOutputs"


def info(**changes: Any) -> TraceInfo:
    facts: dict[str, Any] = {
        "trace_id": request_id(1),
        "trace_location": location_of(0),
        "request_time": START_MS,
        "state": TraceState.OK,
        "execution_duration": 25,
        "trace_metadata": {"mlflow.trace.user": "ann", "mlflow.trace.session": "s1"},
        "tags": {"mlflow.traceName": "answer", "env": "prod"},
    }
    return TraceInfo(**(facts | changes))


def stored_tree() -> list[SpanBlock]:
    """Return a root, two steps and a leaf, in no order."""
    return [
        stored_block(otlp_span(span=4, parent=2, name="leaf", start_ms=3)),
        stored_block(
            otlp_span(
                span=3,
                parent=1,
                name="step",
                start_ms=5,
                attributes={OUTPUTS: "2", "mlflow.spanType": '"TOOL"'},
            )
        ),
        stored_block(
            otlp_span(
                span=2, parent=1, name="step", start_ms=2, attributes={OUTPUTS: "1"}
            )
        ),
        stored_block(
            otlp_span(
                span=1,
                name="root",
                start_ms=4,
                attributes={INPUTS: '{"q": 1}', OUTPUTS: '"done"'},
            )
        ),
    ]


def trace() -> Trace:
    return Trace(info(), TraceData(stored=stored_tree()))


def test_the_aliases_of_an_info_agree() -> None:
    facts = info()
    assert facts.request_id == facts.trace_id == request_id(1)
    assert facts.timestamp == facts.timestamp_ms == facts.request_time == START_MS
    assert facts.execution_time_ms == facts.execution_time == facts.latency == 25
    assert facts.end_time == START_MS + 25
    assert facts.metadata is facts.request_metadata is facts.trace_metadata
    assert (facts.name, facts.user, facts.session_id) == ("answer", "ann", "s1")
    assert facts.experiment_id == "0"
    assert facts.trace_location.mlflow_experiment.experiment_id == "0"


def test_a_trace_in_progress_has_no_end() -> None:
    assert info(execution_duration=None).end_time is None


def test_states_equal_their_text_and_print_as_mlflow_prints_them() -> None:
    assert TraceState.OK == "OK" == TraceStatus.OK
    assert hash(TraceState.OK) == hash(TraceStatus.OK) == hash("OK")
    assert (str(TraceState.OK), str(TraceStatus.OK)) == ("OK", "TraceStatus.OK")
    assert info(state=TraceState.ERROR).status == "ERROR"


@pytest.mark.parametrize("state", TraceState)
def test_every_state_has_a_status_and_back(state: TraceState) -> None:
    assert TraceStatus.from_state(state).to_state() is state


def test_token_usage_and_cost_are_read_from_metadata() -> None:
    usage = {"input_tokens": 3, "output_tokens": 4, "total_tokens": 7}
    facts = info(
        trace_metadata={
            "mlflow.trace.tokenUsage": json.dumps(usage),
            "mlflow.trace.cost": "{broken",
        }
    )
    assert facts.token_usage == usage
    assert facts.cost is None
    assert info().token_usage is None


@pytest.mark.parametrize(
    ("time_ms", "text"),
    [
        (START_MS, "2025-11-23T00:00:00Z"),
        (START_MS + 891, "2025-11-23T00:00:00.891Z"),
        (0, "1970-01-01T00:00:00Z"),
        (7, "1970-01-01T00:00:00.007Z"),
    ],
)
def test_an_info_writes_its_time_as_mlflow_does(time_ms: int, text: str) -> None:
    data = info(request_time=time_ms).to_dict()
    assert data["request_time"] == text
    assert TraceInfo.from_dict(data).request_time == time_ms


def test_an_info_leaves_absent_optionals_out() -> None:
    data = info(execution_duration=None).to_dict()
    assert set(data) == {
        "trace_id",
        "trace_location",
        "request_time",
        "state",
        "trace_metadata",
        "tags",
    }


def test_the_info_of_mlflow_2_is_read() -> None:
    facts = TraceInfo.from_dict(
        {
            "request_id": "abc",
            "experiment_id": "3",
            "timestamp_ms": 5,
            "execution_time_ms": None,
            "status": "TRACE_STATUS_UNSPECIFIED",
            "request_metadata": {"k": "v"},
            "tags": {},
        }
    )
    assert (facts.trace_id, facts.experiment_id, facts.timestamp) == ("abc", "3", 5)
    assert facts.state is TraceState.STATE_UNSPECIFIED
    assert facts.metadata == {"k": "v"}


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"request_id": "x"},
        info().to_dict() | {"state": "FINE"},
        info().to_dict() | {"request_time": "yesterday"},
    ],
)
def test_a_dictionary_that_is_no_info_is_refused(data: dict[str, Any]) -> None:
    with pytest.raises(InvalidArgumentError, match="not a trace info"):
        TraceInfo.from_dict(data)


def test_spans_come_root_first_then_by_start() -> None:
    spans = trace().data.spans
    assert [span.span_id[-1] for span in spans] == ["1", "2", "4", "3"]


def test_of_two_bodies_under_one_span_id_the_later_end_is_shown() -> None:
    short = stored_block(otlp_span(name="short", duration_ms=5))
    long = stored_block(otlp_span(name="long", duration_ms=6))
    for rows in ([short, long], [long, short]):
        assert [s.name for s in TraceData(stored=rows).spans] == ["long"]


def test_of_two_bodies_that_end_together_the_greater_digest_is_shown() -> None:
    blocks = [
        stored_block(otlp_span(name=f"body {n}"), origin=bytes([n])) for n in range(9)
    ]
    found = [span for block in blocks for span in spans_of(block)]
    greatest = max(found, key=lambda span: span.digest)
    for rows in (blocks, blocks[::-1]):
        assert [s.name for s in TraceData(stored=rows).spans] == [greatest.name]


@pytest.mark.parametrize(
    "others",
    [
        [],
        [otlp_span(span=2, parent=1)],
        [otlp_span(span=1, parent=2, duration_ms=99)],
        [otlp_span(span=1, duration_ms=99)],
        [otlp_span(span=2, start_ms=-1)],
        [otlp_span(span=2, parent=1, attributes={"x": bytes(7) + b"\x01"})],
    ],
)
def test_the_root_alone_says_what_all_spans_say(others: list[Span]) -> None:
    said = {"mlflow.spanInputs": '{"q": 1}', "mlflow.spanOutputs": "[2]"}
    spans = [otlp_span(attributes=said), *others]
    for blocks in ([stored_block(*spans)], [stored_block(each) for each in spans]):
        alone = TraceData(stored=blocks).root_values()
        texts = TraceData(stored=blocks).request, TraceData(stored=blocks).response
        assert alone == tuple(None if text is None else loads(text) for text in texts)


def test_without_a_root_a_span_with_a_remote_parent_comes_first() -> None:
    rows = [
        stored_block(otlp_span(span=2, parent=8, name="inner", start_ms=0)),
        stored_block(
            otlp_span(span=3, parent=9, name="entry", start_ms=5, flags=0x300)
        ),
    ]
    assert TraceData(stored=rows).spans[0].name == "entry"


def test_request_and_response_are_json_text_of_the_root() -> None:
    data = trace().data
    assert (data.request, data.response) == ('{"q": 1}', '"done"')


def test_without_spans_there_is_no_request() -> None:
    data = TraceData()
    assert (data.spans, data.request, data.response) == ([], None, None)


def test_intermediate_outputs_number_repeated_names() -> None:
    assert trace().data.intermediate_outputs == {"step_1": 1, "step_2": 2}
    assert TraceData().intermediate_outputs is None


def test_search_spans_takes_a_name_a_pattern_a_type_and_an_id() -> None:
    found = trace().search_spans
    assert [s.span_id[-1] for s in found(name="step")] == ["2", "3"]
    assert [s.span_id[-1] for s in found(name=re.compile("^(root|leaf)"))] == ["1", "4"]
    assert [s.span_id[-1] for s in found(span_type="TOOL")] == ["3"]
    assert [s.name for s in found(span_id="0" * 15 + "4")] == ["leaf"]
    assert found(name="step", span_type="LLM") == []
    assert len(found()) == 4


def test_search_spans_refuses_a_name_that_is_neither() -> None:
    with pytest.raises(InvalidArgumentError, match="compiled pattern"):
        trace().search_spans(name=5)  # type: ignore[arg-type]


def test_a_trace_survives_its_dictionary_and_json() -> None:
    original = trace()
    for again in (
        Trace.from_dict(original.to_dict()),
        Trace.from_json(original.to_json()),
        Trace.from_json(original.to_json(pretty=True)),
    ):
        assert again == original


def test_the_real_mlflow_reads_our_json() -> None:
    from mlflow.entities import Trace as MlflowTrace  # noqa: PLC0415 - slow to load

    ours = trace()
    theirs = MlflowTrace.from_json(ours.to_json())
    assert theirs.info.to_dict() == ours.info.to_dict()
    assert [s.inputs for s in theirs.data.spans] == [s.inputs for s in ours.data.spans]
    assert Trace.from_json(theirs.to_json()) == ours


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"info": {}}', "[" * 100_000])
def test_text_that_is_no_trace_is_refused(text: str) -> None:
    with pytest.raises(InvalidArgumentError):
        Trace.from_json(text)


def test_span_dicts_equal_the_list_of_dictionaries() -> None:
    cells = SpanDicts(trace())
    listed = [span.to_dict() for span in trace().data.spans]
    assert cells == listed
    assert list(cells) == listed
    assert cells[1] == listed[1]
    assert cells[1:3] == listed[1:3]
    assert len(cells) == 4
    assert repr(cells) == repr(listed)
    assert cells != "spans"
    assert SpanDicts(None) == []


def test_a_session_is_a_sequence_of_its_traces() -> None:
    one, two = trace(), Trace(info(trace_id=request_id(2)), TraceData())
    session = Session("s1", [one, two])
    assert session.id == "s1"
    assert len(session) == 2
    assert list(session) == session.traces == [one, two]
    assert session[0] is one
    assert session[:1] == [one]
    assert repr(session) == "Session(id='s1', 2 traces)"


def test_a_paged_list_is_a_list_with_a_token() -> None:
    page = PagedList([1, 2], "next")
    assert page == [1, 2]
    assert vars(page) == {"token": "next"}
    assert type(page.to_list()) is list


def test_a_trace_shows_its_id() -> None:
    assert repr(trace()) == f"Trace(trace_id='{request_id(1)}')"
