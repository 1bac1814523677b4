"""Images without a container engine: the Dockerfile's own lines, run in a folder.

A stage becomes a folder that stands for its file system. COPY copies, RUN runs, with
the absolute paths of the image turned into paths below that folder. What a base image
brings is this machine's Python, copied without its site-packages.
"""

import dataclasses
import functools
import io
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Callable
from pathlib import Path
from typing import Final, NamedTuple

import pytest
from dockerfile_parse import DockerfileParser

from tests.plugins.once import Once

ROOT: Final = Path(__file__).parents[2]
FOLDER: Final = ROOT / "deploy/docker"
USER: Final = 65532
"""Who programs run as in the images; tests that are not root run them as themselves."""

_PLACES: Final = re.compile(r"(?<![\w./:-])/(?=(?:opt|source|wheel|state|var/lib)\b)")


class Instruction(NamedTuple):
    """One line of a Dockerfile, continuations joined."""

    word: str
    value: str


@dataclasses.dataclass
class Image:
    """A stage that was built, and what it says of itself."""

    folder: Path
    python: Path
    workdir: str = "/"
    environment: dict[str, str] = dataclasses.field(default_factory=dict)
    facts: dict[str, str] = dataclasses.field(default_factory=dict)

    @property
    def root(self) -> Path:
        """The folder that stands for its file system."""
        return self.folder / "root"

    @property
    def loader(self) -> dict[str, str]:
        """Return where the copied Python finds its own library, if it has one."""
        return {"LD_LIBRARY_PATH": str(self.python.parents[1] / "lib")}

    def local(self, text: str) -> str:
        """Turn the absolute paths of the image into those of this machine."""
        text = text.replace("/usr/bin/python3", str(self.python))
        return _PLACES.sub(f"{self.root}/", text)

    def words(self, word: str) -> list[str]:
        """Return the command of an instruction in exec form, as it stands there."""
        words: list[str] = json.loads(self.facts[word].rpartition("CMD ")[2])
        return words


def stages() -> dict[str, tuple[str, list[Instruction]]]:
    """Return the stages of the Dockerfile: name to base and instructions."""
    text = (FOLDER / "Dockerfile").read_bytes()
    found: dict[str, tuple[str, list[Instruction]]] = {}
    lines: list[Instruction] = []
    for line in DockerfileParser(fileobj=io.BytesIO(text)).structure:
        match line["instruction"]:
            case "COMMENT":
                continue
            case "FROM":
                base, _, name = line["value"].partition(" AS ")
                lines = []
                found[name] = (base, lines)
            case word:
                lines.append(Instruction(word, line["value"]))
    return found


