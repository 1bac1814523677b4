"""`make differential`: runs the programs on the real MLflow, and writes the page.

make differential                     # in the pinned version
make differential ARGS=--upgrade      # in the newest release
make differential ARGS=--page         # only the page
"""

import argparse
import os
import subprocess
import sys
from pathlib import Path
from typing import Final

from tests.differential.page import PAGE, page
from tests.differential.recorded import ANSWERS

_HERE: Final = Path(__file__).parent
_ROOT: Final = _HERE.parents[1]
_PINS: Final = _HERE / "pins.txt"
_ENVIRONMENT: Final = _ROOT / "build" / "differential"


def main() -> None:
    """Record the answers anew, unless only the page is asked for."""
    parser = argparse.ArgumentParser(
        prog="make differential",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--upgrade", action="store_true", help="the newest release")
    parser.add_argument("--page", action="store_true", help="record nothing")
    given = parser.parse_args()
    if not given.page:
        python = _installed(upgrade=given.upgrade)
        module = "tests.differential.real"
        _run(python, "-m", module, str(ANSWERS), PYTHONPATH=str(_ROOT))
    PAGE.write_text(page(), encoding="utf-8")


def _installed(*, upgrade: bool) -> str:
    """Install MLflow, in the pinned versions or in its newest release."""
    uv = str(Path(sys.executable).with_name("uv"))
    python = str(_ENVIRONMENT / "bin" / "python")
    done = _ENVIRONMENT / "installed"
    if not upgrade and done.exists() and done.read_text() == _PINS.read_text():
        return python
    folder = str(_ENVIRONMENT)
    _run(uv, "venv", "--quiet", "--clear", "--python", sys.executable, folder)
    wanted = ("mlflow",) if upgrade else ("--requirements", str(_PINS))
    _run(uv, "pip", "install", "--quiet", "--python", python, *wanted)
    frozen = _run(uv, "pip", "freeze", "--python", python)
    for file in (_PINS, done):
        file.write_text(frozen)
    return python


def _run(*words: str, **variables: str) -> str:
    # Settings of whoever runs this are not those of the programs.
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("UV_", "MLFLOW_"))}
    done = subprocess.run(
        words, check=False, capture_output=True, text=True, env=kept | variables
    )
    if done.returncode:
        raise RuntimeError(f"{' '.join(words)}:\n{done.stdout}{done.stderr}")
    return done.stdout


if __name__ == "__main__":
    main()
