"""`docs/instrumenting.md`: its examples run, its tables are those of the code."""

import dataclasses
import inspect
import re
from pathlib import Path

import spanframe
from spanframe._stats import Stats
from tests.plugins import programs
from tests.plugins.otlp_sink import OtlpSink

PAGE = (Path(__file__).parents[2] / "docs" / "instrumenting.md").read_text()


def test_the_examples_run_in_order(sink: OtlpSink) -> None:
    blocks = re.findall(r"^```python\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
    code = "\n".join(blocks)
    printed = programs.run(code, sink.endpoint)
    assert "The  blue  tent." in printed
    assert "theirs" in printed
    named = {s.name for s in sink.spans}
    assert named >= {"search", "rank", "reply", "checkout", "job", "step", "answer"}
    assert sink.span("login").attributes["mlflow.spanInputs"] == (
        '{"name": "ada", "password": "[redacted]"}'
    )
    sent = b"".join(request.SerializeToString() for request in sink.requests)
    assert b"hunter2" not in sent
    assert b"s3cret" not in sent
    assert b"ada@example.com" not in sent


def test_the_arguments_of_trace_are_all_described() -> None:
    arguments = set(inspect.signature(spanframe.trace).parameters) - {"func"}
    rows = [line for line in PAGE.splitlines() if line.startswith("| `")]
    described = {name for row in rows for name in re.findall(r"`(\w+)`", row)}
    assert arguments <= described


def test_the_counts_of_stats_are_all_described() -> None:
    for field in dataclasses.fields(Stats):
        assert f"| `{field.name}` |" in PAGE
