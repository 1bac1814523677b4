"""Spans that the client starts and ends by their ids, as callbacks of libraries do."""

from collections.abc import Callable, Iterator

import pytest

import spanframe
from spanframe.client import SpanframeClient
from spanframe.entities import NoOpSpan
from spanframe.errors import InvalidArgumentError, NotFoundError, SpanframeError
from spanframe.testing import CapturedSpans, capture_spans
from spanframe_query import open_spans as module
from spanframe_query.open_spans import OpenSpans, open_spans
from tests.plugins.store import Store

UNKNOWN = "tr-" + "f" * 32


@pytest.fixture
def spans() -> Iterator[CapturedSpans]:
    with capture_spans() as captured:
        yield captured


@pytest.fixture
def client(searched: Store) -> SpanframeClient:
    return SpanframeClient(searched.url)


def test_a_trace_is_recorded_by_its_ids(
    client: SpanframeClient, spans: CapturedSpans
) -> None:
    root = client.start_trace(
        "chat", "AGENT", {"q": 1}, {"k": 2}, {"a": "b"}, "0", 1000, "run-1"
    )
    child = client.start_span("call", root.trace_id, root.span_id, "LLM", "in")
    client.end_span(root.trace_id, child.span_id, "out", {"model": "m"}, "ERROR")
    client.end_span(root.trace_id, child.span_id, "twice")
    late = client.start_span("late", root.trace_id, child.span_id)
    client.end_span(late.trace_id, late.span_id)
    client.end_trace(root.trace_id, "done", end_time_ns=2000)
    assert spans.tree() == "chat\n  call\n    late"
    chat, call = spans.named("chat"), spans.named("call")
    assert (chat.inputs, chat.outputs, chat.span_type) == ({"q": 1}, "done", "AGENT")
    assert (chat.start_time_ns, chat.end_time_ns) == (1000, 2000)
    stated = chat.otel_span.attributes or {}  # type: ignore[union-attr] # it has ended
    assert stated["mlflow.traceTag.a"] == "b"
    assert stated["spanframe.metadata.mlflow.sourceRun"] == "run-1"
    assert (call.outputs, call.get_attribute("model")) == ("out", "m")
    assert call.status.status_code == "ERROR"


def test_a_root_may_end_before_its_children(
    client: SpanframeClient, spans: CapturedSpans
) -> None:
    root = client.start_trace("root")
    child = client.start_span("child", root.trace_id, root.span_id)
    client.end_trace(root.trace_id)
    with pytest.raises(InvalidArgumentError, match="has ended already"):
        client.end_trace(root.trace_id)
    client.end_span(root.trace_id, child.span_id)
    assert spans.names == ["root", "child"]
    assert open_spans.root(root.trace_id) is None


def test_any_span_of_the_current_trace_may_be_the_parent(
    client: SpanframeClient, spans: CapturedSpans
) -> None:
    with (
        spanframe.start_span("outer") as outer,
        spanframe.start_span("middle") as middle,
        spanframe.start_span("inner"),
    ):
        for parent in (outer, middle):
            span = client.start_span("by id", parent.trace_id, parent.span_id)
            client.end_span(span.trace_id, span.span_id)
        with pytest.raises(SpanframeError, match="is recorded here") as refused:
            client.start_trace("another")
        with pytest.raises(InvalidArgumentError, match="is not the id of a span"):
            client.start_span("s", outer.trace_id, "no id")
        client.end_trace(outer.trace_id, "ended by hand")
    assert refused.value.error_code == "BAD_REQUEST"
    assert spans.named("outer").outputs == "ended by hand"
    parents = [s.parent_id for s in spans if s.name == "by id"]
    assert parents == [outer.span_id, middle.span_id]


def test_what_is_not_recorded_here_is_not_found(client: SpanframeClient) -> None:
    with pytest.raises(NotFoundError, match="is recorded in this process"):
        client.start_span("s", UNKNOWN, "f" * 16)
    with pytest.raises(InvalidArgumentError, match="parent_id is missing"):
        client.start_span("s", UNKNOWN, "")
    with pytest.raises(NotFoundError):
        client.end_trace(UNKNOWN)
    client.end_span(UNKNOWN, "f" * 16)


def test_nothing_is_recorded_while_recording_is_off(
    client: SpanframeClient, spans: CapturedSpans
) -> None:
    spanframe.tracing.disable()
    root = client.start_trace("root")
    child = client.start_span("child", root.trace_id, root.span_id)
    assert isinstance(root, NoOpSpan)
    assert isinstance(child, NoOpSpan)
    client.end_span(child.trace_id, child.span_id)
    client.end_trace(root.trace_id)
    spanframe.tracing.enable()
    assert not spans


def test_traces_that_never_end_are_forgotten_the_oldest_first(
    spans: CapturedSpans, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MAX_OPEN_TRACES", 2)
    opened = OpenSpans()
    roots = [spanframe.start_span_no_context(f"root {n}") for n in range(3)]
    for root in roots:
        opened.add(root)
    assert [opened.root(root.trace_id) for root in roots] == [None, *roots[1:]]
    assert not spans


def test_request_id_is_another_name_of_trace_id(
    client: SpanframeClient, spans: CapturedSpans
) -> None:
    assert spanframe.get_trace(request_id=UNKNOWN, silent=True) is None  # type: ignore[call-arg]
    calls: list[Callable[..., object]] = [
        client.get_trace,
        lambda **ids: client.set_trace_tag(key="k", value="v", **ids),
        lambda **ids: client.delete_trace_tag(key="k", **ids),
        lambda **ids: spanframe.set_trace_tag(key="k", value="v", **ids),
        lambda **ids: spanframe.delete_trace_tag(key="k", **ids),
        client.end_trace,
    ]
    for call in calls:
        with pytest.raises(NotFoundError):
            call(request_id=UNKNOWN)
        with pytest.raises(InvalidArgumentError, match="are one argument"):
            call(request_id=UNKNOWN, trace_id=UNKNOWN)
    root = client.start_trace("root")
    span = client.start_span("s", request_id=root.request_id, parent_id=root.span_id)  # type: ignore[call-arg]
    client.end_span(request_id=root.request_id, span_id=span.span_id)  # type: ignore[call-arg]
    client.end_trace(request_id=root.request_id)  # type: ignore[call-arg]
    assert spans.names == ["s", "root"]
