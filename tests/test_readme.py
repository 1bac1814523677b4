"""What the README says is what the code does."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

import spanframe
from scripts.readme_tables import with_tables
from spanframe.errors import FilterError
from tests.plugins.collector import Collector

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()


def blocks(language: str) -> list[str]:
    """Return the code blocks of a language, in order."""
    return re.findall(rf"^```{language}\n(.*?)^```$", README, re.DOTALL | re.MULTILINE)


def run(*command: str, environment: dict[str, str]) -> str:
    ended = subprocess.run(
        command, env=environment, capture_output=True, text=True, check=False
    )
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


def test_the_python_blocks_run_in_order(collector: Collector) -> None:
    code = "\n".join(blocks("python"))
    printed = run(sys.executable, "-c", code, environment=collector.environment)
    assert "Which tent is light enough for two?" in printed
    assert "RETRIEVER find_products" in printed


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
    assert len(re.findall(r"\btr-[0-9a-f]{32}\b", "".join(found))) == 1


def test_the_refused_filter_is_drawn_as_shown() -> None:
    (shown,) = blocks("text")
    source = shown.splitlines()[1].strip()
    with pytest.raises(FilterError) as refused:
        spanframe.search_traces(source)
    assert str(refused.value) == shown.rstrip("\n")


def test_the_tables_are_those_of_the_code() -> None:
    differing = set(with_tables(README).splitlines()) ^ set(README.splitlines())
    assert not differing, "run `make readme`"
