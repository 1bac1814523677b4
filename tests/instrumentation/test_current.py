"""The current span and the open trace, read and written from anywhere inside."""

import json
import logging
import threading
from time import time_ns
from typing import Any

import pytest

import spanframe
from spanframe.entities import Link, SpanEvent, SpanStatus, SpanStatusCode
from spanframe.errors import InvalidArgumentError
from tests.plugins.otlp_sink import OtlpSink


def test_everything_said_about_a_trace_rides_on_its_root(sink: OtlpSink) -> None:
    with spanframe.start_span("root"), spanframe.start_span("child"):
        spanframe.update_current_trace(
            tags={"env": "prod", "count": 3},  # type: ignore[dict-item]
            metadata={"version": "1.2"},
            client_request_id="req-1",
            request_preview="asked",
            response_preview="answered",
            state="ERROR",
            model_id="m-1",
            session_id="s-1",
            user="ada",
        )
    spanframe.flush()
    attributes = sink.span("root").attributes
    assert attributes["mlflow.traceTag.env"] == "prod"
    assert attributes["mlflow.traceTag.count"] == "3"
    assert attributes["spanframe.metadata.version"] == "1.2"
    assert attributes["spanframe.metadata.mlflow.modelId"] == "m-1"
    assert attributes["spanframe.trace.client_request_id"] == "req-1"
    assert attributes["spanframe.trace.request_preview"] == "asked"
    assert attributes["spanframe.trace.response_preview"] == "answered"
    assert attributes["spanframe.trace.state"] == "ERROR"
    assert attributes["session.id"] == "s-1"
    assert attributes["user.id"] == "ada"
    assert {"spanframe.trace.says.user.id", "spanframe.trace.says.session.id"} <= (
        attributes.keys()
    )
    assert sink.span("root").status == "OK"
    assert sink.span("child").attributes.keys() == {
        "mlflow.spanType",
        "mlflow.spanLogLevel",
    }


def test_what_is_said_later_wins(sink: OtlpSink) -> None:
    with spanframe.start_span("root"):
        spanframe.update_current_trace(tags={"a": "1", "b": "1"}, user="ada")
        spanframe.update_current_trace(tags={"b": "2"}, user="bob")
    spanframe.flush()
    attributes = sink.span("root").attributes
    assert attributes["mlflow.traceTag.a"] == "1"
    assert attributes["mlflow.traceTag.b"] == "2"
    assert attributes["user.id"] == "bob"


def test_session_and_user_can_be_written_as_metadata(sink: OtlpSink) -> None:
    with spanframe.start_span("root"):
        spanframe.update_current_trace(
            metadata={"mlflow.trace.session": "s-1", "mlflow.trace.user": "ada"},
            user="bob",
        )
    spanframe.flush()
    attributes = sink.span("root").attributes
    assert attributes["session.id"] == "s-1"
    assert attributes["user.id"] == "bob"


def test_long_values_are_kept_whole(sink: OtlpSink) -> None:
    with spanframe.start_span("root"):
        spanframe.update_current_trace(
            tags={"long": "t" * 10_000}, session_id="s" * 1000
        )
    spanframe.flush()
    assert sink.span("root").attributes["mlflow.traceTag.long"] == "t" * 10_000
    assert sink.span("root").attributes["session.id"] == "s" * 1000


def test_a_trace_holds_many_tags(sink: OtlpSink) -> None:
    with spanframe.start_span("root") as root:
        root.set_inputs("kept")
        spanframe.update_current_trace(tags={f"t{i}": "x" for i in range(500)})
    spanframe.flush()
    attributes = sink.span("root").attributes
    assert len([k for k in attributes if k.startswith("mlflow.traceTag.")]) == 500
    assert attributes["mlflow.spanInputs"] == '"kept"'


@pytest.mark.parametrize(
    "arguments",
    [
        {"tags": {"mlflow.artifactLocation": "elsewhere"}},
        {"tags": {"mlflow.trace.spansLocation": "elsewhere"}},
        {"tags": {"mlflow.user": "root"}},
        {"metadata": {"mlflow.trace_schema.version": "9"}},
        {"metadata": {"mlflow.trace.sizeBytes": "1"}},
        {"tags": {7: "a"}},
    ],
)
def test_reserved_keys_are_left_alone_with_a_warning(
    sink: OtlpSink, caplog: pytest.LogCaptureFixture, arguments: dict[str, Any]
) -> None:
    with spanframe.start_span("root"):
        spanframe.update_current_trace(**arguments)
    spanframe.flush()
    assert "is not recorded: it " in caplog.text
    written = [
        key
        for key in sink.span("root").attributes
        if key.endswith(("Location", "traceTag.mlflow.user", "version", "sizeBytes"))
    ]
    assert written == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"state": "ok"}, "in capitals"),
        ({"state": "IN_PROGRESS"}, "in capitals"),
        ({"request_preview": 3}, "request_preview is int"),
        ({"response_preview": {}}, "response_preview is dict"),
        ({"tags": ["a"]}, "tags is list"),
        ({"metadata": "a"}, "metadata is str"),
    ],
)
def test_what_cannot_be_said_is_refused(
    arguments: dict[str, Any], message: str
) -> None:
    with (
        pytest.raises(InvalidArgumentError, match=message),
        spanframe.start_span("root"),
    ):
        spanframe.update_current_trace(**arguments)


