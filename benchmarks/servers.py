"""Run the programs to measure, each in a process of its own on loopback."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final, Self

__all__ = [
    "WORK",
    "Memory",
    "collector",
    "cpu_seconds",
    "free_port",
    "port_is_open",
    "processes",
    "resident_mib",
    "running",
]

WORK: Final = Path(__file__).parents[1] / "build" / "benchmarks"
"""Stores, environments and logs; `make clean` removes them."""

START_SECONDS: Final = 120
STOP_SECONDS: Final = 60
MEMORY_PERIOD_SECONDS: Final = 0.05


@contextmanager
def running(
    command: Sequence[str],
    log: Path,
    is_ready: Callable[[], bool],
    environment: Mapping[str, str] | None = None,
) -> Iterator[int]:
    """Start a program, yield its process id once it is ready, and stop it."""
    inherited = os.environ  # noqa: TID251 - a peer is configured by its environment
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            stdout=output,
            stderr=output,
            env=inherited | (environment or {}),
            cwd=log.parent,
            start_new_session=True,
        )
    try:
        deadline = time.monotonic() + START_SECONDS
        while not is_ready():
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"{command[0]} did not start: see {log}")
            time.sleep(0.05)
        yield process.pid
    finally:
        _stop(process)


def _stop(process: "subprocess.Popen[bytes]") -> None:
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        # The whole session: a server's workers must not outlive it.
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


@contextmanager
def collector(store: Path, url: str | None = None) -> Iterator[tuple[str, int]]:
    """Run a collector with its default settings; yield HOST:PORT and process id.

    Its store is a file, or at a URL; then the file only names what stands beside it.
    """
    store.parent.mkdir(parents=True, exist_ok=True)
    ready = store.with_suffix(".ready")
    ready.unlink(missing_ok=True)
    command = [sys.executable, "-m", "spanframe", "collector"]
    command += ["--store", url or f"sqlite:///{store}", "--grpc", "127.0.0.1:0"]
    command += ["--http", "", "--ready-file", str(ready), "--drain-seconds", "0"]
    with running(command, store.with_suffix(".log"), ready.exists) as pid:
        yield json.loads(ready.read_text())["grpc"], pid


class Memory:
    """The most memory that all processes of a program have had resident at a time."""

    def __init__(self, pid: int) -> None:
        self.peak_mib = 0.0
        self._pid = pid
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._ended.wait(MEMORY_PERIOD_SECONDS):
            self.peak_mib = max(self.peak_mib, resident_mib(self._pid))


def resident_mib(pid: int) -> float:
    """Return the memory that the processes of a program have resident (Linux)."""
    pages = 0
    for each in processes(pid):
        with suppress(OSError):  # it has ended
            pages += int(Path(f"/proc/{each}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / (1 << 20)


def cpu_seconds(pid: int) -> float:
    """Return the processor time the processes of a program have used (Linux)."""
    ticks = 0
    for each in processes(pid):
        text = Path(f"/proc/{each}/stat").read_text()
        # The name of the program, in brackets, may hold anything.
        fields = text.rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def processes(pid: int) -> list[int]:
    """Return a process and those it has started."""
    tasks = Path(f"/proc/{pid}/task").glob("*/children")
    return [pid, *(int(child) for task in tasks for child in task.read_text().split())]


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def port_is_open(port: int) -> bool:
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0
