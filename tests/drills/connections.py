"""Drills by connections that are opened and held, in hundreds."""

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Final

import grpc

from benchmarks.acknowledged import EXPORT
from tests.drills.promises import MEMORY, Promise, Result, Scale, drill
from tests.drills.traffic import OWN_CONNECTION
from tests.drills.watch import is_ready, memory_of, timed
from tests.plugins.collector import Collector, StartedCollector
from tests.plugins.exports import code_of, message

FILES: Final = 1024
"""The limit of open files that a login or a service usually begins with."""

CONNECTIONS: Final = (
    Promise("longest answer of a new sender", 2.0, "s"),
    Promise("longest answer of health", 2.0, "s"),
    Promise("bytes of log", 20_000),
    MEMORY,
)


@drill(
    "silent-connections",
    "connections that say nothing to the gRPC port, under a limit of 1 024 files",
    *CONNECTIONS,
    waits=True,
)
def silent_connections(scale: Scale, folder: Path) -> Result:
    count, seconds = 1500, scale.pick(1, 15)
    with limited(folder, FILES) as collector:
        figures = beside(collector, seconds, held(collector.target, count))
    return Result(f"{count:,} connections, {seconds} s", figures)


@drill(
    "trickling-connections",
    "HTTP bodies of which a byte arrives now and then, under a limit of 1 024 files",
    *CONNECTIONS,
    waits=True,
)
def trickling_connections(scale: Scale, folder: Path) -> Result:
    count, seconds = 700, scale.pick(1, 15)
    head = b"POST /v1/traces HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n"
    head += b"Content-Type: application/x-protobuf\r\n\r\n"
    with limited(folder, FILES) as collector:
        target = collector.http_endpoint.removeprefix("http://")
        figures = beside(collector, seconds, held(target, count, head))
    return Result(f"{count:,} connections, {seconds} s", figures)


@contextmanager
def limited(folder: Path, files: int) -> Iterator[Collector]:
    """Start a collector that may have so many files open, and never more."""
    collector = StartedCollector(folder / "collector")
    collector.prefix = ("sh", "-c", f'ulimit -n {files}; exec "$@"', "sh")
    collector.start()
    try:
        yield collector
    finally:
        collector.kill9()


_HOLD: Final = """
import resource, socket, sys, time
host, port, count, head = *sys.argv[1].rsplit(":", 1), int(sys.argv[2]), sys.argv[3]
most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
held, end = [], time.monotonic() + 20
for _ in range(count):
    if time.monotonic() > end:
        break
    try:
        connection = socket.create_connection((host, int(port)), timeout=0.2)
        connection.sendall(bytes.fromhex(head))
        held.append(connection)
    except OSError:
        pass  # refused: what a collector may do
print(len(held), flush=True)
while True:
    time.sleep(0.5)
    for connection in held:
        try:
            connection.sendall(b"x" if head else b"")
        except OSError:
            pass  # closed: what a collector may do
"""


@contextmanager
def held(target: str, count: int, head: bytes = b"") -> Iterator[None]:
    """Hold connections open in a process of its own, which may have enough of them."""
    command = [sys.executable, "-c", _HOLD, target, str(count), head.hex()]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        try:
            yield
        finally:
            process.kill()


def beside(
    collector: Collector, seconds: float, holding: AbstractContextManager[None]
) -> tuple[float, ...]:
    """Look at a collector while connections are held; the figures of `CONNECTIONS`."""
    senders, health = [], []
    code_of(collector.target, message(1))
    said = len(collector.log)
    with memory_of(collector) as more, holding:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            senders.append(timed(lambda: _taken(collector)))
            health.append(timed(lambda: is_ready(collector)))
            time.sleep(0.2)
    return max(senders), max(health), len(collector.log) - said, more()


def _taken(collector: Collector) -> bool:
    """Send as a new sender does, on a connection of its own."""
    with grpc.insecure_channel(collector.target, OWN_CONNECTION) as channel:
        done = channel.unary_unary(EXPORT).future(message(2), timeout=30)
        return done.code() is grpc.StatusCode.OK