def test_outside_a_trace_updates_do_nothing_but_warn(
    caplog: pytest.LogCaptureFixture,
) -> None:
    spanframe.update_current_trace(tags={"a": "b"})
    spanframe.update_current_trace(tags=["a"], state="wrong")  # type: ignore[arg-type]
    spanframe.update_current_span(inputs=1)
    for function in ("update_current_trace", "update_current_span"):
        assert f"{function}() has no effect: no " in caplog.text
    assert spanframe.get_current_active_span() is None
    assert spanframe.get_active_trace_id() is None


def test_a_child_that_outlives_its_root_still_reaches_the_trace(sink: OtlpSink) -> None:
    with spanframe.start_span("root") as root:
        late = spanframe.start_span_no_context("late", parent_span=root)
    with spanframe.tracing.use_span(late):
        spanframe.update_current_trace(tags={"late": "yes"})
    late.end()
    spanframe.flush()
    assert sink.span("late").trace_id == sink.span("root").trace_id
    assert sink.span("late").attributes["mlflow.traceTag.late"] == "yes"


def test_the_ids_are_those_on_the_wire(sink: OtlpSink) -> None:
    with spanframe.start_span("root") as root:
        assert spanframe.get_active_trace_id() == root.trace_id == root.request_id
        assert root.parent_id is None
        with spanframe.start_span("child") as child:
            assert spanframe.get_current_active_span() is child
            assert child.parent_id == root.span_id
    spanframe.flush()
    assert f"tr-{sink.span('root').trace_id}" == root.trace_id
    assert sink.span("root").span_id == root.span_id
    assert spanframe.get_last_active_trace_id() == root.trace_id


def test_the_last_trace_can_be_asked_for_by_thread() -> None:
    assert spanframe.get_last_active_trace_id() is None
    with spanframe.start_span("here") as here:
        pass
    seen: list[str | None] = []

    def elsewhere() -> None:
        seen.append(spanframe.get_last_active_trace_id(thread_local=True))
        with spanframe.start_span("there"):
            pass
        seen.append(spanframe.get_last_active_trace_id(thread_local=True))

    thread = threading.Thread(target=elsewhere)
    thread.start()
    thread.join()
    assert seen[0] is None
    assert spanframe.get_last_active_trace_id(thread_local=True) == here.trace_id
    assert spanframe.get_last_active_trace_id() == seen[1]


def test_a_live_span_tells_what_was_written_to_it(sink: OtlpSink) -> None:
    with spanframe.start_span("step", "TOOL", {"k": [1, 2], "bad": {"a": 1}}) as span:
        span.set_inputs({"q": "é"})
        span.set_outputs((1, 2))
        span.set_attributes({"flag": True})
        span.add_event(SpanEvent("seen", timestamp=5, attributes={"n": 1}))
        assert span.name == "step"
        assert span.span_type == "TOOL"
        assert span.inputs == {"q": "é"}
        assert span.outputs == [1, 2]
        assert span.attributes["k"] == [1, 2]
        assert span.attributes["bad"] == {"a": 1}
        assert "spanframe.experiment" not in span.attributes
        assert span.attributes["flag"] is True
        assert span.events == [SpanEvent("seen", timestamp=5, attributes={"n": 1})]
        assert span.status == SpanStatus(SpanStatusCode.UNSET)
        assert span.end_time_ns is None
        assert span.trace_id in repr(span)
    assert span.status.status_code == "OK"
    assert span.end_time_ns is not None
    assert span.end_time_ns >= span.start_time_ns
    spanframe.flush()
    sent = sink.span("step")
    assert sent.attributes["k"] == [1, 2]
    assert sent.attributes["flag"] is True


def test_a_span_is_updated_from_inside(sink: OtlpSink) -> None:
    with spanframe.start_span("before"):
        spanframe.update_current_span(
            name="after",
            span_type="LLM",
            inputs=[1],
            outputs=[2],
            attributes={"model": "m"},
        )
    spanframe.flush()
    span = sink.span("after")
    assert span.attributes["mlflow.spanType"] == '"LLM"'
    assert span.attributes["mlflow.spanInputs"] == "[1]"
    assert span.attributes["mlflow.spanOutputs"] == "[2]"
    assert span.attributes["model"] == "m"


