"""``spanframe demo``: an app, a collector and a few searches, end to end.

The collector and the app are processes of their own, the spans go over the wire, and
the searches read the store that the collector has written.
"""

import shlex
import sys
import time
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape

from spanframe.errors import MissingExtraError
from spanframe_query.demo.recording import PartFailedError, record, shop, short

__all__ = ["demo"]


def demo(
    folder: Annotated[
        Path | None,
        typer.Option(help="Folder of the store and logs. [default: demo-output/TIME]"),
    ] = None,
    requests: Annotated[
        int, typer.Option(min=1, max=5000, help="Number of traces that the app makes.")
    ] = 300,
) -> None:
    """Run an example app, collect its traces and search them, in a few seconds."""
    # It loads pandas, which the other commands of this package do without.
    try:
        from spanframe_query.demo.searching import compare, search  # noqa: PLC0415
    except ModuleNotFoundError as error:
        raise MissingExtraError("spanframe demo", "all") from error

    console = Console()
    folder = folder or Path("demo-output") / time.strftime("%Y-%m-%dT%H-%M-%S")
    folder.mkdir(parents=True, exist_ok=True)
    store = f"sqlite:///{folder / 'spanframe.db'}"
    try:
        middle_ms = record(folder, store, requests, console)
        search(store, middle_ms, console)
        compare(console)
    except KeyboardInterrupt:
        console.print(f"\nInterrupted. The traces stored so far are in {store}")
        raise
    except PartFailedError as error:
        console.print(f"[red]The demo stopped:[/] {escape(str(error))}", soft_wrap=True)
        raise typer.Exit(1) from error
    _print_next_steps(store, console)


def _print_next_steps(store: str, console: Console) -> None:
    console.rule("[bold]Try next")
    python = Path(sys.executable)
    program = shlex.quote(short(python.parent / "spanframe"))
    text = f"""
export SPANFRAME_STORE={shlex.quote(store)}
{program} search "span.name = 'bank' AND span.status = 'ERROR'"
{program} search --help
{shlex.quote(short(python))} -i -c 'import spanframe'
>>> staging = spanframe.search_traces("tags.environment = 'staging'")
>>> staging["execution_time_ms"].describe()

The app that made these traces: {short(shop())}
"""
    console.print(text, markup=False, highlight=False, soft_wrap=True)
