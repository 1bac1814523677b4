"""``python -m spanframe``, without the time of imports.

A program is a process of its own, forked from one that has imported everything: a start
takes 0.1 s instead of 1.5 s of CPU. It is what it would be otherwise: arguments,
environment, signals, exit code. Where the start itself is the point, a test runs the
interpreter: those of the demo, of the images and of the wheel do.
"""

import atexit
import functools
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

__all__ = ["Forked", "run", "start"]

RUN_SECONDS: Final = 60
_POLL_SECONDS: Final = 0.005


class Forked:
    """A running program, as `subprocess.Popen` would show it."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.returncode: int | None = None

    def poll(self) -> int | None:
        """Return the exit code, minus the signal's number; None while it runs."""
        if self.returncode is None:
            self.returncode = _server().ask(ended=self.pid)
        return self.returncode

    def wait(self, timeout: float) -> int:
        """Wait for the end and return the exit code."""
        deadline = time.monotonic() + timeout
        while (code := self.poll()) is None:
            if time.monotonic() > deadline:
                raise subprocess.TimeoutExpired("spanframe", timeout)
            time.sleep(_POLL_SECONDS)
        return code

    def send_signal(self, number: signal.Signals) -> None:
        """Send a signal unless the program has ended."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        """Ask the program to stop."""
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """End the program at once."""
        self.send_signal(signal.SIGKILL)


class _Server:
    """The process that others are forked from."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process = subprocess.Popen(
            [sys.executable, Path(__file__).with_name("fork_server.py")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def ask(self, **request: Any) -> Any:
        """Send a request and return the answer."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with self._lock:
            self._process.stdin.write(json.dumps(request) + "\n")
            self._process.stdin.flush()
            return json.loads(self._process.stdout.readline())

    def close(self) -> None:
        """End the process; what it has started goes on."""
        self._process.communicate()


_starting: Final = threading.Lock()


def _server() -> _Server:
    with _starting:  # collectors are started by threads as well: one server for all
        return _only_server()


@functools.cache
def _only_server() -> _Server:
    server = _Server()
    atexit.register(server.close)
    return server


def start(
    *words: str, stdout: Path, stderr: Path, environment: Mapping[str, str]
) -> Forked:
    """Start a command; what it prints is appended to the files."""
    return Forked(
        _server().ask(
            words=words,
            stdout=str(stdout),
            stderr=str(stderr),
            environment=dict(environment),
            folder=str(Path.cwd()),
        )
    )


def run(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a command to its end, with more in its environment than this process has."""
    with tempfile.TemporaryDirectory(prefix="spanframe-run-") as folder:
        stdout, stderr = Path(folder, "stdout"), Path(folder, "stderr")
        program = start(
            *words,
            stdout=stdout,
            stderr=stderr,
            environment=os.environ | environment,
        )
        try:
            code = program.wait(RUN_SECONDS)
        finally:
            program.kill()
        printed = (stdout.read_text(), stderr.read_text())
        return subprocess.CompletedProcess(words, code, *printed)
