"""A trace as a notebook shows it: any text is text, any shape has an end."""

from html.parser import HTMLParser

from spanframe_query.entities import Trace, TraceData, TraceInfo, TraceState
from spanframe_query.entities.info import location_of
from spanframe_query.entities.waterfall import bars
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
        self.feed(document)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert {name for name, _ in attrs} <= {"style"}
        self.elements.add(tag)

    def handle_data(self, data: str) -> None:
        self.text += data


def test_hostile_names_types_and_ids_are_text() -> None:
    message = otlp_span(name=HOSTILE, attributes={"mlflow.spanType": HOSTILE})
    page = Tags(
        trace(TraceData(stored=[stored_block(message)]), HOSTILE)._repr_html_() or ""
    )
    assert page.elements <= {"div", "b", "code", "table", "tr", "td"}
    assert page.text.count("<script>alert('x')</script>") == 4


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
