"""Drills on what is read: traces that are deep, and wide."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from opentelemetry.proto.trace.v1.trace_pb2 import Span
from typer.testing import CliRunner

import spanframe
from spanframe._runtime import runtime
from spanframe_query.cli import app
from spanframe_query.stores import close_stores
from tests.drills.promises import Promise, Result, Scale, drill
from tests.plugins.collector import Collector
from tests.plugins.exports import export_at_last
from tests.plugins.otlp import TRACE, request, span

_BATCH: Final = 5000

READ: Final = (
    Promise("processor time of `spanframe get`", 10.0, "s"),
    Promise("of `spanframe get --output json`", 20.0, "s"),
    Promise("of a search, its DataFrame and its HTML", 20.0, "s"),
    Promise("spans that are not in the JSON", 0),
)


@drill("trace-deep", "a trace whose every span is the parent of the next", *READ)
def trace_deep(scale: Scale, folder: Path) -> Result:
    return read(folder, scale.pick(1500, 10_000), lambda n: n - 1)


@drill("trace-wide", "a trace whose root is the parent of all", *READ)
def trace_wide(scale: Scale, folder: Path) -> Result:
    return read(folder, scale.pick(1500, 50_000), lambda _: 1)


def read(folder: Path, spans: int, parent_of: Callable[[int], int]) -> Result:
    """Store one trace and read it in every way."""
    with Collector.running(folder) as collector:
        made = spans_of(spans, parent_of)
        batches = [made[at : at + _BATCH] for at in range(0, spans, _BATCH)]
        for batch in batches:
            export_at_last(collector.target, request(*batch).SerializeToString())
        get = ["get", f"tr-{TRACE.hex()}", "--store", collector.store]
        terminal, drawn = run(get)
        assert "more spans" in drawn.splitlines()[-1]
        in_json, written = run([*get, "--output", "json"])
        found = written.count('"span_id"')
        begun = time.process_time()
        search(collector.store, spans)
        searched = time.process_time() - begun
    return Result(f"{spans:,} spans", (terminal, in_json, searched, spans - found))


def run(words: list[str]) -> tuple[float, str]:
    """Run a command of `spanframe`; return its processor time and what it printed."""
    begun = time.process_time()
    done = CliRunner().invoke(app, words, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return time.process_time() - begun, done.output


def search(store: str, spans: int) -> None:
    """Search the trace, and show what is found in each way."""
    try:
        spanframe.configure(store=store)
        [trace] = spanframe.search_traces(return_type="list")
        assert "more spans" in (trace._repr_html_() or "")
        frame = spanframe.search_traces()
        assert len(frame["spans"][0]) == spans
        assert repr(frame)
        assert frame.to_html()
        assert len(spanframe.search_traces(return_type="arrow")) == 1
    finally:
        close_stores()
        runtime.reset()


def spans_of(count: int, parent_of: Callable[[int], int]) -> list[Span]:
    attributes = {"mlflow.spanInputs": '{"question": "why?"}', "mlflow.spanType": "LLM"}

    def each() -> Iterator[Span]:
        for n in range(1, count + 1):
            parent = parent_of(n) if n > 1 else None
            yield span(n, parent=parent, attributes=attributes)

    return list(each())
