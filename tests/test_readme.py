"""The README says what the code does: its programs run and print what is shown."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

import spanframe
from spanframe.errors import FilterError
from tests.plugins.collector import Collector

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
FIRST_SCREEN = "\n".join(README.splitlines()[:45])


def blocks(language: str) -> list[str]:
    """Return the code blocks of a language, in order."""
    return re.findall(rf"^```{language}\n(.*?)^```$", README, re.DOTALL | re.MULTILINE)


def run(*command: str, environment: dict[str, str]) -> str:
    ended = subprocess.run(
        command, env=environment, capture_output=True, text=True, check=False
    )
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


def without_times(frame: str) -> list[list[str]]:
    """Return the words of a printed frame, its milliseconds left out."""
    head, *rows = (line.split() for line in frame.rstrip("\n").splitlines())
    assert head[0] == "execution_time_ms"
    assert min(int(row.pop(1)) for row in rows) >= 20
    return [head, *rows]


def test_the_python_blocks_run_in_order(collector: Collector) -> None:
    """The first one prints the DataFrame that stands below it."""
    code = "\n".join(blocks("python"))
    printed = run(sys.executable, "-c", code, environment=collector.environment)
    shown = blocks("text")[0]
    frame = "".join(printed.splitlines(keepends=True)[: shown.count("\n")])
    assert without_times(frame) == without_times(shown)
    assert "TOOL price_of {'product':" in printed


def test_the_search_commands_run(collector: Collector) -> None:
    sender, *_ = blocks("python")
    run(sys.executable, "-c", sender, environment=collector.environment)
    lines = "".join(blocks("sh")).splitlines()
    searches = [line for line in lines if line.startswith("spanframe search ")]
    found = [
        run(
            "/bin/sh",
            "-c",
            f"{shlex.quote(sys.executable)} -m {line}",
            environment=collector.environment,
        )
        for line in searches
    ]
    assert [len(re.findall(r"\btr-[0-9a-f]{32}\b", f)) for f in found] == [2, 0]


def test_the_refused_filter_is_drawn_as_shown() -> None:
    shown = blocks("text")[1]
    source = shown.splitlines()[1].strip()
    with pytest.raises(FilterError) as refused:
        spanframe.search_traces(source)
    assert str(refused.value) == shown.rstrip("\n")


def test_the_first_screen_says_what_it_is_and_how_to_begin() -> None:
    assert FIRST_SCREEN.count("```") == 6, (
        "code, its DataFrame and commands, each whole"
    )
    assert "print(found" in FIRST_SCREEN
    assert "make demo" in FIRST_SCREEN
    assert "pip install" in FIRST_SCREEN


def row(page: str, label: str) -> list[str]:
    """Return the other cells of the row of a page's table that begins with a label."""
    assert f"({page}" in FIRST_SCREEN
    found = re.search(rf"^\| {re.escape(label)} \| (.+) \|$", _text(page), re.MULTILINE)
    assert found is not None, label
    return found[1].split(" | ")


def _text(page: str) -> str:
    return (ROOT / page).read_text()


def test_the_figures_are_those_of_the_pages_they_link_to() -> None:
    call, _ = row("docs/performance.md", "spanframe")
    mlflow_call, _ = row("docs/performance.md", "`mlflow.trace`")
    assert f"takes {call} µs" in FIRST_SCREEN
    assert f"{float(mlflow_call):.0f} µs" in FIRST_SCREEN
    ingest = "benchmarks/results/ingest-1000000.md"
    [rate] = row(ingest, "spanframe, spans/s on an empty file")
    assert f"{int(rate.replace(',', '')) // 100 * 100:,} ".replace(",", " ") in README
    ratio = row(ingest, "spans/s against mlflow")[0].removesuffix("x")
    assert f"{float(ratio):.0f} times" in FIRST_SCREEN
    search = _text("benchmarks/results/search-1000000.md").split("| search | rows |")[1]
    medians = [float(m) for m in re.findall(r"at 10 k\) \| ([\d.]+) \|", search)]
    assert len(medians) == 14
    assert f"{min(medians)} to {max(medians)} ms" in FIRST_SCREEN
