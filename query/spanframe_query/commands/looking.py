"""Commands that only read: counts, new traces, fields, experiments, sessions."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Annotated, Final

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from spanframe import keys
from spanframe.errors import NotFoundError
from spanframe_query import drawing, reader
from spanframe_query.commands.options import (
    ExperimentOption,
    FilterArgument,
    SinceOption,
    StoreOption,
    checked,
    store_url,
)
from spanframe_query.console import is_read_after
from spanframe_query.entities import Trace, TraceState
from spanframe_query.field_columns import chosen_columns
from spanframe_query.filter import Comparator, Condition, Field, FieldKind
from spanframe_query.known_fields import known_fields
from spanframe_query.said import said
from spanframe_query.stores import reading
from spanframe_query.terminal import duration, shortened, visible
from spanframe_store.contract.search import OrderTerm, Search
from spanframe_store.contract.store import Reader

__all__ = ["app", "completed", "moment", "print_rows"]

app: Final = typer.Typer()

_SESSION: Final = Field(FieldKind.METADATA, keys.META_SESSION)
_MAX_LOOKED_AT: Final = 1000
"""Maximum traces, the newest, that ``tail`` looks at each time."""

_PAGE_TRACES: Final = 1000
_MAX_CELL_CHARS: Final = 200
_MAX_TURN_CHARS: Final = 4000
"""Maximum characters of a question or an answer in a dialogue."""

Row = Sequence[str]


@app.command()
def count(
    filter_: FilterArgument = "",
    since: SinceOption = "",
    experiment: ExperimentOption = None,
    store: StoreOption = None,
) -> None:
    """Print how many traces match."""
    searched, search = checked(store, filter_, experiment=experiment, since=since)
    typer.echo(reader.count(searched, search))


@app.command()
def tail(
    filter_: FilterArgument = "",
    number: Annotated[
        int, typer.Option("-n", min=0, help="Traces of before that are printed first.")
    ] = 10,
    every: Annotated[
        float, typer.Option(min=0.05, help="Seconds between two looks at the store.")
    ] = 1.0,
    experiment: ExperimentOption = None,
    store: StoreOption = None,
) -> None:
    """Print traces as they end, until Ctrl-C, or until nobody reads them."""
    searched, search = checked(store, filter_, experiment=experiment)
    columns = chosen_columns(drawing.TABLE_COLUMNS)
    console = Console(highlight=False)
    for fresh in completed(searched, search, number):
        if fresh and console.is_terminal:
            for line in drawing.lines(fresh):
                console.print(line)
        elif fresh:
            typer.echo(drawing.plain_table(fresh, columns, heading=False))
        if not is_read_after(every):
            return


def completed(searched: Reader, search: Search, number: int) -> Iterator[list[Trace]]:
    """Yield, at each look, the traces that have ended since the look before.

    Args:
        searched: reader of the store.
        search: the traces that are looked at.
        number: how many of those that had ended before are in the first portion.
    """
    looked_at = replace(search, limit=_MAX_LOOKED_AT)
    known: set[str] | None = None
    while True:
        newest = reader.read(searched, looked_at, include_spans=False)
        ended = [t for t in newest if t.info.state is not TraceState.IN_PROGRESS]
        if known is None:
            fresh = ended[:number]
        else:
            fresh = [trace for trace in ended if trace.info.trace_id not in known]
        known = {trace.info.trace_id for trace in ended}
        yield fresh[::-1]


@app.command()
def fields(store: StoreOption = None) -> None:
    """List the tags, metadata and span attributes that traces have."""
    found = known_fields(reading(store_url(store)))
    rows = [(f.field, f.type, f"{f.count:,}", f.example) for f in found]
    print_rows(("field", "type", "count", "example"), rows)


@app.command()
def experiments(store: StoreOption = None) -> None:
    """List the experiments, with how many traces each has."""
    searched = reading(store_url(store))
    rows = []
    for each in searched.experiments():
        of_it = Search(experiment_ids=(each.experiment_id,))
        traces = f"{searched.count(of_it):,}"
        rows.append((str(each.experiment_id), each.name, traces))
    print_rows(("id", "name", "traces"), rows)


@app.command()
def sessions(
    max_results: Annotated[
        int,
        typer.Option("--max-results", "-n", min=0, help="Maximum number of sessions."),
    ] = 20,
    since: SinceOption = "",
    experiment: ExperimentOption = None,
    store: StoreOption = None,
) -> None:
    """List the sessions that were active last, with the last question of each."""
    searched, search = checked(store, "", experiment=experiment, since=since)
    has_one = Condition(_SESSION, Comparator.IS_NOT_NULL, None)
    newest: dict[str, Trace] = {}
    search = replace(search, filter=search.filter.and_(has_one))
    pages = reader.read_pages(searched, search, include_spans=False, size=_PAGE_TRACES)
    for trace in (trace for page in pages for trace in page.traces):
        if len(newest) >= max_results:
            break
        newest.setdefault(trace.info.session_id or "", trace)
    rows = []
    for session_id, trace in newest.items():
        of_it = Condition(_SESSION, Comparator.EQ, session_id)
        traces = searched.count(replace(search, filter=search.filter.and_(of_it)))
        asked = said(trace.info.request_preview)
        active = moment(trace.info.request_time)
        rows.append((session_id, f"{traces:,}", active, trace.info.user or "", asked))
    print_rows(("session", "traces", "last (UTC)", "user", "last question"), rows)


@app.command()
def session(
    session_id: Annotated[str, typer.Argument(metavar="ID", help="Id of the session.")],
    store: StoreOption = None,
) -> None:
    """Print a session as a dialogue, its oldest trace first."""
    searched, search = checked(store, "")
    of_it = Condition(_SESSION, Comparator.EQ, session_id)
    oldest_first = (
        OrderTerm(Field(FieldKind.TIMESTAMP_MS), descending=False),
        OrderTerm(Field(FieldKind.REQUEST_ID), descending=False),
    )
    search = replace(search, filter=search.filter.and_(of_it), order=oldest_first)
    console = Console(highlight=False, soft_wrap=True)
    found = False
    for page in reader.read_pages(
        searched, search, include_spans=False, size=_PAGE_TRACES
    ):
        for trace in page.traces:
            found = True
            for line in _turn(trace):
                console.print(line)
    if not found:
        raise NotFoundError(
            f"The store has no session {visible(session_id)}: "
            "`spanframe sessions` lists the latest."
        )


def _turn(trace: Trace) -> Iterator[Text]:
    """Draw a question and its answer."""
    info = trace.info
    began, took = moment(info.request_time), duration(info.execution_duration)
    yield Text(f"{began}  {info.trace_id}  {took}", "dim")
    asked, answered = said(info.request_preview), said(info.response_preview)
    user = shortened(info.user or "user", _MAX_CELL_CHARS)
    yield Text.assemble((f"{user}: ", "bold"), shortened(asked, _MAX_TURN_CHARS))
    if info.error:
        yield Text(f"error: {shortened(info.error, _MAX_TURN_CHARS)}", "red")
    if answered:
        name = shortened(info.name or "app", _MAX_CELL_CHARS)
        answer = shortened(answered, _MAX_TURN_CHARS)
        yield Text.assemble((f"{name}: ", "bold"), answer)
    yield Text()


def moment(time_ms: int) -> str:
    """Return a time, milliseconds since the epoch, as UTC."""
    return f"{datetime.fromtimestamp(time_ms / 1000, UTC):%Y-%m-%d %H:%M:%S}"


def print_rows(head: Row, rows: Sequence[Row]) -> None:
    """Print rows: as a table on a terminal, with tabs between for other programs."""
    console = Console(highlight=False)
    shown = [[shortened(cell, _MAX_CELL_CHARS) for cell in row] for row in rows]
    if not console.is_terminal:
        for row in (head, *shown):
            typer.echo("\t".join(row))
        return
    table = Table(*head, box=None, pad_edge=False, header_style="bold")
    for row in shown:
        table.add_row(*map(Text, row))
    console.print(table)
