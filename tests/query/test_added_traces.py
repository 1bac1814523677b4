"""Traces from elsewhere, recorded once more inside of a trace of this process."""

from collections.abc import Iterator

import pytest

import spanframe
from spanframe.entities import Trace
from spanframe.errors import InvalidArgumentError
from spanframe.testing import CapturedSpans, capture_spans
from tests.plugins.sample_spans import otlp_span, request_id
from tests.plugins.store import Store


@pytest.fixture
def spans() -> Iterator[CapturedSpans]:
    with capture_spans() as captured:
        yield captured


@pytest.fixture
def remote(searched: Store) -> Trace:
    searched.write(
        otlp_span(
            1,
            name="answer",
            attributes={
                "mlflow.spanInputs": '{"q": 1}',
                "mlflow.spanOutputs": '"a"',
                "mlflow.traceTag.where": "remote",
                "spanframe.metadata.k": "v",
            },
        ),
        otlp_span(1, span=2, parent=1, name="look up"),
        otlp_span(1, span=3, parent=2, name="rank"),
    )
    found = spanframe.get_trace(request_id(1))
    assert found is not None
    return found


def test_a_trace_is_added_below_the_current_span(
    remote: Trace, spans: CapturedSpans
) -> None:
    with spanframe.start_span("call"):
        spanframe.update_current_trace(tags={"where": "here"})
        spanframe.add_trace(remote.to_dict())
        spanframe.add_trace(remote)
    once = "\n  answer\n    look up\n      rank"
    assert spans.tree() == f"call{once}{once}"
    added = [span for span in spans if span.name == "answer"]
    assert [span.inputs for span in added] == [{"q": 1}] * 2
    assert added[0].start_time_ns == remote.data.spans[0].start_time_ns
    assert added[0].end_time_ns == remote.data.spans[0].end_time_ns
    stated = spans.named("call").otel_span.attributes or {}  # type: ignore[union-attr] # it has ended
    assert stated["mlflow.traceTag.where"] == "here"
    assert stated["spanframe.metadata.k"] == "v"
    assert "mlflow.traceTag.mlflow.traceName" not in stated


def test_a_target_is_the_span_above(remote: Trace, spans: CapturedSpans) -> None:
    target = spanframe.start_span_no_context("target")
    spanframe.add_trace(remote, target=target)
    target.end()
    assert spans.tree() == "target\n  answer\n    look up\n      rank"


def test_without_a_current_span_the_trace_gets_a_root(
    remote: Trace, spans: CapturedSpans
) -> None:
    spanframe.add_trace(remote)
    assert spans.tree().splitlines()[:2] == ["Remote Trace <answer>", "  answer"]
    root = spans.named("Remote Trace <answer>")
    assert (root.inputs, root.outputs) == ({"q": 1}, "a")
    assert root.start_time_ns <= remote.data.spans[0].start_time_ns


def test_what_is_no_trace_that_has_ended_is_refused(
    remote: Trace, spans: CapturedSpans
) -> None:
    open_trace = remote.to_dict()
    open_trace["info"]["state"] = "IN_PROGRESS"
    empty = {**remote.to_dict(), "data": {"spans": []}}
    for given in (open_trace, empty, {}, 3):
        with pytest.raises(InvalidArgumentError):
            spanframe.add_trace(given)  # type: ignore[arg-type] # the point of the test
    spanframe.tracing.disable()
    spanframe.add_trace(remote)
    spanframe.tracing.enable()
    assert not spans
