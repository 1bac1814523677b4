"""Other tracing libraries: on their own provider, on ours, on a shared one."""

import json

import pytest
from opentelemetry.context import Context
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import Tracer, use_span

import spanframe
from tests.plugins import programs
from tests.plugins.otlp_sink import OtlpSink


@pytest.fixture
def kept() -> InMemorySpanExporter:
    """Where the spans of the other provider go."""
    return InMemorySpanExporter()


@pytest.fixture
def other(kept: InMemorySpanExporter) -> Tracer:
    """A tracer of a provider that is not ours, as an app's global one."""
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(kept))
    return provider.get_tracer("other")


@spanframe.trace
def work() -> str | None:
    spanframe.update_current_trace(tags={"said": "inside"})
    return spanframe.get_active_trace_id()


def test_spans_of_both_providers_nest_in_both_directions(
    sink: OtlpSink, other: Tracer, kept: InMemorySpanExporter
) -> None:
    with (
        other.start_as_current_span("theirs outside"),
        spanframe.start_span("ours"),
        other.start_as_current_span("theirs inside"),
    ):
        work()
    spanframe.flush()
    theirs = {s.name: s for s in kept.get_finished_spans()}
    outside, inside = theirs["theirs outside"], theirs["theirs inside"]
    assert outside.context is not None
    assert inside.context is not None
    assert inside.parent is not None
    ours, innermost = sink.span("ours"), sink.span("work")
    assert ours.parent_id == f"{outside.context.span_id:016x}"
    assert f"{inside.parent.span_id:016x}" == ours.span_id
    assert innermost.parent_id == f"{inside.context.span_id:016x}"
    assert {ours.trace_id, innermost.trace_id} == {f"{outside.context.trace_id:032x}"}


def test_each_providers_spans_go_to_its_own_exporter(
    sink: OtlpSink, other: Tracer, kept: InMemorySpanExporter
) -> None:
    with other.start_as_current_span("theirs"):
        work()
    spanframe.flush()
    assert [s.name for s in sink.spans] == ["work"]
    assert [s.name for s in kept.get_finished_spans()] == ["theirs"]


def test_facts_of_the_trace_stay_on_spans_that_reach_our_collector(
    sink: OtlpSink, other: Tracer, kept: InMemorySpanExporter
) -> None:
    with other.start_as_current_span("theirs"):
        assert spanframe.get_current_active_span() is None
        with spanframe.start_span("ours"), other.start_as_current_span("theirs inside"):
            work()
    spanframe.flush()
    key = "mlflow.traceTag.said"
    assert [s.name for s in sink.spans if key in s.attributes] == ["ours"]
    assert all(key not in (s.attributes or {}) for s in kept.get_finished_spans())


def test_a_trace_of_another_provider_inside_ours_is_no_part_of_it(
    sink: OtlpSink, other: Tracer
) -> None:
    with spanframe.start_span("ours"):
        elsewhere = other.start_span("a trace of its own", context=Context())
        with use_span(elsewhere, end_on_exit=True):
            work()
    spanframe.flush()
    assert sink.span("work").trace_id != sink.span("ours").trace_id
    assert sink.span("work").attributes["mlflow.traceTag.said"] == "inside"


def test_an_instrumentor_on_our_provider_makes_children_and_parents_of_ours(
    sink: OtlpSink,
) -> None:
    tracer = spanframe.tracing.get_tracer_provider().get_tracer("instrumentor")
    with tracer.start_as_current_span("their root"):
        current = spanframe.get_current_active_span()
        assert current is not None
        assert current.name == "their root"
        with spanframe.start_span("ours"), tracer.start_as_current_span("their leaf"):
            spanframe.update_current_span(inputs={"q": 1})
            assert work() == current.trace_id
    spanframe.flush()
    root, ours, leaf = (sink.span(n) for n in ("their root", "ours", "their leaf"))
    assert ours.parent_id == root.span_id
    assert leaf.parent_id == ours.span_id
    assert sink.span("work").parent_id == leaf.span_id
    assert root.attributes["mlflow.traceTag.said"] == "inside"
    assert json.loads(leaf.attributes["mlflow.spanInputs"]) == {"q": 1}
    assert leaf.scope == "instrumentor"


