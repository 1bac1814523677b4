"""Drills on a store's server: PostgreSQL that restarts, is stopped, loses sessions."""

import atexit
import functools
import os
import random
import shutil
import signal
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final

import pytest

from benchmarks.servers import processes
from tests.drills.outage import OUTAGE, OUTAGE_AND_STOP, outage, outage_and_stop
from tests.drills.processes import stopped
from tests.drills.promises import DOUBLED, LOST, Result, Scale, Skipped, drill
from tests.drills.traffic import Traffic
from tests.plugins.collector import Collector
from tests.plugins.postgresql import Server, initialise, programs

_making: Final = threading.Lock()


@drill("postgresql-restart", "PostgreSQL stops, and starts again", *OUTAGE, waits=True)
def postgresql_restart(scale: Scale, folder: Path) -> Result:
    seconds = scale.pick(2, 20)
    with served(folder) as (server, collector):
        figures = outage(collector, away(server), seconds)
    return Result(f"{seconds} s", figures)


@contextmanager
def away(server: Server) -> Iterator[None]:
    """Have a server stop while the block runs."""
    server.stop()
    try:
        yield
    finally:
        server.start()


@drill(
    "postgresql-stopped",
    "SIGSTOP of every process of PostgreSQL; then once more, and SIGTERM meanwhile",
    *OUTAGE_AND_STOP,
    waits=True,
)
def postgresql_stopped(scale: Scale, folder: Path) -> Result:
    seconds = scale.pick(7, 20)
    with served(folder) as (server, collector):
        figures = outage_and_stop(
            collector, lambda: stopped(lambda: _processes(server)), seconds
        )
    return Result(f"{seconds} s", figures)


@drill(
    "postgresql-sessions",
    "sessions are ended under load, every tenth by SIGKILL, and all others with it",
    *(LOST, DOUBLED),
    waits=True,
)
def postgresql_sessions(scale: Scale, folder: Path) -> Result:
    kills, moments = scale.pick(6, 100), random.Random(7)  # noqa: S311 - the same ones
    with served(folder) as (server, collector):
        traffic = Traffic(collector.target, scale.pick(50, 0))
        with traffic.running():
            ended = 0
            while ended < kills:
                traffic.wait_for(1)
                time.sleep(moments.uniform(0, 0.1))
                for pid in _sessions(server):
                    ended += 1
                    _end(server, pid, by_kill=ended % scale.pick(5, 10) == 0)
        figures = traffic.lost_and_doubled(collector.store)
    return Result(f"{ended} sessions, {traffic.spans}", figures)


def _sessions(server: Server) -> list[int]:
    query = "SELECT pid FROM pg_stat_activity WHERE application_name = 'spanframe'"
    with server.connect() as connection:
        return [pid for (pid,) in connection.execute(query).fetchall()]


def _end(server: Server, pid: int, *, by_kill: bool) -> None:
    if by_kill:
        os.kill(pid, signal.SIGKILL)
        server.wait()
        return
    with server.connect() as connection:
        connection.execute("SELECT pg_terminate_backend(%s)", [pid])


@contextmanager
def served(folder: Path) -> Iterator[tuple[Server, Collector]]:
    """Start a server, which delays no commit, and a collector that stores in it."""
    with ExitStack() as stack:
        server = Server({}, _model())
        stack.callback(server.close)
        server.start()
        running = Collector.running(folder, store=server.url())
        yield server, stack.enter_context(running)


def _model() -> Path:
    """Return the folder that every server begins as a copy of."""
    with _making:
        return _only_model()


@functools.cache
def _only_model() -> Path:
    try:
        programs()
    except pytest.exit.Exception as reason:
        raise Skipped(str(reason)) from None
    folder = Path(tempfile.mkdtemp(prefix="spanframe-drills-postgresql-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    folder.chmod(0o755)  # the server may run as another user
    initialise(folder)
    return folder


def _processes(server: Server) -> list[int]:
    assert server._process is not None
    return processes(server._process.pid)
