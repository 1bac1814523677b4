"""The folder of an archive: which days it has, writing a day, reading a day.

A day is written to files beside those of the archive, which then take their names: the
spans first and the traces last, so that a day with traces is whole.
"""

import os
import re
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from datetime import date
from pathlib import Path
from typing import IO, Any, Final

from spanframe.errors import InvalidArgumentError, StoreError
from spanframe_query.archive.tables import SPANS, TRACES, Tables, pyarrow, schema

__all__ = ["count_day", "days_of", "read_day", "write_day"]

_DAY: Final = re.compile(r"day=(\d{4}-\d{2}-\d{2})")
_FILE: Final = "part.parquet"
_UNFINISHED: Final = ".part.parquet.unfinished"
"""Name of a file that is being written; readers of Parquet pass over it."""


def days_of(folder: Path) -> list[date]:
    """Return the days of an archive, in order.

    Raises:
        InvalidArgumentError: when the folder is not an archive.
    """
    names = [each.name for each in (folder / TRACES).glob("day=*")]
    days = [date.fromisoformat(m[1]) for m in map(_DAY.fullmatch, names) if m]
    if not days:
        raise InvalidArgumentError(
            f"{folder} is not an archive of spanframe: it has no {TRACES}/day=…. "
            "`spanframe export` writes one."
        )
    return sorted(days)


def count_day(folder: Path, day: date) -> int:
    """Return how many traces of a day an archive has; 0 when the day is not whole."""
    file = _file(folder, TRACES, day)
    if not file.is_file():
        return 0
    return int(_metadata(file).num_rows)


def write_day(folder: Path, day: date, portions: Iterable[Tables]) -> tuple[int, int]:
    """Write a day of an archive, in place of what it has; return traces and spans.

    Raises:
        StoreError: when the files cannot be written, or are not what was written.
    """
    parquet = pyarrow("pyarrow.parquet")
    files = {name: _file(folder, name, day) for name in (SPANS, TRACES)}
    written = dict.fromkeys(files, 0)
    try:
        with ExitStack() as stack:
            writers = {}
            for name, file in files.items():
                file.parent.mkdir(parents=True, exist_ok=True)
                opened = file.with_name(_UNFINISHED).open("wb")
                stack.enter_context(opened)
                stack.callback(_sync, opened)
                writer = parquet.ParquetWriter(opened, schema(name), compression="zstd")
                writers[name] = stack.enter_context(writer)
            for portion in portions:
                for name, table in ((TRACES, portion.traces), (SPANS, portion.spans)):
                    # One group of rows a portion, in both files, for `read_day`.
                    writers[name].write_table(table, max(1, table.num_rows))
                    written[name] += table.num_rows
        files[TRACES].unlink(missing_ok=True)
        for name, file in files.items():
            unfinished = file.with_name(_UNFINISHED)
            if _metadata(unfinished).num_rows != written[name]:
                raise StoreError(f"{unfinished} does not hold what was written to it.")
            unfinished.replace(file)
    except OSError as error:
        raise StoreError(
            f"The archive {folder} cannot be written: {error.strerror or error}. "
            "Export again: the days that are whole stay."
        ) from error
    return written[TRACES], written[SPANS]


def read_day(folder: Path, day: date) -> Iterator[Tables]:
    """Yield the portions of a day, as they were written.

    Raises:
        StoreError: when the files cannot be read.
    """
    parquet = pyarrow("pyarrow.parquet")
    arrow = pyarrow()
    try:
        traces = parquet.ParquetFile(_file(folder, TRACES, day))
        spans = parquet.ParquetFile(_file(folder, SPANS, day))
        with traces, spans:
            if traces.num_row_groups != spans.num_row_groups:
                raise StoreError(
                    f"The files of {day} in {folder} do not fit together: another "
                    "program has changed them. Export the day again."
                )
            for group in range(traces.num_row_groups):
                yield Tables(traces.read_row_group(group), spans.read_row_group(group))
    except (OSError, arrow.ArrowException) as error:
        raise StoreError(f"{day} in {folder} cannot be read: {error}.") from error


def _file(folder: Path, name: str, day: date) -> Path:
    return folder / name / f"day={day.isoformat()}" / _FILE


def _metadata(file: Path) -> Any:
    parquet, arrow = pyarrow("pyarrow.parquet"), pyarrow()
    try:
        return parquet.read_metadata(file)
    except arrow.ArrowException as error:
        raise StoreError(f"{file} is not a Parquet file: {error}.") from error


def _sync(file: IO[bytes]) -> None:
    """Have a file on the disk before it takes the name of another."""
    file.flush()
    os.fsync(file.fileno())
