"""The program that `tests.plugins.forked` talks to; it imports nothing of the tests.

It reads requests from its input and writes answers to its output, a line of JSON each.
"""

import atexit
import gc
import importlib
import json
import os
import runpy
import signal
import sys
import threading
from typing import Annotated, Any, Final, NoReturn

import typer

from spanframe_serving.logs import keep_grpc_quiet

IMPORTED: Final = (
    "alembic.command",
    "psycopg",
    "rich.progress",
    "spanframe",
    "spanframe_collector.service",
    "spanframe_query.cli",
    "spanframe_store.sql.admin",
    "spanframe_store.sql.backend",
    "spanframe_store.sql.migrations",
    "sqlalchemy.dialects.postgresql.psycopg",
    "sqlalchemy.dialects.sqlite.pysqlite",
    "typer.rich_utils",
)
"""All that commands load, but the collector's module that looks at the terminal."""


def main() -> None:
    """Start programs and tell how they ended, until the input ends."""
    keep_grpc_quiet()  # before gRPC is loaded
    for name in IMPORTED:
        importlib.import_module(name)
    _parse_something()
    # A program looks for garbage when it ends, and would copy all of memory to do so.
    gc.collect()
    gc.freeze()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # it is the tests that are interrupted
    answers = os.dup(1)
    for line in sys.stdin:
        asked = json.loads(line)
        if "ended" in asked:
            answer = _exit_code(asked["ended"])
        else:
            answer = os.fork()
            if answer == 0:
                os.close(answers)
                _become(asked)
                return
        os.write(answers, json.dumps(answer).encode() + b"\n")


def _parse_something() -> None:
    """Have typer load what it does not load before it parses an option."""

    def command(option: Annotated[str, typer.Option()] = "") -> None:
        del option

    app = typer.Typer()
    app.command()(command)
    app(["--option", "x"], standalone_mode=False)


def _exit_code(pid: int) -> int | None:
    ended, status = os.waitpid(pid, os.WNOHANG)
    return os.waitstatus_to_exitcode(status) if ended else None


def _become(asked: dict[str, Any]) -> None:
    """Be what `python -m spanframe` would be by now."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for stream, path in enumerate((os.devnull, asked["stdout"], asked["stderr"])):
        flags = os.O_RDWR | os.O_CREAT | os.O_APPEND
        opened = os.open(path, flags, 0o600)
        os.dup2(opened, stream)
        os.close(opened)
    os.environ.clear()
    os.environ.update(asked["environment"])
    os.chdir(asked["folder"])
    sys.argv = ["spanframe", *asked["words"]]
    try:
        runpy.run_module("spanframe", run_name="__main__", alter_sys=True)
    except SystemExit as end:
        if isinstance(end.code, str):
            raise
        _leave(end.code or 0)


def _leave(code: int) -> NoReturn:
    """End as an interpreter does, but for freeing one object after the other.

    Each of them is in memory that the process has in common with the server, and that
    would be copied for it: half of the time of a short program.
    """
    threading._shutdown()  # type: ignore[attr-defined] # waits for threads
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


if __name__ == "__main__":
    main()
