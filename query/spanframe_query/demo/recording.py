"""The first half of the demo: a collector and an app, in two processes."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from spanframe.errors import SpanframeError

__all__ = ["PartFailedError", "record", "shop", "short"]

MAX_START_SECONDS: Final = 20
"""Maximum time until the collector is ready."""

MAX_STOP_SECONDS: Final = 15
"""Maximum time until the collector has stopped."""


class PartFailedError(SpanframeError):
    """The collector or the app failed; the message names its log."""


def record(folder: Path, store: str, requests: int, console: Console) -> int:
    """Run collector and app until all is stored; return a time in between, epoch ms."""
    console.rule("[bold]1. An app sends its traces to the collector")
    with _collector(folder, store) as address:
        text = f"collector  {address}, writing to {store}\napp        {short(shop())}"
        console.print(text, markup=False, highlight=False, soft_wrap=True)
        begin = time.time()
        _run_app(folder, address, requests, console)
        middle = (begin + time.time()) / 2
    console.print("collector  stopped; everything it accepted is stored\n")
    return int(middle * 1000)


@contextmanager
def _collector(folder: Path, store: str) -> Iterator[str]:
    """Run a collector on a free port, yield its address, and stop it by SIGTERM."""
    ready, log = folder / "collector-ready.json", folder / "collector.log"
    command = [sys.executable, "-m", "spanframe", "collector", "--store", store]
    command += ["--grpc", "127.0.0.1:0", "--http", "off", "--ready-file", str(ready)]
    with log.open("ab") as output:
        process = subprocess.Popen(  # noqa: S603 - our own program
            command,
            stdout=output,
            stderr=output,
            # The app flushes before it ends, so no other span will arrive.
            env=_environment(SPANFRAME_DRAIN_SECONDS="0"),
        )
    try:
        yield _wait_until_ready(process, ready, log)
        process.send_signal(signal.SIGTERM)
        if process.wait(MAX_STOP_SECONDS) != 0:
            raise PartFailedError(f"the collector did not stop cleanly, see {log}")
    except subprocess.TimeoutExpired:
        raise PartFailedError(f"the collector did not stop, see {log}") from None
    finally:
        process.kill()
        process.wait()
        ready.unlink(missing_ok=True)


def _wait_until_ready(
    process: "subprocess.Popen[bytes]", ready: Path, log: Path
) -> str:
    deadline = time.monotonic() + MAX_START_SECONDS
    while not ready.exists():
        if process.poll() is not None or time.monotonic() > deadline:
            raise PartFailedError(f"the collector did not start\n{_tail(log)}")
        time.sleep(0.02)
    return str(json.loads(ready.read_text())["grpc"])


def _run_app(folder: Path, address: str, requests: int, console: Console) -> None:
    """Run the example app to its end, with a bar that counts answered questions."""
    log = folder / "app.log"
    columns = (TextColumn("questions "), BarColumn(), MofNCompleteColumn())
    with (
        log.open("w") as errors,
        Progress(*columns, console=console) as progress,
        subprocess.Popen(  # noqa: S603 - our own program
            [sys.executable, str(shop()), "--requests", str(requests)],
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            env=_environment(SPANFRAME_ENDPOINT=f"http://{address}"),
        ) as app,
    ):
        task = progress.add_task("", total=requests)
        try:
            for line in app.stdout or ():
                if answered := re.match(r"answered (\d+) of", line):
                    progress.update(task, completed=int(answered[1]))
            app.wait()
        finally:
            app.kill()  # an interrupted app would first finish its requests
    if app.returncode != 0:
        raise PartFailedError(f"the app ended with {app.returncode}\n{_tail(log)}")


def _tail(log: Path) -> str:
    """Return the last lines of a log, and its path."""
    lines = log.read_text(errors="replace").splitlines()[-5:]
    return "\n".join([*lines, f"(from {log})"])


def shop() -> Path:
    """Return the folder of the example app, in the installed package or the clone."""
    package, clone = Path(__file__).parents[1], Path(__file__).parents[3]
    for folder in (package / "shop_assistant", clone / "examples/shop_assistant"):
        if folder.is_dir():
            return folder
    raise PartFailedError(
        "the example app shop_assistant is not installed: install spanframe again"
    )


def _environment(**changes: str) -> dict[str, str]:
    """Return the environment of a child, without the user's settings for tracing."""
    inherited = os.environ.items()  # noqa: TID251 - handed on, not read
    settings = ("SPANFRAME_", "OTEL_")
    return {k: v for k, v in inherited if not k.startswith(settings)} | changes


def short(path: Path) -> str:
    """Return a path, relative to the working directory where it is below it."""
    try:
        return str(path.relative_to(Path.cwd()))
    except ValueError:
        return str(path)
