"""Looks at the health of a collector, and at how long anything takes."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.client import HTTPException
from typing import Any, NamedTuple

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from benchmarks.servers import Memory
from tests.drills.traffic import OWN_CONNECTION, until
from tests.plugins.collector import Collector
from tests.plugins.http_exports import send
from tests.plugins.observed import pid_of

__all__ = ["Watch", "is_ready", "memory_of", "timed"]


class _Look(NamedTuple):
    at: float
    http: bool
    grpc: bool


class Watch:
    """Looks at both readiness answers, five times a second."""

    def __init__(self, collector: Collector) -> None:
        self._collector = collector
        self.looks: list[_Look] = []

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
        with grpc.insecure_channel(self._collector.target, OWN_CONNECTION) as channel:
            stub = health_pb2_grpc.HealthStub(channel)
            while not stop.wait(0.2):
                http, over_grpc = is_ready(self._collector), _serves(stub)
                self.looks.append(_Look(time.monotonic(), http, over_grpc))

    def first_not_ready(self, after: float) -> float:
        """Return when neither answer was "ready" for the first time; else, never."""
        found = (x.at for x in self.looks if x.at >= after and not (x.http or x.grpc))
        return next(found, float("inf"))

    def first_ready(self, after: float) -> float:
        """Return when both answers were "ready" for the first time; else, never."""
        found = (x.at for x in self.looks if x.at >= after and x.http and x.grpc)
        return next(found, float("inf"))


def _serves(stub: Any) -> bool:
    try:
        answer = stub.Check(health_pb2.HealthCheckRequest(), timeout=2)
    except grpc.RpcError:
        return False
    return bool(answer.status == health_pb2.HealthCheckResponse.SERVING)


@contextmanager
def memory_of(collector: Collector) -> Iterator[Callable[[], float]]:
    """Yield what tells how many MiB more than now its processes have taken at most."""
    with Memory(pid_of(collector)) as memory:
        until(lambda: memory.peak_mib, "a first look at the memory")
        base = memory.peak_mib
        yield lambda: memory.peak_mib - base


def timed(work: Callable[[], bool]) -> float:
    """Return how long something took; what fails counts as the longest there is."""
    begun = time.monotonic()
    done = work()
    return time.monotonic() - begun if done else float("inf")


def is_ready(collector: Collector) -> bool:
    """Return whether ``/readyz`` says so; no answer says no."""
    try:
        return send(collector.http_endpoint, method="GET", path="/readyz").status == 200
    except (OSError, HTTPException):
        return False
