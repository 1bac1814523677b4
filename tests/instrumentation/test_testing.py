"""`spanframe.testing`, as users' tests see it."""

import pytest

import spanframe
from spanframe.testing import capture_spans, faults_logged
from tests.plugins.otlp_sink import OtlpSink


@spanframe.trace
def find(query: str) -> list[str]:
    return [query.upper()]


@spanframe.trace(span_type="AGENT")
def answer(query: str) -> str:
    spanframe.update_current_trace(tags={"env": "test"})
    return find(query)[0]


def test_spans_are_kept_in_memory_and_sent_nowhere(sink: OtlpSink) -> None:
    with capture_spans() as spans:
        answer("tent")
        assert spans.names == ["find", "answer"]
        assert len(spans) == 2
        assert spans[0].outputs == ["TENT"]
        assert [s.name for s in spans[:1]] == ["find"]
        root = spans.named("answer")
        assert root.inputs == {"query": "tent"}
        assert root.span_type == "AGENT"
        assert root.attributes["mlflow.traceTag.env"] == "test"
        assert spans.named("find").parent_id == root.span_id
        assert spans.tree() == "answer\n  find"
        assert repr(spans) == "CapturedSpans(['find', 'answer'])"
    answer("outside")
    assert spanframe.flush()
    assert [s.name for s in sink.spans] == ["find", "answer"]


def test_spans_can_be_forgotten() -> None:
    with capture_spans() as spans:
        answer("tent")
        spans.clear()
        assert list(spans) == []
        find("tent")
        assert spans.names == ["find"]


def test_a_name_that_is_not_one_span_is_a_lookup_error() -> None:
    with capture_spans() as spans:
        find("a")
        find("b")
        with pytest.raises(LookupError, match="2 spans are called 'find'"):
            spans.named("find")
        with pytest.raises(LookupError, match="0 spans are called 'lost'"):
            spans.named("lost")


def test_ids_and_clock_can_be_made_to_count() -> None:
    with capture_spans(deterministic=True) as spans:
        answer("tent")
        found, answered = spans
    start = 1_700_000_000_000_000_000
    assert answered.trace_id == f"tr-{1:032x}"
    assert (answered.span_id, found.span_id) == (f"{1:016x}", f"{2:016x}")
    assert (answered.start_time_ns, answered.end_time_ns) == (start, start + 3_000_000)
    assert (found.start_time_ns, found.end_time_ns) == (
        start + 1_000_000,
        start + 2_000_000,
    )


def test_the_apps_settings_stay_in_force() -> None:
    spanframe.configure(redact_keys=["query"])
    spanframe.set_experiment("shop")
    with capture_spans() as spans:
        find("secret")
        assert spans[0].inputs == {"query": "[redacted]"}
        assert spans[0].attributes["spanframe.experiment"] == "shop"


def test_every_trace_is_captured_whatever_the_sampler() -> None:
    spanframe.configure(sampler="parentbased_always_off")
    find("outside")
    with capture_spans() as spans:
        find("inside")
        assert [s.inputs for s in spans] == [{"query": "inside"}]


def test_captures_can_be_nested() -> None:
    with capture_spans() as outer:
        find("a")
        with capture_spans() as inner:
            find("b")
            assert [s.inputs for s in inner] == [{"query": "b"}]
        find("c")
        assert [s.inputs for s in outer] == [{"query": "a"}, {"query": "c"}]


def _break_the_capture(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(self: object, value: object) -> str:
        raise ZeroDivisionError

    monkeypatch.setattr("spanframe._capture.Capture.json_text", broken)


def test_faults_of_spanframe_are_raised_under_test(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with capture_spans():
        _break_the_capture(monkeypatch)
        with pytest.raises(ZeroDivisionError):
            find("tent")


def test_in_production_faults_are_logged_once_and_the_app_goes_on(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with capture_spans(), faults_logged():
        _break_the_capture(monkeypatch)
        assert find("tent") == ["TENT"]
        assert find("lamp") == ["LAMP"]
    assert len(caplog.records) == 1
    assert "the app is not affected" in caplog.text
