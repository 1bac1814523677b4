"""Write the reference and the page of commands from the code: `make reference`."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Final

import pandas as pd
import typer
from typer.core import TyperCommand, TyperGroup

from spanframe.__main__ import EXIT_CODES
from spanframe.settings import ClientSettings, SettingsBase, rows
from spanframe_collector.cli import app as collector
from spanframe_collector.settings import CollectorSettings
from spanframe_query.cli import app as query
from spanframe_query.columns import Column
from spanframe_query.frame import build_frame
from spanframe_query.layouts import LAYOUTS
from spanframe_query.span_table import SPAN_COLUMNS, SpanColumn, span_frame
from spanframe_store.contract.fields import FIELDS, FieldRow

__all__ = ["PAGES"]

_DOCS: Final = Path(__file__).parents[1] / "docs"

_PAGE: Final = """\
# Reference

Tables of commands, settings, fields, columns and exit codes. `make reference` writes
this page from the code, and a test fails when it is not current: edit the code.

## Commands

`spanframe COMMAND --help` lists the options of a command, and so does
[the command line](command-line.md).

{commands}
## Exit codes

{exit_codes}
## Settings

A setting of apps and searches is given in code (`spanframe.configure`); one of the
collector as an option. Else an environment variable counts, of several the first one
that is set; else, for the collector, the file that `--config` names; else the default.
A value that cannot be used is an error; in a variable of OpenTelemetry (`OTEL_…`) or
MLflow (`MLFLOW_…`), which other programs read, it is passed over with a warning.

### Settings of apps and searches

{client_settings}
### Settings of the collector

{collector_settings}
## Fields

Fields of a filter, with what may compare them, and of `order_by`. A field of the trace
may have a prefix: `attributes.status` is `status`.

{fields}
## Columns

The DataFrame of `spanframe.search_traces` has these columns, also when it is empty.
Their dtypes do not depend on the values; `str` is `object` in pandas 2. A column of
`extract_fields` is `object`, since a field may have a value of any type in each trace;
in MLflow, dtypes follow from the values of a search.

{columns}
With `layout="v3"` it has the columns of MLflow 3:

{columns_v3}
With `layout="tidy"` it has these, and a column for each tag and metadata entry:

{columns_tidy}
The DataFrame of `spanframe.search_spans` has these columns, and one for each attribute
that is asked for:

{span_columns}"""


def reference() -> str:
    """Return the text of the page."""
    return _PAGE.format(
        commands=_table(("command", "what it does"), _commands()),
        exit_codes=_table(
            ("code", "meaning"),
            ((str(number), meaning) for number, meaning in EXIT_CODES.items()),
        ),
        client_settings=_settings(ClientSettings),
        collector_settings=_settings(CollectorSettings),
        fields=_table(
            ("field", "what it is", "compared by", "orders"),
            map(_field, FIELDS),
        ),
        columns=_columns(LAYOUTS["v2"], build_frame([], layout="v2")),
        columns_v3=_columns(LAYOUTS["v3"], build_frame([], layout="v3")),
        columns_tidy=_columns(LAYOUTS["tidy"], build_frame([], layout="tidy")),
        span_columns=_columns(SPAN_COLUMNS, span_frame([], ())),
    )


def _commands() -> Iterator[tuple[str, str]]:
    for app in (collector, query):
        yield from _commands_of(typer.main.get_command(app), "spanframe")


def _commands_of(command: object, name: str) -> Iterator[tuple[str, str]]:
    if isinstance(command, TyperGroup):
        for part in command.commands.values():
            yield from _commands_of(part, f"{name} {part.name}")
    elif isinstance(command, TyperCommand):
        yield _code(name), (command.help or "").partition("\n\n")[0].replace("\n", " ")


_COMMANDS_PAGE: Final = """\
# The command line

Every command with its arguments and options. `make reference` writes this page from the
code, and a test fails when it is not current: edit the code.

`spanframe --version` prints the version. Exit codes are in the
[reference](reference.md#exit-codes). Where the output is not a terminal, a trace is one
line, as wide as it is, without colour; `--output json` is for programs. A reader that
has enough, such as `head`, ends a command well.

A trace is named by its id, by the first four or more of its digits, or by `latest`:
`spanframe get latest --span price_of`. `--store` takes a URL or the path of a file.
Commands that delete ask first; `--dry-run` says how many, and a script says `--yes`.

"""


def command_line() -> str:
    """Return the text of the page of commands."""
    parts = [_COMMANDS_PAGE]
    for app in (query, collector):
        parts += _parts_of(typer.main.get_command(app), "spanframe")
    return "\n".join(parts).replace("\n\n\n", "\n\n")


def _parts_of(command: object, name: str) -> Iterator[str]:
    if isinstance(command, TyperGroup):
        for part in command.commands.values():
            yield from _parts_of(part, f"{name} {part.name}")
        return
    if not isinstance(command, TyperCommand):
        return
    arguments = [p for p in command.params if p.param_type_name == "argument"]
    words = " ".join(_metavar(each) for each in arguments)
    yield f"## `{name}`\n\n{command.help or ''}\n"
    rows = [
        (_code(*([_metavar(p)] if p in arguments else p.opts)), _help(p))
        for p in command.params
        if p.name != "help"
    ]
    usage = f"{name} {words}".strip()
    yield f"`{usage}`\n\n{_table(('argument or option', 'what it is'), rows)}"


def _help(parameter: Any) -> str:
    return str(parameter.help or "")


def _metavar(argument: Any) -> str:
    return str(argument.metavar or argument.name.upper())


def _settings(settings: type[SettingsBase]) -> str:
    return _table(
        ("variable", "default", "what it does"),
        ((_code(*r.env), _code(r.default), r.sentence) for r in rows(settings)),
    )


def _field(row: FieldRow) -> tuple[str, ...]:
    comparators = _code(*(comparator.value for comparator in row.comparators))
    return _code(*row.names), row.sentence, comparators, "yes" if row.orderable else ""


def _columns(columns: Iterable[Column | SpanColumn], empty: pd.DataFrame) -> str:
    return _table(
        ("column", "dtype", "what it holds"),
        (
            (_code(column.name), _code(str(empty.dtypes[column.name])), column.sentence)
            for column in columns
        ),
    )


def _table(head: tuple[str, ...], lines: Iterable[tuple[str, ...]]) -> str:
    written = [head, tuple("---" for _ in head), *lines]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in written)


def _code(*words: str) -> str:
    return ", ".join(f"`{word}`" for word in words if word)


PAGES: Final = {
    _DOCS / "reference.md": reference,
    _DOCS / "command-line.md": command_line,
}
"""The pages that are written, each with what returns its text."""


if __name__ == "__main__":
    for page, text in PAGES.items():
        page.write_text(text(), encoding="utf-8")
