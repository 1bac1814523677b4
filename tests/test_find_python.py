"""How make finds an interpreter on a machine it knows nothing of."""

import os
import subprocess
import sys
from pathlib import Path

FIND = Path(__file__).parents[1] / "scripts" / "find-python"


def find(*folders: Path, python: str = "") -> "subprocess.CompletedProcess[str]":
    path = os.pathsep.join([*(str(folder) for folder in folders), "/nonexistent"])
    return subprocess.run(
        ["/bin/sh", str(FIND), python],
        env={"PATH": path},
        capture_output=True,
        text=True,
        check=False,
    )


def program(folder: Path, name: str, script: str) -> Path:
    folder.mkdir(exist_ok=True)
    file = folder / name
    file.write_text(f"#!/bin/sh\n{script}\n")
    file.chmod(0o755)
    return file


def usable(folder: Path, name: str) -> Path:
    return program(folder, name, f"exec '{sys.executable}' \"$@\"")


def test_the_newest_of_several_is_taken(tmp_path: Path) -> None:
    usable(tmp_path, "python3.11")
    newest = usable(tmp_path, "python3.12")
    assert find(tmp_path).stdout == f"{newest}\n"


def test_a_shim_that_cannot_run_is_passed_over(tmp_path: Path) -> None:
    program(tmp_path / "shims", "python3", "echo no such version >&2; exit 127")
    works = usable(tmp_path / "bin", "python3")
    assert find(tmp_path / "shims", tmp_path / "bin").stdout == f"{works}\n"


def test_a_folder_with_a_space_is_searched(tmp_path: Path) -> None:
    works = usable(tmp_path / "my programs", "python3")
    assert find(tmp_path / "my programs").stdout == f"{works}\n"


def test_a_python_that_is_too_old_is_refused_by_name(tmp_path: Path) -> None:
    old = program(tmp_path, "python3", "echo is Python 3.9 >&2; exit 1")
    found = find(tmp_path)
    assert found.returncode == 1
    assert found.stdout == ""
    assert f"{old}: is Python 3.9" in found.stderr
    assert "apt install python3 python3-venv" in found.stderr


def test_the_one_that_is_asked_for_is_the_only_one_tried(tmp_path: Path) -> None:
    usable(tmp_path, "python3")
    asked = program(tmp_path, "mine", "echo broken >&2; exit 1")
    found = find(tmp_path, python=str(asked))
    assert (found.returncode, found.stdout) == (1, "")
    assert f"{asked}: broken" in found.stderr
