"""Commands that change what is stored: ``tag`` and ``delete``."""

import sys
from typing import Annotated, Final

import typer

from spanframe.errors import InvalidArgumentError
from spanframe_query import reader
from spanframe_query.commands.options import (
    SinceOption,
    StoreOption,
    checked,
    store_url,
    trace_of,
)
from spanframe_query.stores import writing
from spanframe_query.terminal import visible
from spanframe_query.traces import change_tag, may_change, trace_bytes

__all__ = ["app"]

app: Final = typer.Typer()

_PORTION_TRACES: Final = 500
"""Traces that are found, and deleted, at once."""


@app.command()
def tag(
    trace_id: Annotated[
        str, typer.Argument(metavar="ID", help="Id of the trace, or its first digits.")
    ],
    tags: Annotated[
        list[str] | None,
        typer.Argument(metavar="KEY=VALUE", help="Tags to set.", show_default=False),
    ] = None,
    delete: Annotated[
        list[str] | None,
        typer.Option(metavar="KEY", help="Tag to delete; may be repeated."),
    ] = None,
    store: StoreOption = None,
) -> None:
    """Set or delete tags of a trace, or list them."""
    trace = trace_of(store, trace_id, include_spans=False)
    changes = dict.fromkeys(delete or ()) | dict(map(_pair, tags or ()))
    for key in changes:
        may_change(key)
    for key, value in changes.items():
        change_tag(store_url(store), trace.info.trace_id, key, value)
    if changes:
        trace = trace_of(store, trace.info.trace_id, include_spans=False)
    for key, value in sorted(trace.info.tags.items()):
        typer.echo(f"{visible(key)}={visible(value)}")


@app.command()
def delete(
    trace_ids: Annotated[
        list[str] | None,
        typer.Argument(metavar="ID", help="Ids of traces.", show_default=False),
    ] = None,
    filter_: Annotated[
        str, typer.Option("--filter", help="Delete every trace that matches.")
    ] = "",
    since: SinceOption = "",
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print how many, and delete nothing.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    store: StoreOption = None,
) -> None:
    """Delete traces, by id or by filter, with all their spans."""
    by_filter = bool(filter_ or since)
    if bool(trace_ids) == by_filter:
        raise InvalidArgumentError("Name ids of traces, or give --filter or --since.")
    if by_filter:
        searched, search = checked(store, filter_, since=since)
        pages = reader.read_pages(
            searched, search, include_spans=False, size=_PORTION_TRACES
        )
        found = (trace for page in pages for trace in page.traces)
    else:
        found = (trace_of(store, e, include_spans=False) for e in trace_ids or ())
    # The ids of all: what arrives after the question is not deleted.
    ids = list(dict.fromkeys(trace_bytes(trace.info.trace_id) for trace in found))
    if dry_run or not ids:
        typer.echo(f"{len(ids)} traces match; none is deleted.")
        return
    _confirm(f"Delete {len(ids)} traces and their spans for good?", yes=yes)
    deleted = writing(store_url(store)).delete_traces(ids)
    typer.echo(f"Deleted {deleted} traces.")


def _pair(text: str) -> tuple[str, str]:
    key, separator, value = text.partition("=")
    if not separator:
        raise InvalidArgumentError(
            f"{text!r} is not a tag: write KEY=VALUE, or --delete KEY."
        )
    return key, value


def _confirm(question: str, *, yes: bool) -> None:
    """Ask a person; a script has to say --yes.

    Raises:
        InvalidArgumentError: when nobody can be asked.
    """
    if yes:
        return
    if not sys.stdin.isatty():
        raise InvalidArgumentError(f"{question} Nobody can be asked here: add --yes.")
    typer.confirm(question, abort=True)