class Builder:
    """Builds stages into folders, each once in a run."""

    def __init__(self, once: Once) -> None:
        self._once = once
        self.python = _program_of(once("python", _copy_python))
        shims = once("shims", self._write_shims)
        self._path = f"{shims}:/usr/bin:/bin"

    def build(self, name: str) -> Image:
        """Return the image of a stage."""
        return self._built(name, functools.partial(self._build, name))

    def machine(self) -> Image:
        """Return a machine where the lines of the systemd page were run."""
        return self._built("machine", self._install)

    def _built(self, name: str, build: Callable[[Image], None]) -> Image:
        """Return an image, as whoever has built it left it."""

        def make(folder: Path) -> None:
            image = Image(folder, self.python)
            build(image)
            facts = {"workdir": image.workdir, "environment": image.environment}
            told = json.dumps({**facts, "facts": image.facts})
            (folder / "image.json").write_text(told)

        folder = self._once(f"image-{name}", make)
        told = json.loads((folder / "image.json").read_text())
        return Image(folder, self.python, **told)

    def _write_shims(self, folder: Path) -> None:
        _write_shim(folder / "pip", f'{_uv_pip(self.python)} "$@"')
        hatchling = f"{shlex.quote(sys.executable)} -m hatchling"
        _write_shim(folder / "hatchling", f'{hatchling} "$@"')
        _write_shim(folder / "python", f'{self.python} "$@"')
        if shutil.which("strip") is None:
            _write_shim(folder / "strip", "true")

    def _install(self, image: Image) -> None:
        wheel = self.build("build").root / "wheel"
        page = (ROOT / "deploy/systemd/README.md").read_text()
        shell = page.partition("```sh\n")[2].partition("```")[0]
        install = [line for line in shell.splitlines() if "/opt/spanframe" in line]
        python = image.root / "opt/spanframe/bin/python"
        for line in install:
            ours = line.replace("python3 -m venv ", "python -m venv --without-pip ")
            # As pip does: nobody else may write there what a start would compile.
            pip = f"env UV_COMPILE_BYTECODE=1 {_uv_pip(python)}"
            ours = ours.replace("/opt/spanframe/bin/pip", pip)
            self._shell(image, ours.replace("dist/", f"{wheel}/"), ROOT)

    def _build(self, name: str, image: Image) -> None:
        base, instructions = stages()[name]
        if base in stages():
            parent = self.build(base)
            shutil.copytree(parent.root, image.root)
            image.workdir, image.environment = parent.workdir, {**parent.environment}
        else:
            image.root.mkdir()
        for word, value in instructions:
            match word:
                case "WORKDIR":
                    image.workdir = value
                    Path(_inside(image, value)).mkdir(parents=True, exist_ok=True)
                case "ENV":
                    pairs = (pair.partition("=") for pair in shlex.split(value))
                    image.environment |= {key: text for key, _, text in pairs}
                case "COPY":
                    self._copy(image, value)
                case "RUN":
                    self._run(image, value)
                case _:
                    image.facts[word] = value

    def _copy(self, image: Image, value: str) -> None:
        words = shlex.split(value)
        options = dict(
            word.removeprefix("--").split("=", 1)
            for word in words
            if word.startswith("--")
        )
        *sources, target = (word for word in words if not word.startswith("--"))
        # What comes from the clone passes the .dockerignore, what is built does not.
        if stage := options.get("from"):
            # A link will do: no stage runs anything on what it has from another.
            origin, ignore = self.build(stage).root, []
        else:
            origin, ignore = ROOT, ["__pycache__"]
        copy: Callable[..., object] = os.link if stage else shutil.copy2
        for source in sources:
            found = origin / source.lstrip("/")
            place = Path(_inside(image, target))
            if found.is_dir():
                ignored = shutil.ignore_patterns(*ignore)
                shutil.copytree(found, place, False, ignored, copy, dirs_exist_ok=True)
            else:
                shutil.copy(found, place)
            if "chown" in options and os.geteuid() == 0:
                os.chown(place, *(int(part) for part in options["chown"].split(":")))

    def _run(self, image: Image, value: str) -> None:
        if value.endswith("build.txt"):
            return  # hatchling: this environment has it, by the same pin
        self._shell(image, value, Path(_inside(image, image.workdir)))

    def _shell(self, image: Image, line: str, folder: Path) -> None:
        done = subprocess.run(
            ["/bin/sh", "-ec", image.local(line)],
            cwd=folder,
            env={**os.environ, **image.loader, "PATH": self._path},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{line}\n{done.stdout}{done.stderr}"


def _uv_pip(python: Path) -> str:
    """Return a command that does what pip would, in a tenth of the time.

    It copies: a file that is linked to uv's cache would be stripped there as well.
    """
    uv = f"{shlex.quote(sys.executable)} -m uv --quiet pip"
    return f"env UV_LINK_MODE=copy UV_PYTHON={python} {uv}"


def _write_shim(path: Path, command: str) -> None:
    path.write_text(f"#!/bin/sh\nexec {command}\n")
    path.chmod(0o755)


def _inside(image: Image, path: str) -> str:
    """Return where a path of the image, absolute or from its workdir, is here."""
    return str(image.root / str(Path(image.workdir, path)).lstrip("/"))


_PYTHON: Final = f"python{sysconfig.get_python_version()}"


def _program_of(folder: Path) -> Path:
    return folder / "bin" / _PYTHON


def _copy_python(folder: Path) -> None:
    """Copy this Python without anything installed, for any user to run."""
    library = Path(sysconfig.get_path("stdlib"))
    ignored = shutil.ignore_patterns(
        *("site-packages", "dist-packages", "test", "idlelib", "config-*")
    )
    shutil.copytree(library, folder / "lib" / _PYTHON, ignore=ignored, symlinks=True)
    shared = Path(str(sysconfig.get_config_var("LIBDIR")))
    for each in shared.glob(f"lib{_PYTHON}*.so*"):
        shutil.copy(each, folder / "lib")
    program = _program_of(folder)
    program.parent.mkdir()
    shutil.copy(os.path.realpath(sys.executable), program)


@pytest.fixture(scope="session")
def builder(once: Once) -> Builder:
    """The images, built as they are asked for; other users can read them."""
    return Builder(once)
