"""A trace as a notebook shows it: any text is text, any shape has an end."""

import json
from collections.abc import Callable
from html.parser import HTMLParser
from typing import Any

import pytest

from spanframe_query.entities import Session, Trace, TraceData, TraceInfo, TraceState
from spanframe_query.entities.info import location_of
from spanframe_query.entities.waterfall import bars
from spanframe_query.frame import build_frame
from tests.plugins.sample_spans import otlp_span, stored_block

HOSTILE = "<script>alert('x')</script>\"><img src=x onerror=alert(1)>&amp;"


def trace(data: TraceData, name: str = "answer") -> Trace:
    tags = {"mlflow.traceName": name}
    info = TraceInfo(HOSTILE, location_of(0), 0, TraceState.OK, tags=tags)
    return Trace(info, data)


class Tags(HTMLParser):
    """Collects the elements of a document and its text."""

    def __init__(self, document: str) -> None:
        super().__init__()
        self.elements: set[str] = set()
        self.text = ""
        self.unfolded = 0
        self.feed(document)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert {name for name, _ in attrs} <= {"style", "open"}
        self.elements.add(tag)
        self.unfolded += ("open", None) in attrs

    def handle_data(self, data: str) -> None:
        self.text += data


ELEMENTS = {"div", "span", "b", "code", "pre", "details", "summary"}


def hostile_trace() -> Trace:
    message = otlp_span(
        name=HOSTILE,
        status="ERROR",
        message=HOSTILE,
        attributes={
            "mlflow.spanType": HOSTILE,
            "mlflow.spanInputs": json.dumps({HOSTILE: [HOSTILE]}),
            "mlflow.spanOutputs": json.dumps(HOSTILE),
            "gen_ai.request.model": HOSTILE,
        },
    )
    made = trace(TraceData(stored=[stored_block(message)]), HOSTILE)
    made.info.tags[HOSTILE] = HOSTILE
    made.info.trace_metadata |= {
        "spanframe.error": HOSTILE,
        "mlflow.trace.user": HOSTILE,
        "mlflow.trace.tokenUsage": json.dumps({HOSTILE: 1}),
    }
    return made


DRAWN: dict[str, Callable[[Trace], Any]] = {
    "trace": lambda trace: trace,
    "info": lambda trace: trace.info,
    "span": lambda trace: trace.data.spans[0],
    "session": lambda trace: Session(HOSTILE, [trace]),
    "cell of spans": lambda trace: build_frame([trace])["spans"][0],
    "cell of inputs": lambda trace: build_frame([trace])["request"][0],
    "cell of tags": lambda trace: build_frame([trace])["tags"][0],
}


@pytest.mark.parametrize("name", DRAWN)
def test_everything_in_a_trace_is_text(name: str) -> None:
    page = Tags(DRAWN[name](hostile_trace())._repr_html_())
    assert page.elements <= ELEMENTS
    assert "<script>alert('x')</script>" in page.text
    html = build_frame([hostile_trace()]).to_html()
    assert "<script" not in html
    assert "<img" not in html


def test_a_span_unfolds_into_what_it_did_and_a_failed_one_is_unfolded() -> None:
    usage = {"gen_ai.usage.input_tokens": 3, "gen_ai.request.model": "gpt-x"}
    rows = [
        otlp_span(1, name="root", attributes={"mlflow.spanInputs": '{"q": "ä"}'}),
        otlp_span(1, span=2, parent=1, name="fine", attributes=usage),
        otlp_span(1, span=3, parent=1, name="bad", status="ERROR", message="boom"),
    ]
    page = Tags(trace(TraceData(stored=[stored_block(*rows)]))._repr_html_() or "")
    for text in ('"q": "ä"', '"input_tokens": 3', "gpt-x", "boom"):
        assert text in page.text
    assert page.unfolded == 1
    failed = Tags(TraceData(stored=[stored_block(rows[2])]).spans[0]._repr_html_())
    assert "boom" in failed.text


def test_a_session_is_a_dialogue_whose_failures_are_unfolded() -> None:
    says = {"mlflow.spanInputs": '"hi"', "mlflow.spanOutputs": '"hello"'}
    traces = [
        trace(TraceData(stored=[stored_block(otlp_span(n, attributes=says))]))
        for n in range(1, 53)
    ]
    traces[1].info.trace_metadata["spanframe.error"] = "boom"
    page = Tags(Session("s1", traces)._repr_html_())
    assert "s1 52 traces" in page.text
    assert page.text.count("hello") == 50
    assert "… and 2 more traces" in page.text
    assert page.unfolded == 1


def test_a_long_value_is_cut() -> None:
    span = otlp_span(attributes={"mlflow.spanInputs": json.dumps("x" * 100_000)})
    drawn = TraceData(stored=[stored_block(span)]).spans[0]._repr_html_()
    assert len(drawn) < 4000


def test_a_changed_cell_of_spans_is_still_drawn() -> None:
    cell = build_frame([hostile_trace()])["spans"][0]
    cell.append({"name": "own"})
    assert "own" in Tags(cell._repr_html_()).text


def test_children_stand_below_their_parent_by_start() -> None:
    rows = [
        stored_block(otlp_span(span=1, name="root", duration_ms=100)),
        stored_block(
            otlp_span(span=2, parent=1, name="b", start_ms=50, duration_ms=25)
        ),
        stored_block(otlp_span(span=3, parent=1, name="a", start_ms=10)),
        stored_block(otlp_span(span=4, parent=3, name="a1", start_ms=60)),
    ]
    lines = bars(TraceData(stored=rows).spans)
    assert [(line.span.name, line.depth) for line in lines] == [
        ("root", 0),
        ("a", 1),
        ("a1", 2),
        ("b", 1),
    ]
    assert (lines[3].offset, lines[3].width) == (0.5, 0.25)


def test_a_span_without_its_parent_stands_at_the_top() -> None:
    rows = [
        stored_block(otlp_span(span=1, name="root")),
        stored_block(otlp_span(span=2, parent=77, name="lost", start_ms=1)),
    ]
    lines = bars(TraceData(stored=rows).spans)
    assert [(line.span.name, line.depth) for line in lines] == [
        ("root", 0),
        ("lost", 0),
    ]


def test_a_circle_of_parents_is_shown_once() -> None:
    rows = [
        stored_block(otlp_span(span=1, parent=2, name="one")),
        stored_block(otlp_span(span=2, parent=1, name="two", start_ms=1)),
        stored_block(otlp_span(span=3, parent=3, name="self", start_ms=2)),
    ]
    lines = bars(TraceData(stored=rows).spans)
    assert sorted(line.span.name for line in lines) == ["one", "self", "two"]


def test_a_thousand_deep_chain_is_laid_out() -> None:
    rows = [stored_block(otlp_span(span=n + 1, parent=n)) for n in range(1500)]
    assert bars(TraceData(stored=rows).spans)[-1].depth == 1499


def test_a_long_trace_counts_the_rest() -> None:
    rows = [stored_block(otlp_span(span=n + 1)) for n in range(250)]
    page = Tags(trace(TraceData(stored=rows))._repr_html_() or "")
    assert "… and 50 more spans" in page.text


def test_a_trace_without_spans_is_shown() -> None:
    assert "answer" in Tags(trace(TraceData())._repr_html_() or "").text
