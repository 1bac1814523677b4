"""The pages on searches: examples run, and every field of the language is in one."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from spanframe_store.contract.fields import FIELDS
from tests.plugins.collector import Collector

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "querying.md").read_text()


def code_of(page: str) -> str:
    blocks = re.findall(r"^```python\n(.*?)^```$", page, re.DOTALL | re.MULTILINE)
    return "\n".join(blocks)


CODE = code_of(PAGE)


def run(collector: Collector, *words: str, folder: Path = ROOT) -> str:
    ended = subprocess.run(
        [sys.executable, *words],
        cwd=folder,
        env=collector.environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


@pytest.mark.slow
def test_the_examples_run_in_order(collector: Collector, tmp_path: Path) -> None:
    run(collector, "examples/shop_assistant")
    recipes = code_of((ROOT / "docs" / "pandas.md").read_text())
    printed = run(collector, "-c", recipes, folder=tmp_path)
    for said in ("error_rate", "PaymentDeclinedError", "timestamp[ns, tz=UTC]"):
        assert said in printed
    printed = run(collector, "-c", CODE)
    counts = {
        question: int(count)
        for count, question in re.findall(
            r"^ *(\d+) traces: (.+)$", printed, re.MULTILINE
        )
    }
    assert len(counts) == 23
    nothing = [question for question, count in counts.items() if count == 0]
    assert nothing == [
        "request_id IN ('tr-00000000000000000000000000000000')",
        "client_request_id = 'order-7'",
    ]


def test_every_field_is_in_an_example() -> None:
    missing = [
        row.names[0]
        for row in FIELDS
        if not any(name.partition("<")[0] in CODE for name in row.names)
    ]
    assert missing == []
