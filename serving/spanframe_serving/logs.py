"""The log of a process, on standard error: text, or one JSON object a line."""

import logging
import os
import sys
from typing import IO, Final, cast

from pythonjsonlogger.json import JsonFormatter
from rich.console import Console
from rich.logging import RichHandler

from spanframe_serving.background_stream import BackgroundStream
from spanframe_serving.repeats import Repeats

__all__ = ["keep_grpc_quiet", "log_to_stderr"]

_FIELDS: Final = ("asctime", "levelname", "name", "message")


class _OneLine(logging.Formatter):
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


def log_to_stderr(log_format: str) -> None:
    """Write records of level INFO and above to standard error, without ever waiting.

    Lines that repeat are gathered; lines that nobody reads are dropped and counted.

    Args:
        log_format: ``text`` or ``json``.
    """
    stream = BackgroundStream(sys.stderr.fileno())
    console = Console(file=cast("IO[str]", stream))
    handler: logging.Handler = logging.StreamHandler(stream)
    if log_format == "json":
        handler.setFormatter(
            JsonFormatter(
                list(_FIELDS),
                style=",",
                rename_fields={"asctime": "time", "levelname": "level"},
            )
        )
    elif console.is_terminal:
        handler = RichHandler(console=console, show_path=False)
        handler.setFormatter(_OneLine("%(message)s"))
    else:
        handler.setFormatter(
            _OneLine("%(asctime)s %(levelname)s %(name)s: %(message)s")
        )
    handler.addFilter(Repeats(handler))
    logging.basicConfig(level=logging.INFO, handlers=[handler])
    # Alembic logs every context that it opens at INFO.
    logging.getLogger("alembic").setLevel(logging.WARNING)
    # asyncio warns of every write to a peer that has left.
    logging.getLogger("asyncio").setLevel(logging.ERROR)
