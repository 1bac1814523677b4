"""Install each peer into an environment of its own, and run it on loopback.

    python -m benchmarks.peers        install them all

A peer that cannot be installed here is named, and its rows are left out.
"""

import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from pathlib import Path
from typing import Final, NamedTuple

from benchmarks.load import Export, over_grpc, over_http
from benchmarks.servers import WORK, free_port, port_is_open, running

__all__ = [
    "MLFLOW",
    "PEERS",
    "Peer",
    "Running",
    "environment_of",
    "install",
    "python_of",
]


class Running(NamedTuple):
    """A peer that takes spans."""

    export: Export
    stored: Callable[[], int] | None
    """Counts the spans in its database; None where nothing is stored."""

    address: str = ""
    """The URL that its own client takes."""


class Peer(NamedTuple):
    name: str
    requirement: str
    start: Callable[[Path], AbstractContextManager[Running]]
    """Starts it with its data in a new folder."""


@contextmanager
def _mlflow(folder: Path) -> Iterator[Running]:
    port = free_port()
    command = [str(environment_of("mlflow") / "bin" / "mlflow"), "server"]
    command += ["--backend-store-uri", f"sqlite:///{folder / 'mlflow.db'}"]
    command += ["--no-serve-artifacts", "--host", "127.0.0.1", "--port", str(port)]
    # Faster than its four on SQLite, where they wait for each other's lock.
    command += ["--workers", "1"]
    with (
        running(command, folder / "mlflow.log", lambda: port_is_open(port)),
        over_http(port, {"x-mlflow-experiment-id": "0"}) as export,
    ):
        yield Running(export, lambda: count_rows(folder / "mlflow.db", "spans"))


@contextmanager
def _phoenix(folder: Path) -> Iterator[Running]:
    port, grpc_port = free_port(), free_port()
    command = [str(environment_of("phoenix") / "bin" / "phoenix"), "serve"]
    environment = {
        "PHOENIX_HOST": "127.0.0.1",
        "PHOENIX_PORT": str(port),
        "PHOENIX_GRPC_PORT": str(grpc_port),
        "PHOENIX_WORKING_DIR": str(folder),
        "PHOENIX_TELEMETRY_ENABLED": "false",
    }

    def is_ready() -> bool:
        return port_is_open(port) and port_is_open(grpc_port)

    with (
        running(command, folder / "phoenix.log", is_ready, environment),
        over_grpc(f"127.0.0.1:{grpc_port}") as export,
    ):
        address = f"http://127.0.0.1:{port}"
        database = folder / "phoenix.db"
        yield Running(export, lambda: count_rows(database, "spans"), address)


@contextmanager
def _rotel(folder: Path) -> Iterator[Running]:
    port = free_port()
    [agent] = environment_of("rotel").glob("lib/*/site-packages/rotel/rotel-agent")
    target = f"127.0.0.1:{port}"
    command = [str(agent), "start", "--exporter", "blackhole"]
    command += ["--otlp-grpc-endpoint", target]
    command += ["--otlp-http-endpoint", f"127.0.0.1:{free_port()}"]
    with (
        running(command, folder / "rotel.log", lambda: port_is_open(port)),
        over_grpc(target) as export,
    ):
        yield Running(export, None)


MLFLOW: Final = Peer("mlflow", "mlflow==3.17.2", _mlflow)
PEERS: Final = (
    MLFLOW,
    Peer("phoenix", "arize-phoenix==20.26.1", _phoenix),
    Peer("rotel", "rotel==0.0.1a15", _rotel),
)


def install(name: str, requirement: str, *more: str) -> bool:
    """Make the environment of a peer, unless it is there; return whether it is."""
    folder = environment_of(name)
    done = folder / ".installed"
    if done.exists() and done.read_text() == requirement:
        return True
    print(f"Installing {requirement} (once; may take minutes)", flush=True)
    subprocess.run([sys.executable, "-m", "venv", "--clear", folder], check=True)
    command = [python_of(name), "-m", "pip", "install", "--quiet"]
    command += ["--disable-pip-version-check", requirement, *more]
    if subprocess.run(command, check=False).returncode:
        shutil.rmtree(folder)
        print(f"{requirement} cannot be installed here: its rows are left out")
        return False
    done.write_text(requirement)
    return True


def python_of(name: str) -> str:
    """Return the interpreter of a peer's environment."""
    return str(environment_of(name) / "bin" / "python")


def count_rows(database: Path, table: str) -> int:
    """Count the rows of a table of a SQLite database in use."""
    if not database.exists():
        return 0
    with closing(sqlite3.connect(database, timeout=60)) as connection:
        query = f"SELECT count(*) FROM {table}"  # noqa: S608 - a name from this file
        count: int = connection.execute(query).fetchone()[0]
        return count


def environment_of(name: str) -> Path:
    """Return the folder of a peer's environment."""
    return WORK / "peers" / name


if __name__ == "__main__":
    for peer in PEERS:
        install(peer.name, peer.requirement)
