"""The log never holds up what is logged, and says once what happens again and again."""

import json
import logging
import os
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest

from spanframe_serving import background_stream, repeats
from spanframe_serving.background_stream import BackgroundStream
from spanframe_serving.repeats import Repeats

FLOOD = """
import logging, sys
from spanframe_serving import repeats
from spanframe_serving.logs import log_to_stderr

repeats._MAX_LINES = 10_000
log_to_stderr(sys.argv[1])
for _ in range(5_000):
    logging.getLogger().info("x" * 1000)
print("through", flush=True)
"""


@pytest.mark.parametrize("log_format", ["text", "json"])
def test_a_pipe_that_nobody_reads_holds_nobody_up(log_format: str) -> None:
    reader, writer = os.pipe()
    ended = subprocess.run(
        [sys.executable, "-c", FLOOD, log_format],
        stdout=subprocess.PIPE,
        stderr=writer,
        timeout=60,
        check=True,
    )
    os.close(writer)
    os.close(reader)
    assert ended.stdout == b"through\n"


def test_what_is_logged_last_is_written_before_the_end() -> None:
    program = (
        "import logging; from spanframe_serving.logs import log_to_stderr as log\n"
        "log('json')\n"
        "for number in range(400): logging.info('line %d', number)\n"
        "logging.info('the last one')\n"
    )
    ended = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, timeout=60, check=True
    )
    said = [json.loads(line)["message"] for line in ended.stderr.splitlines()]
    assert said == [
        *(f"line {number}" for number in range(10)),
        "the last one",
        "line 399 … 390 more in the last minute",
    ]


def test_lines_that_were_dropped_are_counted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(background_stream, "_MAX_QUEUED_TEXTS", 3)
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    stream = BackgroundStream(writer)
    written = [f"{number:0100000}\n" for number in range(10)]
    for text in written:
        stream.write(text)
    got = b""
    while b"were dropped" not in got:
        got += os.read(reader, 1 << 20)
    stream.close()
    *lines, last = got.decode().splitlines(keepends=True)
    assert lines == [text for text in written if text in lines]
    assert last == f"{10 - len(lines)} lines of the log were dropped: nobody read it\n"
    os.close(reader)
    os.close(writer)


class Listed(logging.Handler):
    """Keeps the lines it is given."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(self.format(record))


@pytest.fixture
def listed() -> Iterator[Listed]:
    handler = Listed()
    handler.addFilter(Repeats(handler))
    logger = logging.getLogger("tests.repeats")
    logger.addHandler(handler)
    yield handler
    logger.removeHandler(handler)


def log(text: str, times: int = 1) -> None:
    for _ in range(times):
        logging.getLogger("tests.repeats").warning("%s", text)


def test_lines_of_one_place_are_gathered(
    monkeypatch: pytest.MonkeyPatch, listed: Listed
) -> None:
    monkeypatch.setattr(repeats, "_WINDOW_SECONDS", 0.3)
    log("a", 9)
    log("b", 314)
    logging.getLogger("tests.repeats").warning("elsewhere")
    assert listed.lines == ["a"] * 9 + ["b", "elsewhere"]
    while len(listed.lines) < 12:
        time.sleep(0.01)
    assert listed.lines[-1] == "b … 313 more in the last minute"
    log("c")
    assert listed.lines[-1] == "c"


def test_a_few_lines_each_minute_are_all_written(
    monkeypatch: pytest.MonkeyPatch, listed: Listed
) -> None:
    monkeypatch.setattr(repeats, "_WINDOW_SECONDS", 0.0)
    log("a", 30)
    assert listed.lines == ["a"] * 30


def test_what_is_held_back_holds_nothing_in_memory(listed: Listed) -> None:
    for _ in range(11):
        try:
            int("x")
        except ValueError:
            logging.getLogger("tests.repeats").exception("it failed")
    [gatherer] = listed.filters
    assert isinstance(gatherer, Repeats)
    gatherer.finish()
    assert listed.lines[-1] == "it failed … 1 more in the last minute"
