"""`benchmarks/overhead.py` runs and compares what it says it compares."""

import subprocess
import sys
from pathlib import Path

import pytest

BENCHMARK = Path(__file__).parents[2] / "benchmarks" / "overhead.py"


@pytest.mark.slow
@pytest.mark.deep
def test_the_overhead_benchmark_prints_its_table() -> None:
    command = [sys.executable, str(BENCHMARK), "--rounds", "1", "--calls", "5"]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert "Traceback" not in ended.stderr, ended.stderr
    for subject in ("OpenTelemetry", "spanframe", "mlflow.trace"):
        assert f"| {subject}, root |" in ended.stdout
        assert f"| {subject}, child |" in ended.stdout
    assert "import spanframe" in ended.stdout
