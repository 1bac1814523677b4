"""What a type checker makes of user code."""

import subprocess
import sys
from pathlib import Path

import pytest

USER_CODE = Path(__file__).parents[1] / "typing" / "api.py"


@pytest.mark.slow
@pytest.mark.deep
def test_decorated_functions_keep_their_types() -> None:
    command = [sys.executable, "-m", "mypy", str(USER_CODE)]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr
