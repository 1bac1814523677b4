"""A place to run programs as containers of one pod would: user, folders, ports."""

import os
import re
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from tests.plugins.image import USER, Image

_PORTS: Final = (4317, 4318)
_RUN_SECONDS: Final = 60


class Pod:
    """Programs in it share the network and one folder that is kept.

    The ports of a manifest become free ones, so that tests can run side by side, and
    the folders of the image those of a temporary folder. Where the tests are root,
    programs run as the image's user; none can write to its working directory.
    """

    def __init__(self, state: str | None = None) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="spanframe-pod-"))
        self._folder.chmod(0o755)
        self._kept = state
        self._ports = {port: _free_port() for port in _PORTS}
        self._workdir = self._make("workdir", 0o555, os.geteuid())
        self._state = self._make("state", 0o700, _user().get("user", os.geteuid()))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        shutil.rmtree(self._folder)

    def port(self, port: int) -> int:
        """Return the port that stands for one of a manifest."""
        return self._ports[port]

    def log(self, name: str) -> str:
        """Return what the programs that were started by this name have printed."""
        return (self._folder / name).read_text(errors="replace")

    def start(
        self,
        name: str,
        image: Image,
        command: Sequence[str],
        environment: Mapping[str, str],
    ) -> "subprocess.Popen[bytes]":
        """Start a program with nothing but this environment."""
        with (self._folder / name).open("ab") as log:
            return subprocess.Popen(
                [self._local(image, word) for word in command],
                stdout=log,
                stderr=log,
                **self._surroundings(image, environment),
            )

    def run(
        self, image: Image, command: Sequence[str], environment: Mapping[str, str]
    ) -> "subprocess.CompletedProcess[str]":
        """Run a program to its end."""
        return subprocess.run(
            [self._local(image, word) for word in command],
            capture_output=True,
            text=True,
            timeout=_RUN_SECONDS,
            check=False,
            **self._surroundings(image, environment),
        )

    def _surroundings(
        self, image: Image, environment: Mapping[str, str]
    ) -> dict[str, Any]:
        own = {key: self._local(image, text) for key, text in environment.items()}
        return {
            "env": {"PATH": "/usr/bin:/bin"} | image.loader | own,
            "cwd": self._workdir,
            "stdin": subprocess.DEVNULL,
            **_user(),
        }

    def _local(self, image: Image, text: str) -> str:
        for port, taken in self._ports.items():
            text = re.sub(rf"(?<=:){port}\b", str(taken), text)
        if self._kept is not None:
            text = text.replace(self._kept, str(self._state))
        return image.local(text)

    def _make(self, name: str, mode: int, owner: int) -> Path:
        folder = self._folder / name
        folder.mkdir()
        os.chown(folder, owner, -1)
        folder.chmod(mode)
        return folder


def _user() -> dict[str, Any]:
    """Return how `subprocess` changes the user, where it may."""
    if os.geteuid() != 0:
        return {}
    return {"user": USER, "group": USER, "extra_groups": []}


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
