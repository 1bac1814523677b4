"""``spanframe demo``: an app, the collector and a few searches, end to end.

Everything is real: the collector and the app are processes of their own, spans go over
the wire, and the searches read the store the collector wrote.
"""

import json
import os
import re
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, NamedTuple

import pandas as pd
from rich.console import Console
from rich.markup import escape
from rich.panel import Panel
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

import spanframe
from spanframe.errors import SpanframeError

__all__ = ["run_demo"]

START_SECONDS: Final = 20
STOP_SECONDS: Final = 15
SHOWN_ROWS: Final = 5


class Search(NamedTuple):
    """One search of the demo; without ``columns`` all of them are shown."""

    question: str
    filter: str
    columns: tuple[str, ...] = ()


BRIEF: Final = ("request_id", "status", "execution_time_ms", "request", "response")
SLOW: Final = "attributes.execution_time_ms > 350"


def searches(middle_ms: int) -> tuple[Search, ...]:
    """Return what a user would ask; ``middle_ms`` is a moment in the run, epoch ms."""
    return (
        Search("Every trace, all columns", ""),
        Search("What failed?", "attributes.status = 'ERROR'", BRIEF),
        Search("What was slow?", SLOW, BRIEF),
        Search(
            "What failed in production?",
            "tags.environment = 'production' AND attributes.status = 'ERROR'",
            (*BRIEF[:3], "tags"),
        ),
        Search(
            "What did Alice ask?",
            "metadata.`mlflow.trace.user` = 'alice@example.com'",
            (*BRIEF[:4], "request_metadata"),
        ),
        Search(
            "Version 2 with the new ranking?",
            "tags.app_version LIKE '2.%' AND tags.`feature_flag.rerank` = 'on'",
            BRIEF,
        ),
        Search(
            "By name, since the middle of the run?",
            f"name ILIKE 'Shop%' AND attributes.timestamp_ms > {middle_ms}",
            ("request_id", "timestamp_ms", "status", "execution_time_ms"),
        ),
    )


def run_demo(folder: Path | None, requests: int, console: Console) -> int:
    """Run the demo and print it; takes a few seconds.

    Args:
        folder: where the store and the logs go; a new one below ``demo-output`` when
            None.
        requests: how many questions the example app answers, a trace each.
        console: where to print.

    Returns:
        The exit code: 0, or 1 when the collector or the app did not do its part.
    """
    folder = folder or Path("demo-output") / time.strftime("%Y-%m-%dT%H-%M-%S")
    folder.mkdir(parents=True, exist_ok=True)
    store = f"sqlite:///{folder / 'spanframe.db'}"
    try:
        middle_ms = _record(folder, store, requests, console)
        _search(store, middle_ms, console)
    except KeyboardInterrupt:
        console.print(f"\nInterrupted. What was stored so far is in {store}")
        raise
    except _PartFailedError as error:
        console.print(f"[red]The demo stopped:[/] {escape(str(error))}")
        return 1
    _say_what_is_next(store, console)
    return 0


class _PartFailedError(SpanframeError):
    """The collector or the app did not do its part; the message names its log."""


# --- recording: the collector and the app ---------------------------------------------


def _record(folder: Path, store: str, requests: int, console: Console) -> int:
    """Run collector and app until every span is stored; return the middle, epoch ms."""
    console.rule("[bold]1. An app sends its traces to the collector")
    with _collector(folder, store) as address:
        shop = _shop()
        console.print(f"collector  OTLP over gRPC on {address}, writing to {store}")
        console.print(f"app        {escape(_short(shop))}")
        begin = time.time()
        _run_app(shop, folder, address, requests, console)
        middle = (begin + time.time()) / 2
        status = console.status("The collector stores what it still holds")
        status.start()
    status.stop()
    console.print("collector  stopped; everything it accepted is stored\n")
    return int(middle * 1000)


