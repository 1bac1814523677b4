"""What is made once in a run of the tests, by whichever worker needs it first."""

import fcntl
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pytest

from tests.plugins.in_memory import in_memory

__all__ = ["Once"]

_NAME: Final = "spanframe_once"
_FOLDER: Final = pytest.StashKey[Path]()


class Once:
    """Makes folders that all workers share; who comes second waits and has it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def __call__(self, name: str, make: Callable[[Path], object]) -> Path:
        """Return the folder of that name, which ``make`` fills the first time."""
        made, done = self._folder / name, self._folder / f"{name}.done"
        with (self._folder / f"{name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not done.exists():
                made.mkdir(mode=0o755)
                make(made)
                done.touch()
        return made


def pytest_configure(config: pytest.Config) -> None:
    """Make the folder of this run, or take the one that the controller has made."""
    if hasattr(config, "workerinput"):
        folder = Path(config.workerinput[_NAME])
    else:
        # Not among pytest's own: the programs of other users have to read it.
        folder = Path(tempfile.mkdtemp(prefix="spanframe-tests-", dir=in_memory()))
        folder.chmod(0o755)
        config.add_cleanup(lambda: shutil.rmtree(folder, ignore_errors=True))
    config.stash[_FOLDER] = folder


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Tell a worker where the folder of this run is."""
    node.workerinput[_NAME] = str(node.config.stash[_FOLDER])


@pytest.fixture(scope="session")
def once(pytestconfig: pytest.Config) -> Once:
    """Make a folder for all workers of this run."""
    return Once(pytestconfig.stash[_FOLDER])
