"""Write the hashed requirements of the images from the pins: `make lock`.

The versions are those of constraints.txt; the hashes of every file of a version come
from the package index, so that one list serves all architectures.
"""

import subprocess
import sys
from pathlib import Path
from typing import Final

__all__ = ["LOCKS", "PYTHON"]

ROOT: Final = Path(__file__).parents[1]

LOCKS: Final = {
    ROOT / "deploy/docker/collector.txt": "spanframe[collector,postgresql]",
    ROOT / "deploy/docker/app.txt": "spanframe[query,postgresql]",
    ROOT / "deploy/docker/build.txt": "hatchling",
}
"""The requirement of each list, by its file; spanframe itself is not in the lists."""

PYTHON: Final = "3.13"
"""The Python of the images."""

_HEADER: Final = """\
# Written by `make lock`: what {what} needs, as constraints.txt pins it.
# For Linux and Python {python}; pip install --require-hashes --requirement this-file.
"""


def lock(what: str) -> str:
    """Return the requirements of a package, with hashes."""
    command = [
        *(sys.executable, "-m", "uv", "pip", "compile", "--quiet", "-"),
        *("--constraints", "constraints.txt", "--generate-hashes"),
        *("--no-emit-package", "spanframe"),
        *("--python-version", PYTHON, "--python-platform", "linux"),
        *("--no-python-downloads", "--no-header", "--no-annotate", "--no-config"),
    ]
    place = f" @ {ROOT.as_uri()}" if what.startswith("spanframe") else ""
    done = subprocess.run(  # noqa: S603 - our own words
        command,
        cwd=ROOT,
        input=what + place,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        sys.exit(done.stderr)
    return _HEADER.format(what=what, python=PYTHON) + done.stdout


def main() -> None:
    """Write every list anew."""
    for path, what in LOCKS.items():
        path.write_text(lock(what), encoding="utf-8")


if __name__ == "__main__":
    main()
