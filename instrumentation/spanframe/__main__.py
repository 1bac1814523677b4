"""The command line `spanframe`, with the commands of the installed packages."""

import gc
import importlib
import io
import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any, Final, NamedTuple, NoReturn

from spanframe._version import __version__
from spanframe.errors import (
    MissingExtraError,
    NotFoundError,
    SpanframeError,
    StoreError,
)

if TYPE_CHECKING:
    from typer import Typer

__all__ = ["EXIT_CODES", "main"]

EXIT_CODES: Final = {
    0: "done",
    1: "an internal error of spanframe",
    2: "usage, settings, a filter, or an extra that is not installed",
    3: "the store or the network",
    4: "a trace, span, tag, session or experiment that does not exist",
    130: "interrupted by Ctrl-C",
}
_CODES: Final[tuple[tuple[type[SpanframeError], int], ...]] = (
    (NotFoundError, 4),
    (StoreError, 3),
    (SpanframeError, 2),
)


_GC_THRESHOLD: Final = 50_000
"""Allocations between two collections of the youngest objects."""


class _Package(NamedTuple):
    """A package that brings commands, and the extra that installs it."""

    module: str
    extra: str
    commands: frozenset[str]


_PACKAGES: Final = (
    _Package("spanframe_collector.cli", "collector", frozenset({"collector", "db"})),
    _Package(
        "spanframe_query.cli",
        "query",
        frozenset(
            {
                "count",
                "delete",
                "demo",
                "experiments",
                "export",
                "fields",
                "get",
                "import",
                "search",
                "session",
                "sessions",
                "stats",
                "tag",
                "tail",
            }
        ),
    ),
)


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run one command and exit with a code of `EXIT_CODES`.

    Args:
        arguments: the words after ``spanframe``; those of the process when None.
    """
    words = list(sys.argv[1:] if arguments is None else arguments)
    # Most of a short command is loading modules, which make no garbage: a tenth of it.
    gc.set_threshold(_GC_THRESHOLD)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # which may be of another encoding
            stream.reconfigure(errors="backslashreplace")
    try:
        _application(words)(words, prog_name="spanframe")
    except SpanframeError as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(next(code for kind, code in _CODES if isinstance(error, kind)))
    sys.exit(0)


def _application(words: Sequence[str]) -> "Typer":
    """Collect the commands of the installed packages.

    Raises:
        MissingExtraError: when the command is in a package that is not installed.
    """
    command = next((word for word in words if not word.startswith("-")), "")
    try:
        typer = importlib.import_module("typer")
    except ModuleNotFoundError as error:
        raise _missing(command) from error
    app: Typer = typer.Typer(
        name="spanframe",
        epilog="Exit codes: " + "; ".join(f"{c}: {t}" for c, t in EXIT_CODES.items()),
        cls=_group(typer),
        no_args_is_help=True,
        pretty_exceptions_enable=False,
    )

    def show_version(wanted: bool) -> None:
        if wanted:
            typer.echo(__version__)
            raise typer.Exit

    show = typer.Option(
        "--version",
        callback=show_version,
        is_eager=True,
        help="Print the version and stop.",
    )

    @app.callback()
    def options(version: Annotated[bool, show] = False) -> None:
        """OpenTelemetry traces in, pandas DataFrames out."""

    # Only the package of the command is loaded: a collector does not need pandas.
    for package in [p for p in _PACKAGES if command in p.commands] or _PACKAGES:
        try:
            app.add_typer(importlib.import_module(package.module).app)
        except ModuleNotFoundError as error:
            if not _is_optional(error):
                raise
            if command in package.commands:
                raise _missing(command) from error
    return app


def _group(typer: Any) -> Any:
    """Return the class of the group of all commands."""

    class Commands(typer.core.TyperGroup):  # type: ignore[misc]
        """Ends well when the reader of a pipe, such as ``head``, has enough."""

        def invoke(self, ctx: Any) -> Any:
            try:
                result = super().invoke(ctx)
                sys.stdout.flush()
            except BrokenPipeError:
                # The interpreter flushes standard output once more at its end.
                os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
                raise typer.Exit from None
            return result

    return Commands


def _is_optional(error: ModuleNotFoundError) -> bool:
    """Return whether a missing module comes with an extra: it is not ours."""
    return not (error.name or "").startswith("spanframe")


def _missing(command: str) -> MissingExtraError:
    extra = next((p.extra for p in _PACKAGES if command in p.commands), "all")
    return MissingExtraError(f"spanframe {command}".strip(), extra)


if __name__ == "__main__":
    main()