def test_a_description_a_level_and_links_are_written(sink: OtlpSink) -> None:
    with spanframe.start_span("first") as first:
        pass
    link = Link(first.trace_id, first.span_id, {"why": "same user"})
    with spanframe.start_span(
        "second", description="looks again", log_level="warning", links=[link]
    ) as second:
        second.add_link(link)
        second.set_log_level(40)
        second.set_description("looks once more")
    spanframe.flush()
    span = sink.span("second")
    assert json.loads(span.attributes["mlflow.spanDescription"]) == "looks once more"
    assert json.loads(span.attributes["mlflow.spanLogLevel"]) == 40
    assert span.links == [first.span_id, first.span_id]


def test_a_link_has_the_attributes_that_it_is_given(
    sink: OtlpSink, caplog: pytest.LogCaptureFixture
) -> None:
    said = {"weight": 2, "why": "same user", "at": {"page": 1}}
    ids = ("tr-" + "a" * 32, "b" * 16)
    with spanframe.start_span("linked", links=[Link(*ids, said)]) as span:
        span.add_link(Link(*ids))
        span.add_link(Link(*ids, said))
    spanframe.flush()
    [linked] = sink.requests[0].resource_spans[0].scope_spans[0].spans
    first, bare, last = linked.links
    for link in (first, last):
        values = {each.key: each.value for each in link.attributes}
        assert values["weight"].int_value == 2
        assert values["why"].string_value == "same user"
        assert json.loads(values["at"].string_value) == {"page": 1}
    assert list(bare.attributes) == []
    assert caplog.text == ""


@pytest.mark.parametrize(
    "link",
    [
        Link("tr-xyz", "b" * 16),
        Link("a" * 32, ""),
        Link("a" * 33, "b" * 16),
        Link("a" * 32, "b" * 17),
        Link("a" * 32, None),  # type: ignore[arg-type]
        Link(None, "b" * 16),  # type: ignore[arg-type]
        Link("a" * 32, 7),  # type: ignore[arg-type]
        Link("-" + "a" * 31, "b" * 16),
        Link("0" * 32, "b" * 16),
        Link("a" * 32, "b" * 16, ["not", "a", "mapping"]),  # type: ignore[arg-type]
        "no link",
        None,
    ],
)
def test_a_bad_link_is_left_out_alone(
    sink: OtlpSink, caplog: pytest.LogCaptureFixture, link: Any
) -> None:
    good = Link("a" * 32, "b" * 16)

    @spanframe.trace(links=[link, good])
    def decorated() -> str:
        with spanframe.start_span("block", links=[link, good]):
            spanframe.start_span_no_context("detached", links=[link, good]).end()
        return "done"

    assert decorated() == "done"
    spanframe.flush()
    assert "not recorded" in caplog.text
    for name in ("decorated", "block", "detached"):
        assert sink.span(name).links[-1] == "b" * 16


def test_a_bad_link_is_refused_where_it_is_added_alone(sink: OtlpSink) -> None:
    with spanframe.start_span("span") as span:
        for link in (Link("tr-xyz", "b" * 16), Link("a" * 32, "b" * 17), "no link"):
            with pytest.raises(InvalidArgumentError, match="link"):
                span.add_link(link)  # type: ignore[arg-type]
    spanframe.flush()
    assert sink.span("span").links == []


def test_statuses_follow_opentelemetrys_rule(sink: OtlpSink) -> None:
    with spanframe.start_span("error") as span:
        span.set_status(SpanStatus(SpanStatusCode.ERROR, "sold out"))
    with spanframe.start_span("stays ok") as span:
        span.set_status("OK")
        span.set_status("ERROR")
    spanframe.flush()
    assert sink.span("error").status == "ERROR"
    assert sink.span("error").status_message == "sold out"
    assert sink.span("stays ok").status == "OK"
    with (
        spanframe.start_span("refused") as span,
        pytest.raises(InvalidArgumentError, match="not a status"),
    ):
        span.set_status("FINE")


def test_an_exception_can_be_recorded_by_hand(sink: OtlpSink) -> None:
    with spanframe.start_span("texts") as span:
        span.record_exception("the till is closed")
    spanframe.flush()
    span_sent = sink.span("texts")
    assert span_sent.status == "ERROR"
    assert span_sent.events[0].attributes["exception.message"] == "the till is closed"


def test_an_exception_that_leaves_the_block_is_recorded(sink: OtlpSink) -> None:
    with pytest.raises(LookupError), spanframe.start_span("block"):
        raise LookupError("no such tent")
    spanframe.flush()
    assert sink.span("block").status_message == "LookupError: no such tent"