def test_an_instrumentor_records_nothing_where_recording_is_switched_off(
    sink: OtlpSink,
) -> None:
    tracer = spanframe.tracing.get_tracer_provider().get_tracer("instrumentor")
    spanframe.tracing.disable()
    with tracer.start_as_current_span("while disabled"):
        pass
    spanframe.tracing.enable()
    with (
        spanframe.tracing.context(enabled=False),
        tracer.start_as_current_span("in a silent block"),
    ):
        pass
    with tracer.start_as_current_span("recorded"):
        pass
    assert spanframe.flush()
    assert [s.name for s in sink.spans] == ["recorded"]


def test_a_provider_taken_before_configure_still_delivers(sink: OtlpSink) -> None:
    tracer = spanframe.tracing.get_tracer_provider().get_tracer("instrumentor")
    spanframe.configure(experiment="later")
    with tracer.start_as_current_span("theirs"):
        work()
    spanframe.flush()
    assert sink.span("work").parent_id == sink.span("theirs").span_id


def test_the_global_provider_can_be_used_instead(sink: OtlpSink) -> None:
    code = """
    from opentelemetry import trace
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import (
        InMemorySpanExporter,
    )
    kept = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(kept))
    trace.set_tracer_provider(provider)
    spanframe.configure(use_global_provider=True)
    with trace.get_tracer("app").start_as_current_span("request"):
        work(1)
        spanframe.update_current_trace(tags={"a": "b"})
    (inner, outer) = kept.get_finished_spans()
    print(inner.name, inner.attributes["mlflow.spanInputs"], outer.attributes)
    assert inner.parent.span_id == outer.context.span_id
    """
    printed = programs.run(code, sink.endpoint)
    assert printed == "work {\"x\": 1} {'mlflow.traceTag.a': 'b'}\n"
    assert sink.spans == []


def test_a_global_provider_that_is_not_set_up_is_told_and_counted(
    sink: OtlpSink,
) -> None:
    code = """
    import logging
    logging.basicConfig(stream=sys.stdout, format="%(message)s")
    spanframe.configure(use_global_provider=True)
    print(work(7), work(8))
    print(spanframe.stats().unrecorded, spanframe.stats().lost)
    """
    first, *between, last = programs.run(code, sink.endpoint).splitlines()
    assert "1 not recorded (last: no global provider is set up)" in first
    assert (between, last) == (["7 8"], "2 2")


def test_processors_of_the_global_provider_that_may_drop_spans_are_told(
    sink: OtlpSink,
) -> None:
    code = """
    import logging
    from opentelemetry import trace
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor, SimpleSpanProcessor
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import (
        InMemorySpanExporter,
    )

    class Choosy(BatchSpanProcessor):
        def on_end(self, span):
            pass

    logging.basicConfig(stream=sys.stdout, format="%(message)s")
    spanframe.configure(use_global_provider=True)
    provider = TracerProvider()
    trace.set_tracer_provider(provider)
    work(1)
    spanframe._guard.forget_warnings()
    spanframe.tracing.reset()
    spanframe.configure(use_global_provider=True)
    provider.add_span_processor(Choosy(InMemorySpanExporter()))
    work(1), work(2)
    print(spanframe.stats().handed_over, spanframe.stats().lost)
    spanframe._guard.forget_warnings()
    spanframe.tracing.reset()
    spanframe.configure(use_global_provider=True)
    provider.add_span_processor(SimpleSpanProcessor(InMemorySpanExporter()))
    work(1)
    """
    none, choosy, count = programs.run(code, sink.endpoint).splitlines()
    assert "which has no processor: they are lost." in none
    assert "whose processors may drop them: Choosy." in choosy
    assert count == "2 0"
