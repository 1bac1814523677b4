"""The commands ``search``, ``get``, ``export``, ``import`` and ``demo``."""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from enum import StrEnum
from itertools import islice
from pathlib import Path
from threading import Timer
from typing import Annotated, Final

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn

from spanframe._runtime import current_setting
from spanframe.errors import InvalidArgumentError, NotFoundError
from spanframe.settings import ClientSettings, redact_url, rows
from spanframe_query import drawing, reader
from spanframe_query.archive.commands import export, import_
from spanframe_query.arguments import checked_search
from spanframe_query.demo import demo
from spanframe_query.entities import Trace
from spanframe_query.experiments import find_experiment, find_experiment_by_id
from spanframe_query.hidden import hidden_values
from spanframe_query.known_fields import misspellings
from spanframe_query.output import OUTPUT_COLUMNS, WRITERS, chosen_columns
from spanframe_query.stores import reading
from spanframe_query.terminal import visible
from spanframe_query.traces import find_trace
from spanframe_store.contract.store import Reader

__all__ = ["app"]

app: Final = typer.Typer(no_args_is_help=True)
app.command()(demo)
app.command()(export)
app.command(name="import")(import_)

_STORE_ROW: Final = next(row for row in rows(ClientSettings) if row.field == "store")
_Store = Annotated[
    str | None,
    typer.Option(
        help=f"{_STORE_ROW.sentence} [{', '.join(_STORE_ROW.env)}; "
        f"default: {_STORE_ROW.default}]",
        show_default=False,
    ),
]

_NUMBER: Final = re.compile(r"[0-9]{1,18}")
_PORTION_TRACES: Final = 1000
"""Traces read and held in memory at once."""

_PROGRESS_DELAY_SECONDS: Final = 1.0
"""Time until the progress of a search is shown."""

_MAX_HIDDEN_SHOWN: Final = 20
"""Maximum hidden values that are listed below a trace."""

_FROM_SPANS: Final = frozenset({"request", "response", "spans"})
"""Columns that need the spans of a trace."""

_Follow = Callable[[Iterable[reader.Page]], Iterator[Sequence[Trace]]]


class Output(StrEnum):
    """Output formats of a search."""

    TABLE = "table"
    JSON = "json"
    CSV = "csv"
    PARQUET = "parquet"


class TraceOutput(StrEnum):
    """Output formats of one trace."""

    TREE = "tree"
    JSON = "json"


@app.command()
def search(
    filter_: Annotated[
        str,
        typer.Argument(
            metavar="[FILTER]",
            help="The filter, for example "
            "\"status = 'ERROR' AND tags.env = 'prod'\"; every trace without one.",
        ),
    ] = "",
    max_results: Annotated[
        int,
        typer.Option("--max-results", "-n", min=0, help="Maximum number of traces."),
    ] = 100,
    everything: Annotated[
        bool, typer.Option("--all", help="Print all traces; ignores --max-results.")
    ] = False,
    order_by: Annotated[
        list[str] | None,
        typer.Option(
            help="Field to order by, for example 'execution_time_ms DESC'; may be "
            "repeated."
        ),
    ] = None,
    experiment: Annotated[
        list[str] | None,
        typer.Option(help="Experiment to search, by name or id; may be repeated."),
    ] = None,
    columns: Annotated[
        str,
        typer.Option(
            help=f"Columns to print, some of {','.join(OUTPUT_COLUMNS)}.",
            show_default=False,
        ),
    ] = "",
    output: Annotated[Output, typer.Option(help="Output format.")] = Output.TABLE,
    explained: Annotated[
        bool,
        typer.Option(
            "--explain", help="Print which index each clause uses, and do not search."
        ),
    ] = False,
    file: Annotated[
        Path | None, typer.Option(help="File to write json, csv or parquet to.")
    ] = None,
    store: _Store = None,
) -> None:
    """Find traces and print them.

    The formats json and csv have one line per trace. In csv, a text that a spreadsheet
    would run as a formula gets an apostrophe in front.
    """
    names = [name.strip() for name in columns.split(",") if name.strip()]
    if output is Output.TABLE:
        names = names or drawing.columns_within(Console().width)
        if file is not None:
            raise InvalidArgumentError(
                "--file needs a format for files: add --output json, csv or parquet."
            )
    shown = chosen_columns(names)
    searched, found = checked_search(
        _store_url(store),
        filter_,
        order_by,
        experiment_ids=_experiment_ids(_store_url(store), experiment),
    )
    limit = None if everything else max_results
    if explained:
        uses = reader.explain(searched, replace(found, limit=limit))
        Console().print(drawing.clauses(uses))
        return
    pages = reader.read_pages(
        searched,
        replace(found, limit=limit),
        include_spans=any(column.name in _FROM_SPANS for column in shown),
        size=_PORTION_TRACES,
    )
    with _progress(limit) as follow:
        portions = follow(pages)
        if output is Output.TABLE:
            traces = [trace for portion in portions for trace in portion]
        else:
            WRITERS[output](portions, shown, file)
            return
    if traces:
        Console().print(drawing.table(traces, shown))
    else:
        console = Console(stderr=True, highlight=False)
        console.print("No traces match.")
        for hint in misspellings(searched, found.filter):
            console.print(visible(hint), markup=False)


