"""The log of a process, on standard error: text, or one JSON object a line."""

import io
import logging
import os
import sys
from collections.abc import Callable
from datetime import datetime
from typing import IO, Final, cast

from pythonjsonlogger.json import JsonFormatter
from rich.console import Console
from rich.logging import RichHandler

from spanframe_serving.background_stream import BackgroundStream
from spanframe_serving.repeats import Repeats

__all__ = ["end_log", "keep_grpc_quiet", "log_to_stderr"]

_STDERR: Final = 2
_FIELDS: Final = ("asctime", "levelname", "name", "message")


_endings: Final[list[Callable[[], None]]] = []
"""Ends the log that was begun; empty: none was."""


class _Iso8601(logging.Formatter):
    """Writes times as ISO 8601 with the offset of this machine."""

    def formatTime(  # noqa: N802 - its name
        self,
        record: logging.LogRecord,
        datefmt: str | None = None,  # noqa: ARG002 - of logging
    ) -> str:
        moment = datetime.fromtimestamp(record.created).astimezone()
        return moment.isoformat(timespec="milliseconds")


class _JsonLines(_Iso8601, JsonFormatter):
    """Writes a record as one JSON object."""


class _OneLine(_Iso8601):
    """Escapes line breaks and control characters of a message."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - its name
        record.message = "".join(
            c if c.isprintable() else c.encode("unicode_escape").decode()
            for c in record.message
        )
        return super().formatMessage(record)


def keep_grpc_quiet() -> None:
    """Keep gRPC's library from writing to standard error, which its peers can cause.

    It reads the variable when it is loaded. A variable that is set stays as it is.
    """
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")  # noqa: TID251 - set, not read


def end_log() -> None:
    """Write what is queued of the log, before the process ends without more ado."""
    for end in _endings:
        end()


def log_to_stderr(log_format: str) -> None:
    """Write records of level INFO and above to standard error, without ever waiting.

    Lines that repeat are gathered; lines that nobody reads are dropped and counted.

    Args:
        log_format: ``text`` or ``json``.
    """
    stream = BackgroundStream(_descriptor(sys.stderr))
    console = Console(file=cast("IO[str]", stream))
    handler: logging.Handler = logging.StreamHandler(stream)
    if log_format == "json":
        handler.setFormatter(
            _JsonLines(
                list(_FIELDS),
                style=",",
                rename_fields={"asctime": "time", "levelname": "level"},
            )
        )
    elif console.is_terminal:
        handler = RichHandler(
            console=console, show_path=False, log_time_format="%Y-%m-%dT%H:%M:%S%z"
        )
        handler.setFormatter(_OneLine("%(message)s"))
    else:
        handler.setFormatter(
            _OneLine("%(asctime)s %(levelname)s %(name)s: %(message)s")
        )
    repeats = Repeats(handler)
    handler.addFilter(repeats)
    _endings[:] = repeats.finish, stream.close
    logging.basicConfig(level=logging.INFO, handlers=[handler])
    # Alembic logs every context that it opens at INFO.
    logging.getLogger("alembic").setLevel(logging.WARNING)
    # asyncio warns of every write to a peer that has left.
    logging.getLogger("asyncio").setLevel(logging.ERROR)


def _descriptor(stream: IO[str]) -> int:
    """Return the descriptor of a stream; that of standard error where it has none."""
    try:
        return stream.fileno()
    except io.UnsupportedOperation:
        return _STDERR
