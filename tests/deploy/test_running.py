"""Every manifest's collector, run as the manifest says, without an engine.

Command, environment, probes and grace period are read from the manifest; the programs
are what the Dockerfile's own lines installed.
"""

import json
import re
import signal
import time
import urllib.request
from collections.abc import Iterator
from typing import Any, Final

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from spanframe_collector import stopping
from tests.plugins.image import Builder, Image
from tests.plugins.launches import Launch, Probe, launches
from tests.plugins.pod import Pod
from tests.plugins.postgresql import Server

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

TOKEN: Final = "t0ken-of-the-tests"  # noqa: S105 - of a collector of the tests' own
NAMES: Final = sorted(launches(lambda key: f"<{key}>"))
DEFAULT: Final = "kubernetes-sidecar"
"""The one that is launched without being asked for: an app beside, and all probes."""
APP_SECONDS: Final = 60


class Running:
    """A collector that was launched in a pod and is ready."""

    def __init__(self, launch: Launch, pod: Pod, image: Image) -> None:
        self._launch, self._pod, self._image = launch, pod, image
        self.process = pod.start("log", image, launch.command, launch.environment)
        deadline = time.monotonic() + launch.start_seconds
        while not self.answers(launch.started):
            if self.process.poll() is not None or time.monotonic() > deadline:
                self.kill()
                pytest.fail(pod.log("log"))
            time.sleep(0.1)

    def answers(self, probe: Probe) -> bool:
        """Ask as the engine would; say whether the answer is good."""
        match probe.kind:
            case "exec":
                return self._runs(probe.target)
            case "grpc":
                return self._serves(self._pod.port(probe.port), probe.target)
            case _:
                return self._is_fetched(self._pod.port(probe.port), probe.target)

    def stop(self) -> str:
        """Stop it as the engine does, within its time; return the last line it logs."""
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(self._launch.grace_seconds) == 0
        return self._pod.log("log").splitlines()[-1]

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def _runs(self, command: str) -> bool:
        command = command.replace("${MAINPID}", str(self.process.pid))
        words = ("/bin/sh", "-c", command)
        return not self._pod.run(
            self._image, words, self._launch.environment
        ).returncode

    def _serves(self, port: int, service: str) -> bool:
        with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
            asked = health_pb2.HealthCheckRequest(service=service)
            answer = health_pb2_grpc.HealthStub(channel).Check(asked, timeout=20)
        return bool(answer.status == health_pb2.HealthCheckResponse.SERVING)

    def _is_fetched(self, port: int, path: str) -> bool:
        url = f"http://127.0.0.1:{port}{path}"
        try:
            with urllib.request.urlopen(url, timeout=20) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False


class App:
    """The app image in the pod of a collector: it sends, and it searches."""

    def __init__(self, launch: Launch, pod: Pod, builder: Builder) -> None:
        self._pod = pod
        self._image = builder.build("app")
        store = {"SPANFRAME_STORE": launch.environment["SPANFRAME_STORE"]}
        self._environment = {**self._image.environment, **store, **launch.app}

    def send(self) -> None:
        """Run the app for some conversations, then stop it as an engine does."""
        command = self._image.words("ENTRYPOINT") + self._image.words("CMD")
        app = self._pod.start("app", self._image, command, self._environment)
        deadline = time.monotonic() + APP_SECONDS
        while not re.search(
            r"^answered [1-9]\d of", self._pod.log("app"), re.MULTILINE
        ):
            if app.poll() is not None or time.monotonic() > deadline:
                app.kill()
                pytest.fail(self._pod.log("app"))
            time.sleep(0.1)
        app.terminate()
        assert app.wait(APP_SECONDS) == 0

    def search(self, question: str) -> list[dict[str, Any]]:
        """Search from the app's container."""
        words = ["-m", "spanframe", "search", question, "--output", "json"]
        command = self._image.words("ENTRYPOINT") + words
        done = self._pod.run(self._image, command, self._environment)
        assert done.returncode == 0, done.stderr
        return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.fixture(
    params=[
        pytest.param(name, marks=[] if name == DEFAULT else pytest.mark.deep)
        for name in NAMES
    ]
)
def launch(request: pytest.FixtureRequest, postgresql: Server) -> Iterator[Launch]:
    with postgresql.database() as database:
        secrets = {"token": TOKEN, "store": postgresql.url(database)}
        yield launches(secrets.__getitem__)[request.param]


def test_a_collector_starts_takes_spans_drains_and_keeps_them(
    launch: Launch, builder: Builder
) -> None:
    """The life of a pod: the app ends before its collector, which is started again."""
    question = "tags.environment = 'production'"
    image = builder.build("collector") if launch.is_image else builder.machine()
    with Pod(launch.state) as pod:
        running = Running(launch, pod, image)
        try:
            assert all(running.answers(probe) for probe in launch.probes)
            app = App(launch, pod, builder)
            app.send()
            found = app.search(question)
            assert len(found) >= 5
            counts = re.search(r"(\d+) spans received, (\d+) stored", running.stop())
            assert counts is not None
            assert counts[1] == counts[2]
            running = Running(launch, pod, image)
            assert app.search(question) == found
            running.stop()
        finally:
            running.kill()


def test_a_stop_takes_less_than_its_grace_period() -> None:
    """The bound of docs/operating.md: the drain, and what a stop takes after it."""
    secrets = {"token": TOKEN, "store": "postgresql+psycopg://u:p@127.0.0.1/d"}
    for name, launch in launches(secrets.__getitem__).items():
        drain = float(launch.environment.get("SPANFRAME_DRAIN_SECONDS", 3))
        assert drain + stopping._MAX_STOP_SECONDS <= launch.grace_seconds, name
