"""Spans that are started by hand."""

import contextlib
from typing import Any

from tests.differential.seen import Seen, span_view, trace_view

LINKED = "tr-" + "ab" * 16


def blocks(mlflow: Any, seen: Seen) -> None:
    """Blocks, nested, with everything set on them."""
    with mlflow.start_span("outer", span_type="CHAIN", attributes={"k": "v"}) as outer:
        outer.set_inputs({"q": "where?"})
        with mlflow.start_span("inner", description="looks") as inner:
            inner.set_span_type("RETRIEVER")
            inner.set_attributes({"x": 1, "y": [1, 2]})
            inner.set_outputs(["tent"])
        outer.set_outputs("there")
        seen["live"] = {
            "current": mlflow.get_current_active_span().name,
            "inputs": outer.inputs,
            "outputs": outer.outputs,
            "type": inner.span_type,
            "x": inner.get_attribute("x"),
            "same trace": inner.trace_id == outer.trace_id,
            "parent": inner.parent_id == outer.span_id,
            "request_id": outer.request_id == outer.trace_id,
        }
    seen["blocks"] = trace_view(seen.trace())
    seen["outside"] = mlflow.get_current_active_span()
    with contextlib.suppress(KeyError), mlflow.start_span("fails"):
        raise KeyError("gone")
    seen["fails"] = trace_view(seen.trace())
    with mlflow.start_span():
        pass
    seen["unnamed"] = trace_view(seen.trace())


def without_context(mlflow: Any, seen: Seen) -> None:
    """Spans that are never current: parents, times, ends."""
    start = 1_700_000_000_000_000_000
    root = mlflow.start_span_no_context(
        "root",
        span_type="AGENT",
        inputs={"q": 1},
        attributes={"a": True},
        tags={"env": "test"},
        metadata={"release": "7"},
        start_time_ns=start,
    )
    child = mlflow.start_span_no_context("child", parent_span=root, inputs=None)
    seen["current"] = mlflow.get_current_active_span()
    child.end(outputs=[1], attributes={"b": 2.5}, status="ERROR")
    root.end(outputs={"a": 1}, end_time_ns=start + 5_000_000)
    trace = seen.trace(root.trace_id)
    seen["trace"] = trace_view(trace)
    seen["duration"] = trace.info.execution_duration
    seen["times"] = [root.start_time_ns, root.end_time_ns]
    late = mlflow.start_span_no_context("parent")
    inner = mlflow.start_span_no_context("outlives", parent_span=late)
    late.end()
    inner.end()
    seen["root ends first"] = trace_view(seen.trace(late.trace_id))


def statuses(mlflow: Any, seen: Seen) -> None:
    """Statuses, and those that do not exist."""
    entities = mlflow.entities
    with mlflow.start_span("a") as a:
        seen.attempt("unknown", lambda: a.set_status("NOPE"), "NOPE", "UNSET")
        a.set_status("ERROR")
    with mlflow.start_span("b") as b:
        b.set_status(entities.SpanStatus(entities.SpanStatusCode.ERROR, "why"))
        b.record_exception("a text")
    with mlflow.start_span("c") as c:
        c.set_status("UNSET")
    with mlflow.start_span("d") as d:
        seen.attempt("record a number", lambda: d.record_exception(123))
        d.record_exception(ValueError("recorded"))
    seen.flush()
    for span in (a, b, c, d):
        seen[span.name] = trace_view(seen.trace(span.trace_id))
    seen.attempt("SpanStatus", lambda: entities.SpanStatus("NOPE"), "NOPE")
    seen.attempt("status of a text", lambda: entities.SpanStatus("OK").status_code)


def events(mlflow: Any, seen: Seen) -> None:
    """Events with attributes of every kind."""
    event = mlflow.entities.SpanEvent
    with mlflow.start_span("s") as span:
        span.add_event(event("plain"))
        span.add_event(event("with", attributes={"t": "x", "n": 1, "l": [1, 2]}))
        span.add_event(event("deep", attributes={"d": {"a": [1, "b"]}}))
        span.add_event(event("at", timestamp=1_700_000_000_000_000_000))
    trace = seen.trace()
    seen["events"] = span_view(trace.data.spans[0])["events"]
    seen["times"] = [each.timestamp for each in trace.data.spans[0].events]


def links(mlflow: Any, seen: Seen) -> None:
    """Links, also those that cannot be read."""
    link = mlflow.entities.Link
    good = link(LINKED, "cd" * 8)
    bad = link("tr-zz", "x")

    @mlflow.trace(links=[bad, good])
    def decorated() -> int:
        return 1

    decorated()
    seen["decorated"] = trace_view(seen.trace())
    with mlflow.start_span("block", links=[good, {"trace_id": "x"}]) as span:
        span.add_link(link(LINKED, "ef" * 8, {"why": "same user"}))
        seen.attempt("add", lambda: span.add_link(bad))
        seen.attempt("add a dictionary", lambda: span.add_link({"trace_id": 1}))
    seen["block"] = trace_view(seen.trace())
    seen["attributes"] = good.attributes


def levels(mlflow: Any, seen: Seen) -> None:
    """Log levels: by type, given, and of a span that failed."""

    def level_of(**given: Any) -> Any:
        with mlflow.start_span("s", **given):
            pass
        return seen.trace().data.spans[0].log_level

    for kind in ("LLM", "TOOL", "CHAIN", "UNKNOWN", "AGENT", "mine"):
        seen[f"of {kind}"] = level_of(span_type=kind)
    seen["given"] = level_of(log_level="warning")
    seen["number"] = level_of(log_level=50)
    seen.attempt("unknown", lambda: level_of(log_level="loud"), "loud")
    with contextlib.suppress(ValueError), mlflow.start_span("s"):
        raise ValueError
    seen["failed"] = seen.trace().data.spans[0].log_level


def names_twice(mlflow: Any, seen: Seen) -> None:
    """Spans of the same name keep it."""
    with mlflow.start_span("root"):
        for number in range(3):
            with mlflow.start_span("same") as span:
                span.set_outputs(number)
    trace = seen.trace()
    seen["names"] = [span.name for span in trace.data.spans]
    seen["intermediate"] = trace.data.intermediate_outputs