@contextmanager
def _collector(folder: Path, store: str) -> Iterator[str]:
    """Run a collector on a free port, yield its address, stop it as a user would."""
    ready, log = folder / "collector-ready.json", folder / "collector.log"
    command = [sys.executable, "-m", "spanframe", "collector", "--store", store]
    command += ["--grpc", "127.0.0.1:0", "--ready-file", str(ready)]
    with log.open("ab") as output:
        process = subprocess.Popen(  # noqa: S603 - our own program
            command, stdout=output, stderr=output, env=_environment()
        )
    try:
        yield _wait_until_ready(process, ready, log)
        process.send_signal(signal.SIGTERM)
        if process.wait(STOP_SECONDS) != 0:
            raise _PartFailedError(f"the collector did not stop cleanly, see {log}")
    except subprocess.TimeoutExpired:
        raise _PartFailedError(f"the collector did not stop, see {log}") from None
    finally:
        process.kill()
        process.wait()
        ready.unlink(missing_ok=True)


def _wait_until_ready(
    process: "subprocess.Popen[bytes]", ready: Path, log: Path
) -> str:
    deadline = time.monotonic() + START_SECONDS
    while not ready.exists():
        if process.poll() is not None or time.monotonic() > deadline:
            raise _PartFailedError(f"the collector did not start, see {log}")
        time.sleep(0.02)
    return str(json.loads(ready.read_text())["grpc"])


def _run_app(
    shop: Path, folder: Path, address: str, requests: int, console: Console
) -> None:
    """Run the example app to its end, with a bar for the questions it answered."""
    log = folder / "app.log"
    columns = (TextColumn("questions "), BarColumn(), MofNCompleteColumn())
    with (
        log.open("w") as errors,
        Progress(*columns, console=console) as progress,
        subprocess.Popen(  # noqa: S603 - our own program
            [sys.executable, str(shop), "--requests", str(requests)],
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            env=_environment(SPANFRAME_ENDPOINT=f"http://{address}"),
        ) as app,
    ):
        task = progress.add_task("", total=requests)
        for line in app.stdout or ():
            if answered := re.match(r"answered (\d+) of", line):
                progress.update(task, completed=int(answered[1]))
    if app.returncode != 0:
        raise _PartFailedError(f"the app ended with {app.returncode}, see {log}")


def _shop() -> Path:
    """Return the example app: beside us in an installed package, else in the clone."""
    here = Path(__file__).parent
    for shop in (here / "shop_assistant", here.parents[1] / "examples/shop_assistant"):
        if shop.is_dir():
            return shop
    raise _PartFailedError("the example app shop_assistant is not installed")


def _environment(**changes: str) -> dict[str, str]:
    """Return the environment for a child, without the user's own tracing settings."""
    inherited = os.environ.items()  # noqa: TID251 - handed on, not read
    settings = ("SPANFRAME_", "OTEL_")
    return {k: v for k, v in inherited if not k.startswith(settings)} | changes


# --- searching ------------------------------------------------------------------------


def _search(store: str, middle_ms: int, console: Console) -> None:
    console.rule("[bold]2. Searches find them")
    spanframe.configure(store=store)
    for search in searches(middle_ms):
        console.print(f"\n[bold]{search.question}[/]")
        console.print(f'[cyan]spanframe.search_traces("{escape(search.filter)}")')
        frame = spanframe.search_traces(search.filter)
        _print_frame(frame, search.columns, console)


def _print_frame(
    frame: pd.DataFrame, columns: tuple[str, ...], console: Console
) -> None:
    """Print the head of a frame as pandas does, within the width of the terminal."""
    shown = frame[list(columns)] if columns else frame
    text = shown.head(SHOWN_ROWS).to_string(max_colwidth=30, line_width=console.width)
    console.print(text, markup=False, highlight=False, soft_wrap=True)
    console.print(f"[dim]{len(frame)} rows, {len(frame.columns)} columns")


def _say_what_is_next(store: str, console: Console) -> None:
    program = Path(sys.executable).parent / "spanframe"
    command = f"{shlex.quote(_short(program))} search"
    console.print(
        Panel(
            f"""\
{command} "span.name = 'bank' AND span.status = 'ERROR'" --store {shlex.quote(store)}

export SPANFRAME_STORE={shlex.quote(store)}
{_short(Path(sys.executable))}
>>> import spanframe
>>> frame = spanframe.search_traces("tags.environment = 'staging'")
>>> frame["execution_time_ms"].describe()""",
            title="Try next",
            title_align="left",
        ),
        markup=False,
        highlight=False,
    )


def _short(path: Path) -> str:
    """Write a path relative to the working directory where it lies below it."""
    try:
        return str(path.relative_to(Path.cwd()))
    except ValueError:
        return str(path)
