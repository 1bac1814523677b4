"""An environment of its own for every driver, with the versions of its pins."""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

from tests.ecosystem.clients import HERE, Client

__all__ = ["command", "installed"]

_ENVIRONMENTS: Final = HERE.parents[1] / "build" / "ecosystem"


def command(client: Client) -> list[str]:
    """Return the command that runs a client's driver; `installed` comes first."""
    folder = _ENVIRONMENTS / client.place
    if _is_javascript(client):
        # Node looks for packages beside the program.
        for script in (HERE / "drivers").glob("*.cjs"):
            shutil.copy(script, folder)
        node = folder / "node_modules" / "node" / "bin" / "node"
        return [str(node), str(folder / _script(client).name)]
    return [str(folder / "bin" / "python"), str(_script(client))]


def installed(client: Client, *, upgrade: bool) -> None:
    """Install the pinned versions; with ``upgrade``, or without pins, the newest."""
    folder = _ENVIRONMENTS / client.place
    if upgrade:
        client.pins.unlink(missing_ok=True)
    done = folder / "installed"
    pinned = client.pins.read_text() if client.pins.exists() else None
    if pinned is not None and done.exists() and done.read_text() == pinned:
        return
    folder.mkdir(parents=True, exist_ok=True)
    pins = _npm(client, folder) if _is_javascript(client) else _pip(client, folder)
    client.pins.parent.mkdir(exist_ok=True)
    client.pins.write_text(pins)
    done.write_text(pins)


def _pip(client: Client, folder: Path) -> str:
    uv = str(Path(sys.executable).with_name("uv"))
    python = str(folder / "bin" / "python")
    _run(uv, "venv", "--quiet", "--clear", "--python", sys.executable, str(folder))
    wanted = (
        ("--requirements", str(client.pins))
        if client.pins.exists()
        else client.packages
    )
    _run(uv, "pip", "install", "--quiet", "--python", python, *wanted)
    return _run(uv, "pip", "freeze", "--python", python)


def _npm(client: Client, folder: Path) -> str:
    wanted = (
        client.pins.read_text().split() if client.pins.exists() else client.packages
    )
    shutil.rmtree(folder / "node_modules", ignore_errors=True)
    (folder / "package.json").write_text("{}")
    (folder / "package-lock.json").unlink(missing_ok=True)
    flags = ("--prefix", str(folder), "--no-audit", "--no-fund", "--loglevel=error")
    # Node first: npm takes the newest releases that the Node it runs in can run.
    node, *others = sorted(wanted, key=lambda package: not package.startswith("node@"))
    _run("npm", "install", *flags, node)
    path = f"{folder / 'node_modules' / 'node' / 'bin'}:{os.environ['PATH']}"
    _run("npm", "install", *flags, *others, PATH=path)
    listed = _run(
        "npm", "ls", "--prefix", str(folder), "--depth=0", "--parseable", "-l"
    )
    # Each line is PATH:NAME@VERSION, the first one is that of the folder.
    pins = (line.rpartition(":")[2] for line in listed.splitlines()[1:])
    return "".join(f"{pin}\n" for pin in sorted(pins))


def _script(client: Client) -> Path:
    folder = HERE / "drivers"
    return next(folder.glob(f"{client.driver}.*"))


def _is_javascript(client: Client) -> bool:
    return _script(client).suffix == ".cjs"


def _run(*words: str, **variables: str) -> str:
    # Settings of whoever runs this, such as constraints, are not the client's.
    environment = {k: v for k, v in os.environ.items() if not k.startswith("UV_")}
    done = subprocess.run(
        words,
        check=False,
        capture_output=True,
        text=True,
        env=environment | variables,
    )
    if done.returncode:
        raise RuntimeError(f"{' '.join(words)}:\n{done.stdout}{done.stderr}")
    return done.stdout
