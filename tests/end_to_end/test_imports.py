"""What `import spanframe` costs: seen in a fresh interpreter."""

import subprocess
import sys
from pathlib import Path

import pytest

HEAVY = ("pandas", "numpy", "sqlalchemy", "alembic", "grpc", "rich", "typer")


def loaded_after(code: str) -> set[str]:
    """Run the code in an interpreter of its own and return the modules it loaded."""
    script = f"{code}\nimport sys; print(*sys.modules)"
    ended = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    return set(ended.stdout.split())


def test_importing_spanframe_loads_nothing_heavy() -> None:
    loaded = loaded_after("import spanframe")
    assert "spanframe" in loaded
    assert loaded.isdisjoint(HEAVY)
    assert loaded.isdisjoint({"spanframe_collector", "spanframe_query"})


def test_the_commands_that_search_load_no_pandas() -> None:
    assert loaded_after("import spanframe_query.cli").isdisjoint({"pandas", "numpy"})


def test_a_store_of_the_right_version_is_opened_without_alembic(
    empty_file: Path,
) -> None:
    opened = loaded_after(
        "from spanframe_store.sql.backend import open_engine\n"
        "from spanframe_store.sql.migrations import upgrade\n"
        f"engine = open_engine('sqlite:///{empty_file}')\n"
        "upgrade(engine); engine.dispose()"
    )
    assert "alembic" not in opened


@pytest.mark.parametrize(
    "code",
    [
        "import spanframe\n@spanframe.trace\ndef f(): return 1",
        "import spanframe; spanframe.configure(service_name='x')",
    ],
)
def test_decorating_and_configuring_load_no_part_of_a_search(code: str) -> None:
    loaded = loaded_after(code)
    assert loaded.isdisjoint({"pandas", "sqlalchemy", "spanframe_query"})
