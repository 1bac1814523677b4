"""The collector's own log, on standard error: for people, or an object a line."""

import logging
import os
from typing import Final

from pythonjsonlogger.json import JsonFormatter
from rich.console import Console
from rich.logging import RichHandler

__all__ = ["keep_grpc_quiet", "log_to_stderr"]

_FIELDS: Final = ("asctime", "levelname", "name", "message")


class _OneLine(logging.Formatter):
    """Keeps a message on one line, and a terminal safe from what is in it."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - its name
        record.message = "".join(
            c if c.isprintable() else c.encode("unicode_escape").decode()
            for c in record.message
        )
        return super().formatMessage(record)


def keep_grpc_quiet() -> None:
    """Keep gRPC's library from writing lines between ours, at the will of its peers.

    It reads the variable when it is loaded; who debugs it has set the variable.
    """
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")  # noqa: TID251 - set, not read


def log_to_stderr(log_format: str) -> None:
    """Send what is logged, from INFO on, to standard error.

    Args:
        log_format: ``text`` or ``json``.
    """
    console = Console(stderr=True)
    handler: logging.Handler = logging.StreamHandler()
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
    logging.basicConfig(level=logging.INFO, handlers=[handler])
    # Alembic tells of every context it opens.
    logging.getLogger("alembic").setLevel(logging.WARNING)
