"""A store that another program locks, under 64 clients: answers, memory, recovery.

    python benchmarks/locked.py [--seconds 60]

Each client sends a request of 1 MB again and again, whatever the answer. The exit code
is 1 when an answer takes longer than 5 s, the memory grows by more than 256 MiB, the
collector needs more than 2 s to serve again, or a request was answered with OK.
"""

import argparse
import json
import sqlite3
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Final

import grpc

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.acknowledged import EXPORT
from benchmarks.report import machine
from benchmarks.servers import resident_mib
from tests.plugins.collector import StartedCollector
from tests.plugins.otlp import request, span

CLIENTS: Final = 64
MOST_SECONDS: Final = 5.0
MOST_SECONDS_BACK: Final = 2.0
MOST_MIB: Final = 256
OPTIONS: Final = [("grpc.use_local_subchannel_pool", 1)]


@contextmanager
def locked(collector: StartedCollector) -> Iterator[None]:
    path = collector.store.removeprefix("sqlite:///")
    with closing(sqlite3.connect(path)) as blocker:
        blocker.execute("BEGIN IMMEDIATE")
        yield


class Clients:
    """Send until they are told to stop."""

    def __init__(self, target: str) -> None:
        filling = {"filling": "x" * 1_000_000}
        self._body = request(span(2, attributes=filling)).SerializeToString()
        self._target = target
        self.stop = threading.Event()
        self.codes: Counter[str] = Counter()
        self.seconds: list[float] = []

    def work(self) -> None:
        with grpc.insecure_channel(self._target, OPTIONS) as channel:
            call = channel.unary_unary(EXPORT)
            while not self.stop.wait(0.05):
                begun = time.monotonic()
                code = call.future(self._body, timeout=30).code()
                self.seconds.append(time.monotonic() - begun)
                self.codes[code.name] += 1


def seconds_until_it_serves(collector: StartedCollector) -> float:
    body = request(span(3)).SerializeToString()
    begun = time.monotonic()
    with grpc.insecure_channel(collector.target, OPTIONS) as channel:
        call = channel.unary_unary(EXPORT)
        while call.future(body, timeout=10).code() is not grpc.StatusCode.OK:
            time.sleep(0.02)
    return time.monotonic() - begun


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=60)
    options = parser.parse_args()
    print("\n".join(machine()))
    with (
        tempfile.TemporaryDirectory() as folder,
        StartedCollector.running(Path(folder)) as collector,
    ):
        pid = json.loads((Path(folder) / "ready.json").read_text())["pid"]
        seconds_until_it_serves(collector)
        base = most = resident_mib(pid)
        clients = Clients(collector.target)
        with locked(collector), ThreadPoolExecutor(CLIENTS) as threads:
            for _ in range(CLIENTS):
                threads.submit(clients.work)
            until = time.monotonic() + options.seconds
            while time.monotonic() < until:
                most = max(most, resident_mib(pid))
                time.sleep(0.05)
            clients.stop.set()
        back = seconds_until_it_serves(collector)
    longest = max(clients.seconds)
    print(f"{sum(clients.codes.values()):,} answers: {dict(clients.codes)}")
    print(
        f"longest {longest:.2f} s; memory {base:.0f} MiB and at most {most - base:.0f} "
        f"more; serving again after {back:.2f} s"
    )
    holds = (
        set(clients.codes) == {"UNAVAILABLE"}
        and longest <= MOST_SECONDS
        and most - base <= MOST_MIB
        and back <= MOST_SECONDS_BACK
    )
    print("All bounds hold." if holds else "BROKEN")
    return 0 if holds else 1


if __name__ == "__main__":
    sys.exit(main())
