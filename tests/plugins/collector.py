"""A real collector in a process of its own, for tests that go over the wire."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Self

import pytest

from spanframe_store.sql.backend import open_engine
from tests.plugins import forked
from tests.plugins.store import Stored, stored_spans

START_SECONDS = 30
STOP_SECONDS = 20


class Collector:
    """One collector process; it keeps its port and its store over restarts."""

    python: str | None = None
    """The interpreter that starts it; None: `tests.plugins.forked` does, in no time."""

    has_log = True
    """Whether what it logs can be read."""

    prefix: Sequence[str] = ()
    """The words before the interpreter's, of `env` for example."""

    def __init__(self, folder: Path, *options: str, store: str | None = None) -> None:
        """Make one that is not started; the store is a file in its folder, or a URL."""
        folder.mkdir(parents=True, exist_ok=True)
        self.store = store or f"sqlite:///{folder / 'spanframe.db'}"
        self._options = options
        self._ready_file = folder / "ready.json"
        self._log = folder / "collector.log"
        self._address = "127.0.0.1:0"
        self._http_address = "127.0.0.1:0"
        self._process: subprocess.Popen[bytes] | forked.Forked | None = None

    @property
    def target(self) -> str:
        """HOST:PORT, as gRPC channels take it."""
        return self._address

    @property
    def endpoint(self) -> str:
        """The URL for ``SPANFRAME_ENDPOINT`` and ``OTEL_EXPORTER_OTLP_ENDPOINT``."""
        return f"http://{self._address}"

    @property
    def http_endpoint(self) -> str:
        """The URL of OTLP over HTTP, without a path."""
        return f"http://{self._http_address}"

    @property
    def environment(self) -> dict[str, str]:
        """The environment for a program that sends here and searches here."""
        ours = {"SPANFRAME_ENDPOINT": self.endpoint, "SPANFRAME_STORE": self.store}
        return os.environ | ours

    @property
    def log(self) -> str:
        """What the process has printed so far, over all its lives."""
        return self._log.read_text(errors="replace")

    def start(self) -> None:
        """Start the process and wait until it serves."""
        self._ready_file.unlink(missing_ok=True)
        words = ["collector", "--store", self.store, "--grpc", self._address]
        words += ["--http", self._http_address]
        words += ["--ready-file", str(self._ready_file)]
        words += ["--drain-seconds", "0", *self._options]
        lines = self._said_ready()
        self._process = self._started(words)
        deadline = time.monotonic() + START_SECONDS
        while not self._ready_file.exists():
            self._fail_unless_alive(deadline)
        listeners = json.loads(self._ready_file.read_text())
        self._address = listeners["grpc"]
        self._http_address = listeners.get("http", "")
        # A line of the log may be written some time after what it says.
        while self.has_log and self._said_ready() < lines + len(
            listeners.keys() & {"grpc", "http"}
        ):
            self._fail_unless_alive(deadline)

    def _said_ready(self) -> int:
        return self.log.count("Ready: ") if self._log.exists() else 0

    def _fail_unless_alive(self, deadline: float) -> None:
        """Wait a moment; fail when the process has ended or is late."""
        if self._running.poll() is not None or time.monotonic() > deadline:
            self.kill9()
            pytest.fail(f"the collector did not start:\n{self.log}")
        time.sleep(0.02)

    def kill9(self) -> None:
        """End the process at once, as a crash would."""
        self._running.kill()
        self._running.wait(STOP_SECONDS)

    def terminate(self) -> int:
        """Ask the process to stop, wait for it, and return its exit code."""
        self._running.send_signal(signal.SIGTERM)
        return self._running.wait(STOP_SECONDS)

    def restart(self) -> None:
        """Start again after `kill9` or `terminate`: same port, same store."""
        self.start()

    def stored(self) -> list[Stored]:
        """Return every span of its store, in the order of their ids."""
        engine = open_engine(self.store, read_only=True)
        try:
            return stored_spans(engine)
        finally:
            engine.dispose()

    @classmethod
    @contextmanager
    def running(
        cls, folder: Path, *options: str, store: str | None = None
    ) -> Iterator[Self]:
        """Start a collector and end it, whatever happens, with the block."""
        collector = cls(folder, *options, store=store)
        collector.start()
        try:
            yield collector
        finally:
            if collector._running.poll() is None:
                collector.kill9()

    def _started(self, words: list[str]) -> "subprocess.Popen[bytes] | forked.Forked":
        if self.python is None:
            log = self._log
            return forked.start(*words, stdout=log, stderr=log, environment=os.environ)
        with self._log.open("ab") as opened:
            command = [*self.prefix, self.python, "-m", "spanframe", *words]
            return subprocess.Popen(command, stdout=opened, stderr=opened)

    @property
    def _running(self) -> "subprocess.Popen[bytes] | forked.Forked":
        assert self._process is not None, "the collector was never started"
        return self._process


class StartedCollector(Collector):
    """A collector started as users start it, for figures and for what it loads."""

    python = sys.executable


@pytest.fixture
def collector(tmp_path: Path) -> Iterator[Collector]:
    """A collector of this test's own."""
    with Collector.running(tmp_path / "collector") as collector:
        yield collector
