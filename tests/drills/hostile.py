"""Drills by senders that may send nothing, or send what costs much."""

import fcntl
import gzip
import os
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import grpc

from benchmarks.acknowledged import EXPORT
from tests.drills.promises import MEMORY, Promise, Result, Scale, drill
from tests.drills.traffic import OWN_CONNECTION, until
from tests.drills.watch import memory_of
from tests.plugins.collector import Collector, StartedCollector
from tests.plugins.exports import UNLIMITED, code_of, message
from tests.plugins.http_exports import send
from tests.plugins.otlp import request, span
from tests.plugins.threads import set_at_the_end

OTHERS: Final = (
    Promise("others' requests refused", 0),
    Promise("others wait, 99 of 100 times", 1.0, "s"),
)


class Neighbour:
    """A sender of one span after the other, which others shall not disturb."""

    def __init__(self, target: str, token: str = "") -> None:
        self._target = target
        self._metadata = [("authorization", f"Bearer {token}")] if token else []
        self.seconds: list[float] = []
        self.refused = 0

    @contextmanager
    def running(self) -> Iterator[None]:
        stop = threading.Event()
        with ThreadPoolExecutor(1) as thread, set_at_the_end(stop):
            working = thread.submit(self._work, stop)
            until(lambda: len(self.seconds) > 5 or working.done(), "a first answer")
            self.seconds.clear()
            yield

    def _work(self, stop: threading.Event) -> None:
        with grpc.insecure_channel(self._target, OWN_CONNECTION) as channel:
            call = channel.unary_unary(EXPORT)
            while not stop.wait(0.02):
                body = request(span(1, trace_id=os.urandom(16))).SerializeToString()
                begun = time.monotonic()
                done = call.future(body, timeout=20, metadata=self._metadata)
                self.refused += done.code() is not grpc.StatusCode.OK
                self.seconds.append(time.monotonic() - begun)

    @property
    def figures(self) -> tuple[float, float]:
        """The figures of `OTHERS`."""
        sorted_ = statistics.quantiles(self.seconds, n=100, method="inclusive")
        return self.refused, sorted_[98]


@drill(
    "denied",
    "calls with a wrong token: of 1.1 MB, small ones, and gzip that inflates to 15 MB",
    MEMORY,
    Promise("answers other than UNAUTHENTICATED", 0),
    *OTHERS,
)
def denied(scale: Scale, folder: Path) -> Result:
    large, small, bombs = scale.pick((40, 200, 12), (400, 10_000, 100))
    file = folder / "tokens"
    file.write_text("right\n")
    bodies = [(message(1, 1_100_000), large), (message(1), small)]
    zeros = request(span(1, attributes={"zeros": "0" * 15_000_000}))
    with Collector.running(folder / "c", "--token-file", str(file)) as collector:
        neighbour = Neighbour(collector.target, "right")
        with neighbour.running(), memory_of(collector) as more:
            others = sum(flood(collector.target, *each) for each in bodies)
            body = zeros.SerializeToString()
            others += flood(collector.target, body, bombs, grpc.Compression.Gzip)
            others += flood_over_http(collector, gzip.compress(body), bombs)
    done = f"{large} large, {small:,} small, {bombs} bombs over each of gRPC and HTTP"
    return Result(done, (more(), others, *neighbour.figures))


def flood(
    target: str, body: bytes, count: int, compression: grpc.Compression | None = None
) -> int:
    """Call with a wrong token; return how many answers were not the right one."""

    def answers(calls: int) -> int:
        with grpc.insecure_channel(target, (*OWN_CONNECTION, *UNLIMITED)) as channel:
            call = channel.unary_unary(EXPORT)
            wrong = [("authorization", "Bearer wrong")]
            codes = [
                call.future(
                    body, timeout=20, metadata=wrong, compression=compression
                ).code()
                for _ in range(calls)
            ]
        return sum(code is not grpc.StatusCode.UNAUTHENTICATED for code in codes)

    with ThreadPoolExecutor(4) as threads:
        return sum(threads.map(answers, [count // 4] * 4))


def flood_over_http(collector: Collector, body: bytes, count: int) -> int:
    """Post with a wrong token; return how many answers were not 401."""
    headers = {"authorization": "Bearer wrong", "content_encoding": "gzip"}
    endpoint = collector.http_endpoint
    found = [send(endpoint, body, **headers).status for _ in range(count)]
    return sum(status != 401 for status in found)


@drill(
    "tag-bomb",
    "legal requests that give one trace 10 000 tags each, then spans of that trace",
    Promise("longest answer of a further span", 1.0, "s"),
    *OTHERS,
    Promise("more memory", 256, "MiB"),
)
def tag_bomb(scale: Scale, folder: Path) -> Result:
    requests = scale.pick(3, 15)
    seconds = []
    with Collector.running(folder) as collector:
        neighbour = Neighbour(collector.target)
        with neighbour.running(), memory_of(collector) as more:
            for number in range(requests):
                tags = {f"mlflow.traceTag.{number}-{n}": "v" for n in range(10_000)}
                body = request(span(number + 1, attributes=tags)).SerializeToString()
                assert code_of(collector.target, body, 60) is grpc.StatusCode.OK
            for number in range(scale.pick(5, 50)):
                body = request(span(1000 + number)).SerializeToString()
                begun = time.monotonic()
                code = code_of(collector.target, body, 60)
                seconds.append(time.monotonic() - begun)
                assert code is grpc.StatusCode.OK, code
    done = f"{requests * 10_000:,} tags, {len(seconds)} spans"
    return Result(done, (max(seconds), *neighbour.figures, more()))


@drill(
    "unread-log",
    "requests that are refused in part while nobody reads the log, a pipe of 4 KiB",
    Promise("longest answer", 1.0, "s"),
    Promise("requests without an answer", 0),
    waits=True,
)
def unread_log(scale: Scale, folder: Path) -> Result:
    count = scale.pick(200, 2000)
    collector = Unread(folder)
    collector.start()
    seconds, unanswered = [], 0
    try:
        with grpc.insecure_channel(collector.target, OWN_CONNECTION) as channel:
            call = channel.unary_unary(EXPORT)
            for number in range(count):
                bad = span(2, trace_id=os.urandom(1 + number % 15))
                body = request(span(1), bad).SerializeToString()
                begun = time.monotonic()
                done = call.future(body, timeout=20).code() is grpc.StatusCode.OK
                seconds.append(time.monotonic() - begun)
                unanswered += not done
                if unanswered:
                    break
    finally:
        collector.kill9()
    return Result(f"{len(seconds):,} requests", (max(seconds), unanswered))


class Unread(StartedCollector):
    """A collector that logs into a pipe that nobody reads."""

    has_log = False

    def _started(self, words: list[str]) -> "subprocess.Popen[bytes]":
        self._log.touch()
        self._unread, end = os.pipe()
        fcntl.fcntl(end, fcntl.F_SETPIPE_SZ, 4096)
        try:
            command = [sys.executable, "-m", "spanframe", *words]
            return subprocess.Popen(command, stdout=end, stderr=end)
        finally:
            os.close(end)

    def kill9(self) -> None:
        super().kill9()
        os.close(self._unread)
