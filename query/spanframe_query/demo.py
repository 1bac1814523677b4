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
from typing import Annotated, Final, NamedTuple

import pandas as pd
import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

import spanframe
from spanframe.errors import SpanframeError
from spanframe_query import drawing

__all__ = ["demo"]

START_SECONDS: Final = 20
STOP_SECONDS: Final = 15
SHOWN_ROWS: Final = 5
CELL_WIDTH: Final = 36  # a whole request id


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


def demo(
    folder: Annotated[
        Path | None,
        typer.Option(help="Where store and logs go. [default: demo-output/TIME]"),
    ] = None,
    requests: Annotated[
        int, typer.Option(min=1, max=5000, help="How many traces the app makes.")
    ] = 300,
) -> None:
    """Run an example app, collect its traces, search them. Takes a few seconds."""
    console = Console()
    folder = folder or Path("demo-output") / time.strftime("%Y-%m-%dT%H-%M-%S")
    folder.mkdir(parents=True, exist_ok=True)
    store = f"sqlite:///{folder / 'spanframe.db'}"
    try:
        middle_ms = _record(folder, store, requests, console)
        _search(store, middle_ms, console)
        _compare(console)
    except KeyboardInterrupt:
        console.print(f"\nInterrupted. What was stored so far is in {store}")
        raise
    except _PartFailedError as error:
        console.print(f"[red]The demo stopped:[/] {escape(str(error))}", soft_wrap=True)
        raise typer.Exit(1) from error
    _say_what_is_next(store, console)


class _PartFailedError(SpanframeError):
    """The collector or the app did not do its part; the message names its log."""


# --- recording: the collector and the app ---------------------------------------------


def _record(folder: Path, store: str, requests: int, console: Console) -> int:
    """Run collector and app until every span is stored; return the middle, epoch ms."""
    console.rule("[bold]1. An app sends its traces to the collector")
    with _collector(folder, store) as address:
        shop = _shop()
        text = f"collector  {address}, writing to {store}\napp        {_short(shop)}"
        console.print(text, markup=False, highlight=False, soft_wrap=True)
        begin = time.time()
        _run_app(shop, folder, address, requests, console)
        middle = (begin + time.time()) / 2
    console.print("collector  stopped; everything it accepted is stored\n")
    return int(middle * 1000)


@contextmanager
def _collector(folder: Path, store: str) -> Iterator[str]:
    """Run a collector on a free port, yield its address, stop it as a user would."""
    ready, log = folder / "collector-ready.json", folder / "collector.log"
    command = [sys.executable, "-m", "spanframe", "collector", "--store", store]
    command += ["--grpc", "127.0.0.1:0", "--http", "off", "--ready-file", str(ready)]
    with log.open("ab") as output:
        process = subprocess.Popen(  # noqa: S603 - our own program
            command,
            stdout=output,
            stderr=output,
            # The app flushes before it ends: nobody else will send.
            env=_environment(SPANFRAME_DRAIN_SECONDS="0"),
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
            raise _PartFailedError(f"the collector did not start\n{_tail(log)}")
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
        try:
            for line in app.stdout or ():
                if answered := re.match(r"answered (\d+) of", line):
                    progress.update(task, completed=int(answered[1]))
            app.wait()
        finally:
            app.kill()  # interrupted, it would first answer what it has begun
    if app.returncode != 0:
        raise _PartFailedError(f"the app ended with {app.returncode}\n{_tail(log)}")


def _tail(log: Path) -> str:
    """Return the log's last lines and where the others are."""
    lines = log.read_text(errors="replace").splitlines()[-5:]
    return "\n".join([*lines, f"(from {log})"])


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
    spanframe.configure(store=store, experiment="")
    for search in searches(middle_ms):
        _print_call(search.question, f'search_traces("{search.filter}")', console)
        frame = spanframe.search_traces(search.filter)
        shown = frame[list(search.columns)] if search.columns else frame
        _print_frame(shown.head(SHOWN_ROWS), console)
        console.print(f"[dim]{len(frame)} rows, {len(frame.columns)} columns")
    (slowest,) = spanframe.search_traces(
        order_by=["execution_time_ms DESC"], max_results=1, return_type="list"
    )
    question = "Where did the time of the slowest one go?"
    _print_call(question, f'get_trace("{slowest.info.trace_id}")', console)
    console.print(drawing.tree(slowest))


def _compare(console: Console) -> None:
    """Print what only a DataFrame can answer."""
    console.rule("[bold]3. pandas does the rest")
    question = "Which version fails more, which is slower?"
    _print_call(question, 'search_traces("").groupby(…)', console)
    frame = spanframe.search_traces("", include_spans=False)
    by_version = frame.assign(
        version=frame["tags"].str.get("app_version"), failed=frame["status"] == "ERROR"
    ).groupby("version")
    summary = by_version.agg(
        traces=("request_id", "count"),
        failed=("failed", "mean"),
        median_ms=("execution_time_ms", "median"),
        max_ms=("execution_time_ms", "max"),
    )
    _print_frame(summary.round(3), console)


def _print_call(question: str, call: str, console: Console) -> None:
    text = f"\n[bold]{question}[/]\n[cyan]spanframe.{escape(call)}"
    console.print(text, highlight=False, soft_wrap=True)


def _print_frame(frame: pd.DataFrame, console: Console) -> None:
    """Print a frame as pandas does, within the width of the terminal."""
    text = frame.to_string(max_colwidth=CELL_WIDTH, line_width=console.width)
    console.print(text, markup=False, highlight=False, soft_wrap=True)


def _say_what_is_next(store: str, console: Console) -> None:
    console.rule("[bold]Try next")
    python = Path(sys.executable)
    program = shlex.quote(_short(python.parent / "spanframe"))
    text = f"""
export SPANFRAME_STORE={shlex.quote(store)}
{program} search "span.name = 'bank' AND span.status = 'ERROR'"
{program} search --help
{shlex.quote(_short(python))} -i -c 'import spanframe'
>>> staging = spanframe.search_traces("tags.environment = 'staging'")
>>> staging["execution_time_ms"].describe()

The app that made these traces: {_short(_shop())}
"""
    console.print(text, markup=False, highlight=False, soft_wrap=True)


def _short(path: Path) -> str:
    """Write a path relative to the working directory where it lies below it."""
    try:
        return str(path.relative_to(Path.cwd()))
    except ValueError:
        return str(path)
