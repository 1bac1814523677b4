"""`docs/querying.md`: its examples run, and every field of the language is in one."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from spanframe_store.contract.fields import FIELDS
from tests.plugins.collector import Collector

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "querying.md").read_text()
CODE = "\n".join(re.findall(r"^```python\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE))


def run(collector: Collector, *words: str) -> str:
    ended = subprocess.run(
        [sys.executable, *words],
        cwd=ROOT,
        env=collector.environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


@pytest.mark.slow
def test_the_examples_run_in_order(collector: Collector) -> None:
    run(collector, "examples/shop_assistant")
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
