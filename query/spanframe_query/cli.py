"""The commands that search, look and edit; ``search`` and ``get`` themselves."""

import json
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

from spanframe._key_patterns import DEFAULT_PATTERNS
from spanframe._runtime import current_setting
from spanframe.errors import InvalidArgumentError, NotFoundError
from spanframe_query import drawing, reader
from spanframe_query.archive.commands import export, import_
from spanframe_query.columns import Column
from spanframe_query.commands import changing, looking, stats
from spanframe_query.commands.options import (
    ExperimentOption,
    FilterArgument,
    SinceOption,
    StoreOption,
    TraceArgument,
    checked,
    trace_of,
)
from spanframe_query.console import output_console
from spanframe_query.demo import demo
from spanframe_query.entities import Trace
from spanframe_query.field_columns import (
    NAMED_COLUMNS,
    STORED_COLUMNS,
    chosen_columns,
    needs_spans,
)
from spanframe_query.hidden import hidden_values
from spanframe_query.known_fields import misspellings
from spanframe_query.output import WRITERS
from spanframe_query.terminal import visible

__all__ = ["app"]

app: Final = typer.Typer(no_args_is_help=True)
app.command()(demo)
app.add_typer(looking.app)
app.add_typer(stats.app)
app.add_typer(changing.app)
app.command()(export)
app.command(name="import")(import_)

_PORTION_TRACES: Final = 1000
"""Traces read and held in memory at once."""

_PROGRESS_DELAY_SECONDS: Final = 1.0
"""Time until the progress of a search is shown."""

_COMMA: Final = re.compile(r",(?=(?:[^`]*`[^`]*`)*[^`]*$)")
"""A comma that is not part of a field in backticks."""

_MAX_NAMES_SHOWN: Final = 20
"""Maximum spans whose names are listed where the one asked for is not there."""

_MAX_HIDDEN_SHOWN: Final = 20
"""Maximum hidden values that are listed below a trace."""

_Follow = Callable[[Iterable[reader.Page]], Iterator[Sequence[Trace]]]


class Output(StrEnum):
    """Output formats of a search."""

    TABLE = "table"
    JSON = "json"
    CSV = "csv"
    PARQUET = "parquet"


_DEFAULT_COLUMNS: Final = {
    output: drawing.TABLE_COLUMNS if output is Output.TABLE else STORED_COLUMNS
    for output in Output
}


class TraceOutput(StrEnum):
    """Output formats of one trace."""

    TREE = "tree"
    JSON = "json"


@app.command()
def search(
    filter_: FilterArgument = "",
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
    since: SinceOption = "",
    experiment: ExperimentOption = None,
    columns: Annotated[
        str,
        typer.Option(
            help=f"Columns to print: {','.join(NAMED_COLUMNS)}, or any field of a "
            "filter, such as tags.env or span.name.",
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
    store: StoreOption = None,
) -> None:
    """Find traces and print them.

    The formats json and csv have one line per trace. In csv, a text that a spreadsheet
    would run as a formula gets an apostrophe in front.
    """
    names = [name.strip() for name in _COMMA.split(columns) if name.strip()]
    if output is Output.TABLE and file is not None:
        raise InvalidArgumentError(
            "--file needs a format for files: add --output json, csv or parquet."
        )
    shown = chosen_columns(names or _DEFAULT_COLUMNS[output])
    searched, found = checked(
        store, filter_, experiment=experiment, since=since, order_by=order_by
    )
    limit = None if everything else max_results
    search = replace(found, limit=limit)
    if explained:
        uses = reader.explain(searched, search)
        output_console().print(drawing.clauses(uses))
        return
    # A table shows previews, which are stored beside the spans.
    read = (needs_spans(c, previews=output is Output.TABLE) for c in shown)
    pages = reader.read_pages(
        searched, search, include_spans=any(read), size=_PORTION_TRACES
    )
    with _progress(limit) as follow:
        portions = follow(pages)
        if output is not Output.TABLE:
            WRITERS[output](portions, shown, file)
            return
        traces = [trace for portion in portions for trace in portion]
    if traces:
        _print_table(traces, shown, narrow=not names)
        return
    console = Console(stderr=True, highlight=False)
    if limit == 0 and (count := reader.count(searched, found)):
        console.print(f"{count:,} traces match; -n 0 prints none of them.")
        return
    console.print("No traces match.")
    for hint in misspellings(searched, found.filter):
        console.print(visible(hint), markup=False)


@app.command()
def get(
    trace_id: TraceArgument,
    span: Annotated[
        str, typer.Option(help="Print this span whole: its name, or its id.")
    ] = "",
    output: Annotated[
        TraceOutput, typer.Option(help="Output format.")
    ] = TraceOutput.TREE,
    store: StoreOption = None,
) -> None:
    """Print one trace with its spans."""
    trace = trace_of(store, trace_id)
    console = output_console(soft_wrap=bool(span))
    if span:
        _print_span(trace, span, output, console)
        return
    if output is TraceOutput.JSON:
        typer.echo(trace.to_json(pretty=True))
        return
    console.print(drawing.tree(trace))
    hidden = list(islice(hidden_values(trace), _MAX_HIDDEN_SHOWN))
    patterns = (*DEFAULT_PATTERNS, *current_setting("redact_keys")) if hidden else ()
    for value in hidden:
        line = f"hidden: {value.place}: {value.reason(patterns)}"
        console.print(visible(line), markup=False, style="dim")


def _print_table(
    traces: Sequence[Trace], columns: Sequence[Column], *, narrow: bool
) -> None:
    """Print traces as fits where they go: a pipe, a narrow terminal, a wide one."""
    console = Console(highlight=False)
    if not console.is_terminal:
        typer.echo(drawing.plain_table(traces, columns))
    elif narrow and console.width < drawing.MIN_TABLE_CHARS:
        for line in drawing.lines(traces):
            console.print(line)
    else:
        console.print(drawing.table(traces, columns))


def _print_span(
    trace: Trace, named: str, output: TraceOutput, console: Console
) -> None:
    spans = trace.data.spans
    found = [span for span in spans if named in (span.span_id, span.name)]
    if not found:
        names = ", ".join(dict.fromkeys(span.name for span in spans[:_MAX_NAMES_SHOWN]))
        raise NotFoundError(
            f"Trace {trace.info.trace_id} has no span {visible(named)}. "
            f"Its spans: {visible(names)}."
        )
    for span in found:
        if output is TraceOutput.JSON:
            typer.echo(json.dumps(span.to_dict(), indent=2, default=str))
        else:
            console.print(drawing.span(span))


@contextmanager
def _progress(limit: int | None) -> Iterator[_Follow]:
    """Count the traces on stderr after a second; tell at the end when more match."""
    console = Console(stderr=True, highlight=False)
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