@app.command()
def get(
    trace_id: Annotated[
        str, typer.Argument(help="Id of the trace: tr- and 32 hex digits.")
    ],
    output: Annotated[
        TraceOutput, typer.Option(help="Output format.")
    ] = TraceOutput.TREE,
    store: _Store = None,
) -> None:
    """Print one trace with its spans."""
    url = _store_url(store)
    trace = find_trace(reading(url), trace_id)
    if trace is None:
        raise NotFoundError(
            f"There is no trace {visible(trace_id)} in {redact_url(url)}. "
            "`spanframe search` lists the newest traces."
        )
    if output is TraceOutput.JSON:
        typer.echo(trace.to_json(pretty=True))
        return
    console = Console(highlight=False)
    console.print(drawing.tree(trace))
    hidden = list(islice(hidden_values(trace), _MAX_HIDDEN_SHOWN))
    patterns = current_setting("redact_keys") if hidden else ()
    for value in hidden:
        line = f"hidden: {value.place}: {value.reason(patterns)}"
        console.print(visible(line), markup=False, style="dim")


def _store_url(given: str | None) -> str:
    return str(ClientSettings.load_one("store", {"store": given}))


def _experiment_ids(store: str, given: Sequence[str] | None) -> tuple[int, ...] | None:
    """Return the ids of experiments given by name or id; None when none is given."""
    if not given:
        return None
    searched = reading(store)
    return tuple(_experiment_id(searched, text) for text in given)


def _experiment_id(searched: Reader, text: str) -> int:
    found = find_experiment(searched, text)
    if found is None and _NUMBER.fullmatch(text):
        found = find_experiment_by_id(searched, int(text))
    if found is None:
        raise NotFoundError(
            f"There is no experiment {visible(text)!r} in this store: check the name."
        )
    return int(found.experiment_id)


@contextmanager
def _progress(limit: int | None) -> Iterator[_Follow]:
    """Count the traces on stderr after a second; tell at the end when more match."""
    console = Console(stderr=True)
    progress = Progress(
        TextColumn("reading"),
        BarColumn(),
        TextColumn("{task.completed} traces"),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )
    task = progress.add_task("reading", total=limit)
    more = False

    def follow(pages: Iterable[reader.Page]) -> Iterator[Sequence[Trace]]:
        nonlocal more
        for page in pages:
            yield page.traces
            progress.advance(task, len(page.traces))
            more = page.end is not None

    delayed_start = Timer(_PROGRESS_DELAY_SECONDS, progress.start)
    delayed_start.start()
    try:
        yield follow
    finally:
        delayed_start.cancel()
        delayed_start.join()
        progress.stop()
    if more:
        console.print(
            f"More traces match than these {limit}. Show them with -n N or --all."
        )
