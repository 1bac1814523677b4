"""A trace of any depth and width is printed in proportion to its size."""

import io
import json
import time
from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pytest
from rich.console import Console

from spanframe_query import drawing
from spanframe_query.arrow import PLAIN_COLUMNS, build_table
from spanframe_query.entities import Session, SpanDicts, Trace, TraceInfo, TraceState
from spanframe_query.entities.info import location_of
from spanframe_query.frame import build_frame
from spanframe_query.layouts import LAYOUTS
from spanframe_store.contract.results import SpanBlock
from tests.plugins.sample_spans import otlp_span, request_id, stored_block

DEPTH = 3000
INPUTS, OUTPUTS = "mlflow.spanInputs", "mlflow.spanOutputs"
SENSE = 100
"""Levels of a JSON text that are decoded."""


def made(stored: list[SpanBlock], **fields: Any) -> Trace:
    info = TraceInfo(request_id(1), location_of(0), 0, TraceState.OK, **fields)
    return Trace(info, stored=stored)


def blocks(spans: int, parent_of: Callable[[int], int]) -> list[SpanBlock]:
    made = [otlp_span(span=n, parent=parent_of(n)) for n in range(1, spans + 1)]
    return [stored_block(*made[n : n + 1000]) for n in range(0, spans, 1000)]


@pytest.fixture(scope="module")
def chain() -> list[SpanBlock]:
    return blocks(DEPTH, lambda n: n - 1)


@pytest.fixture(scope="module")
def fan() -> list[SpanBlock]:
    return blocks(DEPTH, lambda n: int(n > 1))


def printed(trace: Trace) -> str:
    drawn = io.StringIO()
    Console(file=drawn, width=100, highlight=False).print(drawing.tree(trace))
    return drawn.getvalue()


OUTPUT: dict[str, Callable[[Trace], object]] = {
    "terminal": printed,
    "html": Trace._repr_html_,
    "json": lambda trace: trace.to_json(pretty=True),
    "repr": lambda trace: repr(trace.data),
    "round trip": lambda trace: Trace.from_json(trace.to_json()) == trace,
    "intermediate outputs": lambda trace: trace.data.intermediate_outputs,
    "frame": lambda trace: repr(build_frame([trace], layout="v3")),
    "frame in a notebook": lambda trace: build_frame([trace]).to_html(),
    "arrow": lambda trace: build_table([trace], PLAIN_COLUMNS["v3"]),
    "session": lambda trace: [repr(each) for each in Session("s", [trace])],
}


@pytest.mark.parametrize("name", OUTPUT)
@pytest.mark.parametrize("shape", ["chain", "fan"])
def test_every_output_takes_time_in_proportion(
    request: pytest.FixtureRequest, shape: str, name: str
) -> None:
    """Some µs a span; the square of the depth, or of the width, would be minutes."""
    trace = made(request.getfixturevalue(shape))
    begun = time.process_time()
    OUTPUT[name](trace)
    assert time.process_time() - begun < 3


@pytest.mark.parametrize("shape", ["chain", "fan"])
def test_a_terminal_is_told_what_is_left_out(
    request: pytest.FixtureRequest, shape: str
) -> None:
    tags = {f"tag{n}": "v" for n in range(105)} | {"mlflow.traceName": "work"}
    lines = printed(made(request.getfixturevalue(shape), tags=tags)).splitlines()
    assert lines[-1] == "… 2,000 more spans: --output json has all"
    assert "…: 5 more tags: --output json has all" in lines
    assert len([line for line in lines if "work" in line]) == 1 + 1000


def test_a_span_deeper_than_the_indent_states_its_level(chain: list[SpanBlock]) -> None:
    lines = [line for line in printed(made(chain)).splitlines() if "work" in line]
    assert lines[12].startswith("  " * 12 + "work ")
    assert lines[13].startswith("  " * 12 + "[level 13] work ")
    page = made(chain)._repr_html_() or ""
    assert "margin-left:168px'" in page
    assert ">[level 199] work<" in page
    assert "… and 2800 more spans" in page


def test_a_cell_of_spans_prints_the_first_and_counts_the_rest() -> None:
    cell = SpanDicts(made(blocks(12, lambda n: n - 1)))
    first = ", ".join(repr(cell[n]) for n in range(10))
    assert repr(cell) == f"[{first}, … and 2 more spans]"
    short = SpanDicts(made(blocks(10, lambda n: n - 1)))
    assert repr(short) == repr(list(short))


def test_a_short_trace_is_shown_whole() -> None:
    text = printed(made(blocks(3, lambda n: n - 1), tags={"env": "prod"}))
    assert "more" not in text
    assert text.splitlines()[1] == "env: prod"


def test_two_bodies_under_each_id_are_told_apart_in_time() -> None:
    """Both of a span that has not ended, say: a digest of each is compared."""
    versions = [
        [otlp_span(span=n, name=name, duration_ms=None) for n in range(1, 3001)]
        for name in ("first", "second")
    ]
    trace = made([stored_block(*spans) for spans in versions])
    begun = time.process_time()
    assert len(trace.data.spans) == 3000
    assert time.process_time() - begun < 1


# --- depth inside of a value ----------------------------------------------------------


def nested(depth: int, brackets: str = "[]") -> str:
    return brackets[0] * depth + brackets[1] * depth


@pytest.mark.parametrize("depth", [SENSE + 1, *range(860, 1010, 7), 100_000])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_value_nested_too_deep_to_print_is_its_text(depth: int, layout: str) -> None:
    """Python decodes some levels more than it can print, write or compare."""
    inputs = nested(depth)
    outputs = f'{{"a": {nested(depth)}}}'
    root = otlp_span(attributes={INPUTS: inputs, OUTPUTS: outputs})
    usage = f'{{"a": {nested(depth)}}}'
    trace = made([stored_block(root)], trace_metadata={"mlflow.trace.cost": usage})
    frame = build_frame([trace], layout=layout)
    [row] = frame.to_dict("records")
    request, response = list(row)[-2:] if layout == "tidy" else ("request", "response")
    assert (row[request], row[response]) == (inputs, outputs)
    assert repr(frame)
    assert frame.to_html()
    table: pa.Table = build_table([trace], PLAIN_COLUMNS[layout])
    assert json.loads(table[request][0].as_py()) == inputs
    [span] = trace.data.spans
    assert (span.inputs, span.outputs) == (inputs, outputs)
    assert repr(span.attributes)
    assert Trace.from_json(trace.to_json()) == trace
    assert trace.info.cost is None
    assert printed(trace)


def test_a_value_as_deep_as_makes_sense_is_decoded() -> None:
    root = otlp_span(attributes={INPUTS: nested(SENSE), OUTPUTS: "[[1]]"})
    trace = made([stored_block(root)])
    assert trace.data.root_values().inputs == json.loads(nested(SENSE))
    assert trace.data.spans[0].inputs == json.loads(nested(SENSE))
    many = json.dumps([[{}]] * SENSE)
    root = otlp_span(attributes={INPUTS: many, OUTPUTS: json.dumps("[" * 200)})
    values = made([stored_block(root)]).data.root_values()
    assert (values.inputs, values.outputs) == (json.loads(many), "[" * 200)
