"""Runs the programs with a module in MLflow's place, and says what each has seen.

It is imported by the interpreter that has the real MLflow, too.
"""

import importlib
import inspect
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

from tests.differential.normal import normal
from tests.differential.seen import Program, Seen

__all__ = ["PROGRAMS", "seen_by"]

_FOLDER: Final = Path(__file__).parent / "programs"


def seen_by(program: Program, mlflow: Any) -> dict[str, Any]:
    """Run a program; return what it notes down, without what differs each time."""
    seen = Seen(mlflow)
    try:
        program(mlflow, seen)
    except Exception as error:  # noqa: BLE001 - the end of a program is seen as well
        seen["ended by"] = f"{type(error).__name__}: {error}"
    found: dict[str, Any] = normal(seen.values)
    return found


def _programs() -> Iterator[tuple[str, Callable[[Any, Seen], None]]]:
    for path in sorted(_FOLDER.glob("*.py")):
        module = importlib.import_module(f"tests.differential.programs.{path.stem}")
        for name, function in vars(module).items():
            own = getattr(function, "__module__", None) == module.__name__
            if own and inspect.isfunction(function) and not name.startswith("_"):
                yield f"{path.stem}.{name}", function


PROGRAMS: Final = dict(_programs())
"""The programs, by module and name."""
