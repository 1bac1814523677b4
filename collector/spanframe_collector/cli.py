"""The collector's commands: ``spanframe collector`` and ``spanframe db``."""

import asyncio
import contextlib
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
)
from rich.table import Table
from rich.text import Text

from spanframe._options import option, with_options
from spanframe.errors import InvalidArgumentError, StoreError
from spanframe.keys import request_id
from spanframe.settings import redact_url, rows
from spanframe_collector.config_file import read_config
from spanframe_collector.settings import CollectorSettings, age_ms
from spanframe_serving.logs import keep_grpc_quiet, log_to_stderr
from spanframe_store.contract.results import Rederived
from spanframe_store.contract.store import Admin, Limits
from spanframe_store.otlp.conventions import use_prices
from spanframe_store.registry import backend_of

__all__ = ["app"]

app: Final = typer.Typer(no_args_is_help=True)
db: Final = typer.Typer(no_args_is_help=True, help="Look after a store.")
app.add_typer(db, name="db")

_out: Final = Console()
if not _out.is_terminal:
    _out.width = 1 << 16  # a pipe gets lines as wide as they are
_err: Final = Console(stderr=True)
_Store = Annotated[
    str | None,
    *(
        option(typer.Option, row)
        for row in rows(CollectorSettings)
        if row.field == "store"
    ),
]


@app.command()
@with_options(typer.Option, CollectorSettings)
def collector(
    *,
    ready_file: Annotated[
        Path | None,
        typer.Option(help="File to write, as JSON, once requests are accepted."),
    ] = None,
    config: Annotated[
        Path | None,
        typer.Option(
            help="TOML file of settings, by the names that --print-config prints; "
            "options and variables win."
        ),
    ] = None,
    print_config: Annotated[
        bool,
        typer.Option(
            "--print-config",
            help="Print the settings, without secrets, and where each is from; stop.",
        ),
    ] = False,
    check_only: Annotated[
        bool,
        typer.Option(
            "--check",
            help="Ask the running collector with these settings whether it is ready, "
            "and stop: exit code 0 or 3.",
        ),
    ] = False,
    **given: Any,
) -> None:
    """Receive spans (OTLP over gRPC and HTTP) and answer OK once they are in the store.

    Tokens have no option, since an argument would show in `ps`: set SPANFRAME_TOKEN and
    SPANFRAME_FORWARD_TOKEN.
    """
    settings = CollectorSettings.load(
        given,
        config=None if config is None else read_config(config),
        config_name="" if config is None else config.name,
    )
    if print_config:
        for field, value in settings.printable().items():
            origin = settings.origins.get(field, "default")
            origin = "option" if origin == field else origin
            typer.echo(f"{field} = {value}  # {origin}")
        return
    if check_only:
        from spanframe_collector.probe import check_health  # noqa: PLC0415

        listeners = check_health(settings)
        _out.print(f"Ready: {', '.join(listeners)}", markup=False, highlight=False)
        return
    log_to_stderr(settings.log_format)
    keep_grpc_quiet()
    use_prices(settings.prices)
    # The first process of a container ignores a signal that it does not handle.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    # Loaded here, since the other commands need no gRPC.
    from spanframe_collector.service import serve  # noqa: PLC0415

    try:
        asyncio.run(serve(settings, ready_file))
    except OSError as error:
        raise StoreError(f"The collector cannot start: {error}.") from error


@db.command(name="upgrade")
def upgrade_store(store: _Store = None) -> None:
    """Make the tables of a store, or bring them to this version."""
    with _opened(store, read_only=False, may_be_new=True) as admin:
        version = admin.upgrade()
        _out.print(f"{admin.name} has version {version}.", markup=False)


@db.command()
def check(store: _Store = None) -> None:
    """Check a store: integrity, version, sizes, counts."""
    with _opened(store, read_only=True) as admin:
        with _err.status("Reading the whole store"):
            report = admin.inspect()
        table = Table("fact", "value")
        table.add_row("store", Text(admin.name))
        table.add_row(
            "version", f"{report.version} (this spanframe: {report.expected_version})"
        )
        if report.engine_version is not None:
            table.add_row("SQLite", report.engine_version)
        table.add_row("integrity", "ok" if not report.problems else report.problems[0])
        for name, count in report.rows.items():
            table.add_row(f"rows in {name}", f"{count:,}")
        for name, size in (("file", report.file_bytes), ("WAL", report.wal_bytes)):
            if size is not None:
                table.add_row(f"{name}, bytes", f"{size:,}")
        _out.print(table)
        if report.problems:
            raise StoreError(
                "The store is damaged: " + "; ".join(report.problems[:5]) + ". "
                "Restore a copy, or save what can be read with sqlite3's .recover."
            )
        admin.check_version()


