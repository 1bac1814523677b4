"""Runs the programs on the real MLflow, in an environment that `record` makes.

python -m tests.differential.real FOLDER
"""

import logging
import os
import sys
import tempfile
from pathlib import Path

from tests.differential.names import installed
from tests.differential.recorded import write
from tests.differential.running import PROGRAMS, seen_by
from tests.differential.wire import sent


def main(folder: Path) -> None:
    """Write what the programs see, what MLflow sends, and its names."""
    os.environ["MLFLOW_TRACKING_URI"] = f"sqlite:///{Path.cwd()}/mlflow.db"
    import mlflow  # noqa: PLC0415 - it reads the variable

    logging.disable(logging.WARNING)
    seen = {}
    for name, program in PROGRAMS.items():
        mlflow.set_experiment(name)
        seen[name] = seen_by(program, mlflow)
        mlflow.clear_active_model()
    answers = {
        "version": mlflow.__version__,
        "names": installed(),
        "sent": sent(),
        "seen": seen,
    }
    write(answers, folder)


if __name__ == "__main__":
    path = Path(sys.argv[1]).absolute()
    with tempfile.TemporaryDirectory() as place:
        os.chdir(place)
        main(path)
