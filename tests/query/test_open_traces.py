"""Tags of a trace that this process still records, and of its child spans."""

import gc
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

import spanframe
from spanframe._runtime import runtime
from spanframe.client import SpanframeClient
from spanframe.errors import InvalidArgumentError, NotFoundError
from spanframe.testing import CapturedSpans, RecordedSpan, capture_spans

TAG, METADATA = "mlflow.traceTag.", "spanframe.metadata."
Change = Callable[..., None]


@pytest.fixture
def spans() -> Iterator[CapturedSpans]:
    with capture_spans() as spans:
        yield spans


def said(span: RecordedSpan, prefix: str = TAG) -> dict[str, Any]:
    attributes = span.attributes.items()
    return {k.removeprefix(prefix): v for k, v in attributes if k.startswith(prefix)}


def by_function() -> tuple[Change, Change]:
    return spanframe.set_trace_tag, spanframe.delete_trace_tag


def by_client() -> tuple[Change, Change]:
    client = SpanframeClient("sqlite:///nowhere.db")
    return client.set_trace_tag, client.delete_trace_tag


@pytest.mark.parametrize("way", [by_function, by_client])
@pytest.mark.parametrize("elsewhere", [False, True])
def test_tags_of_an_open_trace_are_set_and_deleted(
    spans: CapturedSpans, way: Callable[[], tuple[Change, Change]], elsewhere: bool
) -> None:
    set_tag, delete_tag = way()

    def work(trace_id: str) -> None:
        set_tag(trace_id, "kept", 1)
        set_tag(trace_id, "dropped", "x")
        set_tag(trace_id, "changed", "x")
        set_tag(trace_id, "changed", "y")
        set_tag(trace_id, "mlflow.user", "reserved")
        delete_tag(trace_id, "dropped")
        for missing in ("dropped", "never", "mlflow.traceName"):
            with pytest.raises(NotFoundError, match=f"no tag '{missing}'"):
                delete_tag(trace_id, missing)
        for key in ("", "k" * 251, None):
            with pytest.raises(InvalidArgumentError, match="A tag's key"):
                set_tag(trace_id, key, "x")

    root = spanframe.start_span_no_context("root", tags={"given": "at start"})
    with spanframe.tracing.use_span(root), spanframe.start_span("child"):
        if elsewhere:
            thread = threading.Thread(target=work, args=[root.trace_id])
            thread.start()
            thread.join()
        else:
            work(root.trace_id)
    spanframe.delete_trace_tag(root.trace_id, "given")
    root.end()
    assert said(spans.named("root")) == {"kept": "1", "changed": "y"}
    assert said(spans.named("child")) == {}


def test_a_trace_that_an_instrumentor_began_has_tags(spans: CapturedSpans) -> None:
    tracer = spanframe.tracing.get_tracer_provider().get_tracer("openai")
    root = tracer.start_span("root")
    trace_id = f"tr-{root.get_span_context().trace_id:032x}"
    spanframe.set_trace_tag(trace_id, "kept", "1")
    spanframe.set_trace_tag(trace_id, "dropped", "1")
    spanframe.delete_trace_tag(trace_id, "dropped")
    root.end()
    assert said(spans.named("root")) == {"kept": "1"}


def test_tags_of_a_trace_whose_root_has_ended_go_to_the_current_span(
    spans: CapturedSpans,
) -> None:
    with spanframe.start_span("root") as root:
        late = spanframe.start_span_no_context("late", parent_span=root)
    with spanframe.tracing.use_span(late):
        spanframe.set_trace_tag(root.trace_id, "kept", "1")
        spanframe.set_trace_tag(root.trace_id, "dropped", "1")
        spanframe.delete_trace_tag(root.trace_id, "dropped")
    late.end()
    assert said(spans.named("late")) == {"kept": "1"}


def test_what_a_child_is_given_for_its_trace_goes_to_the_root(
    spans: CapturedSpans,
) -> None:
    given: Any = {"tags": {"t": "1"}, "metadata": {"m": "2"}}
    with spanframe.start_span("root") as root:
        child = spanframe.start_span_no_context("child", parent_span=root, **given)
    spanframe.start_span_no_context("late", parent_span=child, **given).end()
    child.end()
    for name in ("root", "late"):
        assert said(spans.named(name)) == {"t": "1"}
        assert said(spans.named(name), METADATA) == {"m": "2"}
    assert said(spans.named("child")) == {}
    assert said(spans.named("child"), METADATA) == {}


def test_traces_that_have_ended_are_forgotten(spans: CapturedSpans) -> None:
    for _ in range(100):
        with spanframe.start_span("root"):
            pass
    with spanframe.start_span("open"):
        spans.clear()
        gc.collect()
        assert len(runtime.roots) == 1