@db.command()
def prune(
    older_than: Annotated[
        str, typer.Option(help="Age, as a number and d, h or m: 30d, 12h, 90m.")
    ],
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print how many, and delete nothing.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    store: _Store = None,
) -> None:
    """Delete the traces, whole, that started longer ago than an age.

    On a terminal it asks first; a script that gives no --yes is refused.
    """
    limits = Limits(age_ms=_milliseconds(older_than))
    now_ms = time.time_ns() // 1_000_000
    with _opened(store, read_only=dry_run) as admin:
        admin.check_version()
        total = admin.count_before(now_ms - _milliseconds(older_than))
        if dry_run or not total:
            typer.echo(f"{total} traces match; none is deleted.")
            return
        if not yes:
            question = f"Delete {total} traces of {admin.name} for good?"
            if not sys.stdin.isatty():
                raise InvalidArgumentError(
                    f"{question} Nobody can be asked here: add --yes."
                )
            typer.confirm(question, abort=True)
        with _progress() as progress:
            task = progress.add_task("Deleting traces", total=total)
            while deleted := admin.prune(limits, now_ms):
                progress.advance(task, deleted)
        _out.print(f"Deleted {total} traces from {admin.name}.", markup=False)


@db.command()
def rederive(store: _Store = None) -> None:
    """Derive types, usage, previews, tags and metadata again from the stored spans.

    For after an upgrade that reads more conventions; edits of tags stay.
    """
    with _opened(store, read_only=False) as admin:
        admin.check_version()
        done = Rederived(0, 0, [])
        damaged: list[str] = []
        with _progress() as progress:
            task = progress.add_task("Reading traces", total=admin.count_traces())
            while (done := admin.rederive(done.after)).traces:
                progress.advance(task, done.traces)
                damaged += map(request_id, done.damaged)
        if damaged:
            raise StoreError(
                f"Derived {admin.name} again but for {len(damaged)} traces whose spans "
                f"cannot be read, which stay as they were: {', '.join(damaged[:5])}. "
                "Run `spanframe db check` to see what else is damaged."
            )
        _out.print(f"Derived {admin.name} again.", markup=False)


@db.command(name="backup")
def back_up(
    file: Annotated[Path, typer.Argument(help="A file that does not exist yet.")],
    store: _Store = None,
) -> None:
    """Copy a SQLite store to a file while it is in use."""
    with _opened(store, read_only=True) as admin:
        with _progress() as progress:
            task = progress.add_task("Copying pages", total=None)
            admin.backup(
                file,
                lambda done, total: progress.update(task, completed=done, total=total),
            )
        _out.print(f"Copied {admin.name} to {file}.", markup=False)


@db.command(name="copy")
def copy_to(
    source: Annotated[str, typer.Argument(help="URL of the store to copy.")],
    target: Annotated[
        str, typer.Argument(help="URL of an empty store, or of an earlier copy.")
    ],
) -> None:
    """Copy a store to another one, also on another engine, and check every trace.

    A copy that was interrupted goes on; one of a store in use is brought up to date.
    """
    source, target = (
        CollectorSettings.load({"store": url}).store for url in (source, target)
    )
    with _progress() as progress:
        task = progress.add_task("Copying traces", total=None)
        done = backend_of(source).copy(
            source,
            target,
            lambda traces, total: progress.update(task, completed=traces, total=total),
        )
    _out.print(
        f"{redact_url(target)} holds what {redact_url(source)} holds: copied "
        f"{done.copied} traces, {done.equal} were there.",
        markup=False,
    )


def _progress() -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    return Progress(*columns, TimeRemainingColumn(), console=_err)


@contextlib.contextmanager
def _opened(
    store: str | None, *, read_only: bool, may_be_new: bool = False
) -> Iterator[Admin]:
    """Open a store for one command; none is made by accident."""
    settings = CollectorSettings.load({"store": store})
    use_prices(settings.prices)
    url = settings.store
    backend = backend_of(url)
    if not may_be_new:
        backend.admin(url, read_only=True).close()  # says so when there is none
    with contextlib.closing(backend.admin(url, read_only=read_only)) as admin:
        yield admin


def _milliseconds(age: str) -> int:
    try:
        read = age_ms(age.strip())
    except ValueError as error:
        raise InvalidArgumentError(f"--older-than is {age!r}: {error}.") from None
    return read or 0
