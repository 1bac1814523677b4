"""Writes traces as JSON lines, CSV or Parquet, for ``spanframe search``.

These formats are for programs: one record per trace, without colour or progress. They
are written in portions, so that a result may be larger than memory.
"""

import csv
import importlib
import io
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, Final, TextIO

from spanframe.errors import InvalidArgumentError
from spanframe_query.arrow import build_table, json_cell, json_text, table_schema
from spanframe_query.columns import Column
from spanframe_query.entities import Trace
from spanframe_query.terminal import visible

__all__ = ["WRITERS"]

Portions = Iterable[Sequence[Trace]]

# A spreadsheet takes a cell that begins like this for a formula.
_FORMULA_STARTS: Final = ("=", "+", "-", "@", "\t", "\r")


def write_json(
    portions: Portions, columns: Sequence[Column], file: Path | None
) -> None:
    """Write one JSON object per line, in UTF-8 that no terminal obeys."""
    with _text(file) as stream:
        for trace in _each(portions):
            record = {column.name: json_cell(column, trace) for column in columns}
            stream.write(json_text(record) + "\n")


def write_csv(portions: Portions, columns: Sequence[Column], file: Path | None) -> None:
    """Write CSV with a line of column names; objects and lists are JSON text.

    A text that a spreadsheet would run as a formula gets an apostrophe in front, which
    the spreadsheet does not show.
    """
    with _text(file) as stream:
        on_terminal = stream.isatty()
        # Python below 3.13 would leave a text with a lone carriage return unquoted.
        writer = csv.writer(stream, lineterminator="\n", quoting=csv.QUOTE_NONNUMERIC)
        writer.writerow([column.name for column in columns])
        for trace in _each(portions):
            row = [_csv_cell(json_cell(column, trace)) for column in columns]
            writer.writerow([_shown(c) for c in row] if on_terminal else row)


def write_parquet(
    portions: Portions, columns: Sequence[Column], file: Path | None
) -> None:
    """Write Parquet, one row group per portion, with the types of the Arrow table.

    Raises:
        MissingExtraError: when pyarrow is not installed.
        InvalidArgumentError: when the output is a terminal.
    """
    if file is None and sys.stdout.isatty():
        raise InvalidArgumentError(
            "Parquet cannot be shown on a terminal: add --file PATH, or redirect the "
            "output."
        )
    schema = table_schema(columns)
    parquet = importlib.import_module("pyarrow.parquet")
    with _binary(file) as stream, parquet.ParquetWriter(stream, schema) as writer:
        for portion in portions:
            writer.write_table(build_table(portion, columns))


WRITERS: Final[
    Mapping[str, Callable[[Portions, Sequence[Column], Path | None], None]]
] = {"json": write_json, "csv": write_csv, "parquet": write_parquet}


def _each(portions: Portions) -> Iterator[Trace]:
    return (trace for portion in portions for trace in portion)


def _csv_cell(value: Any) -> str | int:
    if value is None:
        return ""
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    text = value if isinstance(value, str) else json_text(value) or ""
    return f"'{text}" if text.startswith(_FORMULA_STARTS) else text


def _shown(cell: str | int) -> str | int:
    return visible(cell) if isinstance(cell, str) else cell


@contextmanager
def _binary(file: Path | None) -> Iterator[IO[bytes]]:
    if file is None:
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    # A device or a pipe is written itself.
    is_other = file.exists() and not file.is_file()
    partial = file if is_other else file.with_name(f".{file.name}.partial")
    try:
        opened = partial.open("wb")
    except OSError as error:
        raise InvalidArgumentError(
            f"--file {file} cannot be written: {error.strerror}."
        ) from error
    # A file under its own name is whole, whatever ends the program.
    try:
        with opened:
            yield opened
        partial.replace(file)
    finally:
        if partial != file:
            partial.unlink(missing_ok=True)


@contextmanager
def _text(file: Path | None) -> Iterator[TextIO]:
    """Open the output as UTF-8, whatever the locale."""
    with _binary(file) as binary:
        stream = io.TextIOWrapper(
            binary, encoding="utf-8", errors="backslashreplace", newline=""
        )
        try:
            yield stream
            stream.flush()
        finally:
            stream.detach()
