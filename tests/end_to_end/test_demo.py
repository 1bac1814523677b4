"""`spanframe demo`, as a newcomer sees it."""

import os
import re
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest

COLUMNS = [
    *("request_id", "trace", "timestamp_ms", "status", "execution_time_ms"),
    *("request", "response", "request_metadata", "spans", "tags"),
]
DEMO = [sys.executable, "-m", "spanframe", "demo"]
START_SECONDS = 60


@pytest.mark.slow
def test_the_demo_prints_frames_and_commands_that_work(tmp_path: Path) -> None:
    environment = os.environ | {"COLUMNS": "120", "HOME": str(tmp_path)}
    of_the_user = {"SPANFRAME_EXPERIMENT": "mine", "OTEL_SDK_DISABLED": "true"}
    ended = subprocess.run(
        [*DEMO, "--requests", "120"],
        cwd=tmp_path,
        env=environment | of_the_user,
        capture_output=True,
        text=True,
        check=False,
    )

    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert ended.stderr == ""
    for column in COLUMNS:
        assert re.search(rf"\b{column}\b", ended.stdout), column
    assert "120 rows, 10 columns" in ended.stdout
    assert " 0 rows" not in ended.stdout
    _, _, proposed = ended.stdout.partition("\nexport ")
    export, search = f"export {proposed}".splitlines()[:2]
    found = subprocess.check_output(
        ["/bin/sh", "-c", f"{export}\n{search}"],
        cwd=tmp_path,
        env=environment,
        text=True,
    )
    assert "tr-" in found


def traces_in(store: Path) -> int:
    """Return how many traces a store has, which may not be there yet."""
    try:
        with closing(sqlite3.connect(f"file:{store}?mode=ro", uri=True)) as connection:
            [[count]] = connection.execute("SELECT count(*) FROM traces")
    except sqlite3.OperationalError:
        return 0
    return int(count)


@pytest.mark.slow
def test_ctrl_c_ends_the_demo_and_what_it_started(tmp_path: Path) -> None:
    # A shell that started this in the background has it ignored, by children as well.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    demo = subprocess.Popen(
        [*DEMO, "--folder", str(tmp_path), "--requests", "5000"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        process_group=0,
    )
    # Not at the first sign of the app: before its start returns, nobody can end it.
    deadline = time.monotonic() + START_SECONDS
    while not traces_in(tmp_path / "spanframe.db"):
        assert time.monotonic() < deadline
        time.sleep(0.05)

    os.killpg(demo.pid, signal.SIGINT)  # as a terminal does
    printed, _ = demo.communicate(timeout=START_SECONDS)

    assert demo.returncode == 130
    assert "Interrupted" in printed
    assert "Traceback" not in printed
    with pytest.raises(ProcessLookupError):
        os.killpg(demo.pid, 0)
