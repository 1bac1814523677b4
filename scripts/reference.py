"""Write `docs/reference.md` from the code: `make reference`."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

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

__all__ = ["PAGE", "reference"]

PAGE: Final = Path(__file__).parents[1] / "docs/reference.md"

_PAGE: Final = """\
# Reference

Tables of commands, settings, fields, columns and exit codes. `make reference` writes
this page from the code, and a test fails when it is not current: edit the code.

## Commands

`spanframe COMMAND --help` lists the options of a command.

{commands}
## Exit codes

{exit_codes}
## Settings

A setting is given in code (`spanframe.configure`) or as an option, else by an
environment variable, else it has its default. Of several variables the first one that
is set counts. A value that cannot be used is an error; in a variable of OpenTelemetry
(`OTEL_…`) or MLflow (`MLFLOW_…`), which other programs read, it is passed over with a
warning.

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


if __name__ == "__main__":
    PAGE.write_text(reference(), encoding="utf-8")
