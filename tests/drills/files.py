"""Drills on a store that is away for a while: full, locked, its disk hanging."""

import resource
import shutil
import sqlite3
import subprocess
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import grpc

from benchmarks.acknowledged import EXPORT
from benchmarks.servers import processes
from tests.drills.outage import OUTAGE, OUTAGE_AND_STOP, outage, outage_and_stop
from tests.drills.promises import Promise, Result, Scale, Skipped, drill
from tests.drills.traffic import OWN_CONNECTION
from tests.drills.watch import memory_of
from tests.plugins.collector import Collector, StartedCollector
from tests.plugins.exports import message
from tests.plugins.observed import locked, pid_of, rows
from tests.plugins.threads import set_at_the_end


@drill(
    "disk-full",
    "no file may grow (RLIMIT_FSIZE of both processes)",
    *OUTAGE,
    Promise("searches that fail meanwhile", 0),
    waits=True,
)
def disk_full(scale: Scale, folder: Path) -> Result:
    seconds = scale.pick(7, 20)
    with Collector.running(folder) as collector:
        searches = Searches(collector)
        with searches.running():
            figures = outage(collector, full(collector), seconds)
    done = f"{seconds} s, {searches.done} searches"
    return Result(done, (*figures, searches.failed))


@contextmanager
def full(collector: Collector) -> Iterator[None]:
    """Let no file of a collector become larger than its log is."""
    size = len(collector.log) + 50_000  # what is logged meanwhile is part of a drill
    before = {
        pid: resource.prlimit(pid, resource.RLIMIT_FSIZE)
        for pid in processes(pid_of(collector))
    }
    for pid, (_, hard) in before.items():
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        for pid, limits in before.items():
            if Path(f"/proc/{pid}").exists():
                resource.prlimit(pid, resource.RLIMIT_FSIZE, limits)


class Searches:
    """Reads the store again and again, as a search does."""

    def __init__(self, collector: Collector) -> None:
        self._collector = collector
        self.done = self.failed = 0

    @contextmanager
    def running(self) -> Iterator[None]:
        stop = threading.Event()
        thread = threading.Thread(target=self._work, args=(stop,))
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join()

    def _work(self, stop: threading.Event) -> None:
        while not stop.wait(0.2):
            self.done += 1
            try:
                rows(self._collector, "SELECT count(*) FROM traces")
            except sqlite3.Error:
                self.failed += 1


@drill(
    "locked",
    "another program holds the lock of writers, under clients with 1 MB each; then "
    "once more, and SIGTERM meanwhile",
    *OUTAGE_AND_STOP,
    Promise("more memory", 256, "MiB"),
    waits=True,
)
def locked_store(scale: Scale, folder: Path) -> Result:
    seconds, clients = scale.pick((7, 4), (30, 64))
    with Collector.running(folder) as collector, memory_of(collector) as more:
        figures = outage_and_stop(
            collector, lambda: locked_under(collector, clients), seconds
        )
        return Result(f"{seconds} s, {clients} clients", (*figures, more()))


@contextmanager
def locked_under(collector: Collector, clients: int) -> Iterator[None]:
    """Lock a store, and have clients send 1 MB each, ever again, while it is locked."""
    stop = threading.Event()
    body = message(2, 1_000_000)

    def work() -> None:
        with grpc.insecure_channel(collector.target, OWN_CONNECTION) as channel:
            call = channel.unary_unary(EXPORT)
            while not stop.wait(0.2):
                call.future(body, timeout=30).code()

    with (
        locked(collector),
        ThreadPoolExecutor(clients) as threads,
        set_at_the_end(stop),
    ):
        for _ in range(clients):
            threads.submit(work)
        yield


@drill(
    "hanging-fsync",
    "fsync does not return; then once more, and SIGTERM meanwhile",
    *OUTAGE_AND_STOP,
    waits=True,
)
def hanging_fsync(scale: Scale, folder: Path) -> Result:
    seconds = scale.pick(7, 20)
    hangs = folder / "hangs"
    with preloaded(folder, hangs) as collector:
        figures = outage_and_stop(collector, lambda: present(hangs), seconds)
    return Result(f"{seconds} s", figures)


@contextmanager
def preloaded(folder: Path, hangs: Path) -> Iterator[Collector]:
    """Start a collector whose fsync hangs while a file is there."""
    library = str(folder / "hanging.so")
    compiler = shutil.which("cc")
    if compiler is None:
        raise Skipped("there is no C compiler (cc)")
    source = str(Path(__file__).with_name("hanging.c"))
    command = [compiler, "-shared", "-fPIC", "-o", library, source, "-ldl"]
    subprocess.run(command, check=True)
    collector = StartedCollector(folder / "collector")
    collector.prefix = ("env", f"LD_PRELOAD={library}", f"DRILL_HANGS={hangs}")
    collector.start()
    try:
        yield collector
    finally:
        collector.kill9()


@contextmanager
def present(file: Path) -> Iterator[None]:
    """Have a file be there while the block runs."""
    file.touch()
    try:
        yield
    finally:
        file.unlink()
