"""What the real MLflow answered: a file for it, and one for each module of programs.

It is imported by the interpreter that has the real MLflow, too.
"""

import json
from pathlib import Path
from typing import Any, Final

__all__ = ["ANSWERS", "answers", "write"]

ANSWERS: Final = Path(__file__).parent / "answers"
_OF_MLFLOW: Final = "mlflow.json"


def answers() -> dict[str, Any]:
    """Return its version, its names, what it sends, and what the programs saw."""
    recorded: dict[str, Any] = _read(ANSWERS / _OF_MLFLOW)
    programs = sorted(set(ANSWERS.glob("*.json")) - {ANSWERS / _OF_MLFLOW})
    seen = {k: v for path in programs for k, v in _read(path).items()}
    return recorded | {"seen": seen}


def write(recorded: dict[str, Any], folder: Path) -> None:
    """Write what `answers` returns."""
    folder.mkdir(exist_ok=True)
    for path in folder.glob("*.json"):
        path.unlink()
    modules: dict[str, dict[str, Any]] = {}
    for name, seen in recorded["seen"].items():
        modules.setdefault(name.partition(".")[0], {})[name] = seen
    files = modules | {"mlflow": {k: v for k, v in recorded.items() if k != "seen"}}
    for name, value in files.items():
        text = json.dumps(value, ensure_ascii=False, indent=1, sort_keys=True)
        (folder / f"{name}.json").write_text(f"{text}\n", encoding="utf-8")


def _read(path: Path) -> Any:
    return json.loads(path.read_text("utf-8"))
