"""The command line as a whole: packages, errors, exit codes."""

import importlib
import subprocess
import sys
from types import ModuleType

import pytest

import spanframe
from spanframe.__main__ import EXIT_CODES, main


def run(*words: str) -> int:
    with pytest.raises(SystemExit) as ended:
        main(words)
    assert isinstance(ended.value.code, int)
    return ended.value.code


def test_help_names_every_command_and_exit_code(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run("--help") == 0
    shown = " ".join(capsys.readouterr().out.split())
    for command in ("collector", "db", "search", "get", "demo"):
        assert f" {command} " in shown
    for code, meaning in EXIT_CODES.items():
        assert f"{code}: {meaning}" in shown


def test_the_version_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--version") == 0
    assert capsys.readouterr().out == f"{spanframe.__version__}\n"


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (("collector", "--store", "nonsense"), 2, "write an SQLAlchemy URL"),
        (("db", "check", "--store", "sqlite:////nowhere/at/all.db"), 3, "nowhere"),
        (("no-such-command",), 2, "no-such-command"),
        (("search", "status = ", "--store", "sqlite:////nowhere/at/all.db"), 2, "^"),
    ],
)
def test_errors_are_told_without_a_traceback(
    capsys: pytest.CaptureFixture[str],
    words: tuple[str, ...],
    code: int,
    message: str,
) -> None:
    assert run(*words) == code
    told = capsys.readouterr().err
    assert message in told
    assert "Traceback" not in told


@pytest.mark.parametrize(
    ("command", "missing", "extra"),
    [
        ("collector", "typer", "collector"),
        ("db", "sqlalchemy", "collector"),
        ("search", "typer", "query"),
        ("search", "pandas", "query"),
        ("demo", "pandas", "query"),
        ("--help", "typer", "all"),
    ],
)
def test_a_package_that_is_not_installed_names_its_install_line(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    command: str,
    missing: str,
    extra: str,
) -> None:
    installed = importlib.import_module

    def without(name: str) -> ModuleType:
        if name == missing or (name.startswith("spanframe_") and missing != "typer"):
            raise ModuleNotFoundError(f"No module named {missing!r}", name=missing)
        return installed(name)

    monkeypatch.setattr(importlib, "import_module", without)
    assert run(command) == 2
    assert f"pip install 'spanframe[{extra}]'" in capsys.readouterr().err


def test_the_module_runs_as_a_program() -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "spanframe", "--version"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert ended.stdout == f"{spanframe.__version__}\n"
