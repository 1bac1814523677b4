"""The commands ``export`` and ``import``."""

from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from spanframe.settings import ClientSettings, redact_url, rows
from spanframe_query.archive.exporting import export_from
from spanframe_query.archive.importing import import_into
from spanframe_query.arguments import checked_search
from spanframe_query.terminal import visible
from spanframe_store.contract.store import Progress as Told

__all__ = ["export", "import_"]

_STORE_ROW: Final = next(row for row in rows(ClientSettings) if row.field == "store")
_Store = Annotated[
    str | None,
    typer.Option(
        help=f"{_STORE_ROW.sentence} [{', '.join(_STORE_ROW.env)}; "
        f"default: {_STORE_ROW.default}]",
        show_default=False,
    ),
]


class To(StrEnum):
    """Formats of an archive."""

    PARQUET = "parquet"


def export(
    folder: Annotated[Path, typer.Argument(help="Folder of the archive.")],
    filter_: Annotated[
        str,
        typer.Argument(metavar="[FILTER]", help="The filter; every trace without one."),
    ] = "",
    to: Annotated[To, typer.Option(help="Format of the files.")] = To.PARQUET,
    again: Annotated[
        bool,
        typer.Option("--again", help="Write traces anew that are in the folder."),
    ] = False,
    store: _Store = None,
) -> None:
    """Write traces and spans to files, a folder for each day.

    Traces that are in the folder stay there, whatever the store has now, and others
    are added, so that an interrupted export goes on where it stopped.
    """
    del to  # there is one so far
    url = _store_url(store)
    searched, found = checked_search(url, filter_)
    with _progress("Exporting traces") as progress:
        done = export_from(searched, found, folder, again=again, progress=progress)
    typer.echo(
        visible(
            f"{folder} has {done.traces + done.present} traces of {redact_url(url)}: "
            f"{done.traces} with {done.spans} spans are new, {done.present} were there."
        )
    )
    if done.kept:
        typer.echo(f"{done.kept} more of the same days were not found, and stay.")


def import_(
    source: Annotated[
        str,
        typer.Argument(
            help="Folder of an archive, or MLflow's tracking URI: sqlite:///mlflow.db."
        ),
    ],
    store: _Store = None,
) -> None:
    """Read the traces of an archive, or of MLflow, into a store; check every one."""
    url = _store_url(store)
    with _progress("Importing traces") as progress:
        done = import_into(url, source, progress)
    typer.echo(
        visible(
            f"{redact_url(url)} has the {done.traces} traces of {redact_url(source)}: "
            f"{done.spans} spans are new, {done.present} were there."
        )
    )
    for what, count in sorted(done.left_out.items()):
        typer.echo(visible(f"Not imported: {count} {what}."))


def _store_url(given: str | None) -> str:
    return str(ClientSettings.load_one("store", {"store": given}))


@contextmanager
def _progress(what: str) -> Iterator[Told]:
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn()
    console = Console(stderr=True)
    with Progress(
        *columns, console=console, transient=True, disable=not console.is_terminal
    ) as shown:
        task = shown.add_task(what, total=None)

        def progress(done: int, total: int) -> None:
            shown.update(task, completed=done, total=total)

        yield progress
