"""Build the files of a release into dist/: `make dist`.

The wheel, the sdist, a bill of materials (CycloneDX) for each hashed list of
requirements, and the sums of all of these. The same tree gives the same bytes.
"""

import argparse
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import venv
from pathlib import Path
from typing import Final

from scripts.lock_requirements import LOCKS

__all__ = ["build"]

ROOT: Final = Path(__file__).parents[1]

_EPOCH: Final = "1580601600"
"""Time of files without another one, in seconds since 1970; hatchling's own default."""


def build(source: Path, folder: Path) -> None:
    """Build everything from a source tree into a folder, which is emptied first."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    _run("hatchling", "build", "--directory", str(folder), cwd=source)
    [wheel] = folder.glob("*.whl")
    version = wheel.name.split("-")[1]
    for lock, what in LOCKS.items():
        if not what.startswith("spanframe"):
            continue
        name = f"spanframe-{version}-{lock.stem}.cdx.json"
        _write_bill(wheel, version, lock, folder / name)
    sums = [
        f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n"
        for path in sorted(folder.iterdir())
    ]
    (folder / "SHA256SUMS").write_text("".join(sums), encoding="utf-8")


def _write_bill(wheel: Path, version: str, lock: Path, bill: Path) -> None:
    """Install the wheel and its hashed requirements, and list what is installed."""
    with tempfile.TemporaryDirectory() as folder:
        venv.create(folder, symlinks=True)
        python = f"{folder}/bin/python"
        install = ("uv", "pip", "install", "--python", python, "--quiet", "--no-deps")
        _run(*install, "--require-hashes", "--requirement", str(lock))
        _run(*install, str(wheel))
        _run(
            *("cyclonedx_py", "environment", "--output-reproducible", python),
            *("--pyproject", str(ROOT / "pyproject.toml"), "--mc-type", "application"),
            # Not yet: the tests validate what is written below.
            *("--no-validate", "--output-file", str(bill)),
        )
    # The version is not in pyproject.toml, and the tool looks nowhere else.
    told = json.loads(bill.read_text(encoding="utf-8"))
    told["metadata"]["component"]["version"] = version
    bill.write_text(json.dumps(told, indent=2) + "\n", encoding="utf-8")


def _run(*module: str, cwd: Path = ROOT) -> None:
    environment = os.environ | {"SOURCE_DATE_EPOCH": _EPOCH}  # noqa: TID251
    command = [sys.executable, "-m", *module]
    subprocess.run(  # noqa: S603 - our own words
        command, cwd=cwd, env=environment, check=True
    )


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("folder", type=Path, nargs="?", default=ROOT / "dist")
    build(ROOT, arguments.parse_args().folder)
