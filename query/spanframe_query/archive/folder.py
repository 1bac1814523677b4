"""The folder of an archive: which days it has, writing a day, reading a day.

A day is written to files beside those of the archive, which then take their names: the
spans first and the traces last, so that a day with traces is whole. What a day had
stays until both are complete; the next export gives names that a killed one did not.
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

__all__ = ["count_day", "days_of", "ids_of_day", "read_day", "write_day"]

_DAY: Final = re.compile(r"day=(\d{4}-\d{2}-\d{2})")
_FILE: Final = "part.parquet"
_UNFINISHED: Final = ".part.parquet.unfinished"
"""Name of a file that is being written; readers of Parquet pass over it."""

_COMPLETE: Final = ".part.parquet.complete"
"""Name of a file of traces that is complete, as is that of the spans beside it."""


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


def ids_of_day(folder: Path, day: date) -> frozenset[str]:
    """Return the ids, in hex, of the traces of a day that an archive has.

    Raises:
        StoreError: when the files cannot be read.
    """
    _finish(folder, day)
    if not count_day(folder, day):
        return frozenset()
    parquet = pyarrow("pyarrow.parquet")
    with parquet.ParquetFile(_file(folder, TRACES, day)) as traces:
        return frozenset(traces.read(["trace_id"])["trace_id"].to_pylist())


def write_day(folder: Path, day: date, portions: Iterable[Tables]) -> None:
    """Write a day of an archive, in place of what it has.

    The portions may be read of the day itself: its files are replaced at the end.

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
                if not portion.traces.num_rows:
                    continue
                for name, table in ((TRACES, portion.traces), (SPANS, portion.spans)):
                    # One group of rows a portion, in both files, for `read_day`.
                    writers[name].write_table(table, max(1, table.num_rows))
                    written[name] += table.num_rows
        for name, file in files.items():
            unfinished = file.with_name(_UNFINISHED)
            if _metadata(unfinished).num_rows != written[name]:
                raise StoreError(f"{unfinished} does not hold what was written to it.")
        traces = files[TRACES]
        traces.with_name(_UNFINISHED).replace(traces.with_name(_COMPLETE))
        _finish(folder, day)
    except OSError as error:
        raise StoreError(
            f"The archive {folder} cannot be written: {error.strerror or error}. "
            "Export again: the days that are whole stay."
        ) from error


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


def _finish(folder: Path, day: date) -> None:
    """Give complete files of a day their names, also those of a killed export."""
    spans, traces = _file(folder, SPANS, day), _file(folder, TRACES, day)
    complete = traces.with_name(_COMPLETE)
    if complete.is_file():
        unfinished = spans.with_name(_UNFINISHED)
        if unfinished.is_file():
            unfinished.replace(spans)
        complete.replace(traces)


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