def test_an_exception_that_cannot_be_printed_is_recorded(sink: OtlpSink) -> None:
    class Silent(Exception):  # noqa: N818 - a name without Error
        def __str__(self) -> str:
            raise RuntimeError

    with pytest.raises(Silent), spanframe.start_span("block"):
        raise Silent
    spanframe.flush()
    event = sink.span("block").events[0]
    assert event.attributes["exception.type"] == "Silent"
    assert "could not be rendered" in event.attributes["exception.message"]


def test_attributes_that_cannot_be_are_left_out_with_a_warning(
    sink: OtlpSink, caplog: pytest.LogCaptureFixture
) -> None:
    with spanframe.start_span("step") as span:
        span.set_attributes({7: "a", "ok": 1})  # type: ignore[dict-item]
        span.set_attributes("text")  # type: ignore[arg-type]
    spanframe.flush()
    assert sink.span("step").attributes.keys() >= {"ok"}
    assert "is not recorded: its key must be a text" in caplog.text
    assert "are not recorded: they must be a mapping, not str" in caplog.text


def test_a_span_started_by_hand_is_never_current(sink: OtlpSink) -> None:
    root = spanframe.start_span_no_context(
        "root",
        "AGENT",
        inputs={"q": 1},
        tags={"a": "b"},
        metadata={"c": "d"},
        experiment="shop",
        start_time_ns=1_700_000_000_000_000_000,
    )
    assert spanframe.get_current_active_span() is None
    child = spanframe.start_span_no_context("child", parent_span=root)
    child.end(outputs="out", attributes={"k": 1}, status="ERROR")
    root.end(end_time_ns=1_700_000_001_000_000_000)
    root.end()
    spanframe.flush()
    sent = sink.span("root")
    assert (sent.start, sent.end) == (
        1_700_000_000_000_000_000,
        1_700_000_001_000_000_000,
    )
    assert sent.attributes["mlflow.traceTag.a"] == "b"
    assert sent.attributes["spanframe.metadata.c"] == "d"
    assert sent.attributes["spanframe.experiment"] == "shop"
    assert sink.span("child").parent_id == sent.span_id
    assert sink.span("child").status == "ERROR"
    assert sink.span("child").attributes["mlflow.spanOutputs"] == '"out"'


def test_writing_to_a_span_that_ended_changes_nothing(
    sink: OtlpSink, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.ERROR)
    with spanframe.start_span("over") as span:
        pass
    span.set_attribute("late", 1)
    span.set_outputs("late")
    span.end(outputs="late")
    spanframe.flush()
    assert (
        sink.span("over").attributes.keys().isdisjoint({"late", "mlflow.spanOutputs"})
    )


def test_what_is_true_of_the_process_is_said_once(sink: OtlpSink) -> None:
    with spanframe.start_span("a"):
        pass
    spanframe.flush()
    [resource] = [r.resource for q in sink.requests for r in q.resource_spans]
    said = {kv.key: kv.value.string_value for kv in resource.attributes}
    assert said["spanframe.metadata.mlflow.source.type"] == "LOCAL"
    assert said["spanframe.metadata.mlflow.user"]


@pytest.mark.parametrize("time", ["x", -1, 1 << 64, float("nan"), float("inf"), [1]])
def test_a_time_that_cannot_be_read_is_the_present_one(
    sink: OtlpSink, time: Any
) -> None:
    before = time_ns()
    span = spanframe.start_span_no_context("timed", start_time_ns=time)
    span.add_event(SpanEvent("event", timestamp=time))
    span.end(end_time_ns=time)
    spanframe.flush()
    timed = sink.span("timed")
    assert [event.name for event in timed.events] == ["event"]
    assert before <= timed.start <= timed.end <= time_ns()


def test_a_detail_that_cannot_be_read_does_not_cost_the_span(sink: OtlpSink) -> None:
    odd: dict[str, Any] = {"attributes": [1], "links": 5}
    span = spanframe.start_span_no_context("odd", **odd)
    span.set_status(SpanStatus(SpanStatusCode.ERROR, "half \ud800"))
    for name, attributes in {"none": None, "list": [1]}.items():
        span.add_event(SpanEvent(name, attributes=attributes))  # type: ignore[arg-type]
    span.end(outputs=3, attributes=7, status="NOPE")  # type: ignore[arg-type]
    spanframe.flush()
    sent = sink.span("odd")
    assert (sent.status, sent.status_message) == ("ERROR", r"half \ud800")
    assert [event.name for event in sent.events] == ["none", "list"]
    assert sent.attributes["mlflow.spanOutputs"] == "3"
    assert sent.links == []
