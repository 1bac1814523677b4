"""The wheel: what is in it, and what an install without extras can do."""

import os
import re
import subprocess
import sys
import textwrap
import venv
import zipfile
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

import pytest

import spanframe
from tests.plugins.collector import Collector
from tests.plugins.once import Once

ROOT = Path(__file__).parents[1]
PACKAGES = (
    "spanframe",
    "spanframe_store",
    "spanframe_serving",
    "spanframe_collector",
    "spanframe_query",
)

# An extra brings libraries, which Python compiles at their first import.
DEEP = partial(pytest.param, marks=pytest.mark.deep)

# pip unpacks pandas and its kin in here, on any machine.
pytestmark = pytest.mark.timeout(600)


@pytest.fixture(scope="session")
def wheel(once: Once) -> Path:
    def build(folder: Path) -> None:
        _run(
            *(sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps"),
            *("--no-build-isolation", "--disable-pip-version-check"),
            *("--wheel-dir", str(folder), str(ROOT)),
        )

    return next(once("wheel", build).glob("spanframe-*.whl"))


@pytest.fixture
def install(wheel: Path, once: Once) -> Callable[[str], Path]:
    """Return a function: from extras to the programs of a fresh install with them."""

    def install(extras: str) -> Path:
        def make(folder: Path) -> None:
            # Without pip in it, as it takes longer than all the rest; uv links files.
            venv.create(folder, symlinks=True)
            _run(
                *(sys.executable, "-m", "uv", "pip", "install", "--quiet"),
                *("--python", str(folder / "bin" / "python")),
                *("--constraint", str(ROOT / "constraints.txt")),
                f"{wheel}[{extras}]" if extras else str(wheel),
            )

        return once(f"install-{extras or 'without'}", make) / "bin"

    return install


def test_the_wheel_holds_five_typed_packages_and_the_example(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    tops = {name.partition("/")[0] for name in names if ".dist-info/" not in name}
    assert tops == set(PACKAGES)
    assert {f"{package}/py.typed" for package in tops} <= set(names)
    assert "spanframe_query/shop_assistant/__main__.py" in names
    assert "spanframe/mlflow_names.toml" in names
    assert any(name.endswith("/licenses/LICENSE") for name in names)


def test_the_wheel_asks_for_opentelemetry_only(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        name = next(n for n in archive.namelist() if n.endswith("/METADATA"))
        metadata = archive.read(name).decode()
    required = [
        line.removeprefix("Requires-Dist: ")
        for line in metadata.splitlines()
        if line.startswith("Requires-Dist: ") and "extra ==" not in line
    ]
    assert required
    assert all(line.startswith("opentelemetry-") for line in required)


@pytest.mark.slow
def test_an_install_without_extras_instruments_an_app(
    install: Callable[[str], Path],
    collector: Collector,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    app = """
        import spanframe

        @spanframe.trace
        def greet(name):
            return f"Hello, {name}!"

        spanframe.configure(endpoint=ENDPOINT)
        greet("Ada")
        spanframe.flush()
    """
    code = textwrap.dedent(app).replace("ENDPOINT", repr(collector.endpoint))
    _run(str(install("") / "python"), "-c", code)
    monkeypatch.setenv("SPANFRAME_STORE", collector.store)
    found = spanframe.search_traces("name = 'greet'")
    assert found["request"].tolist() == [{"name": "Ada"}]
    assert found["response"].tolist() == ["Hello, Ada!"]


@pytest.mark.slow
@pytest.mark.parametrize(
    "code",
    [
        "import spanframe; spanframe.search_traces('')",
        "import spanframe; spanframe.get_trace('tr-' + '0' * 32)",
        "from spanframe.client import SpanframeClient; SpanframeClient()",
    ],
)
@pytest.mark.parametrize("extras", ["", DEEP("collector")])
def test_a_search_without_its_extra_names_the_install_line(
    install: Callable[[str], Path], extras: str, code: str
) -> None:
    ended = _end(str(install(extras) / "python"), "-c", code)
    assert ended.returncode != 0
    assert ended.stderr.endswith("pip install 'spanframe[query]'\n")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("extras", "command", "missing"),
    [
        ("", "collector", "collector"),
        ("", "db check", "collector"),
        ("", "search x", "query"),
        ("", "", "all"),
        DEEP("collector", "demo", "all"),
        DEEP("query", "collector", "collector"),
        DEEP("query", "db check", "collector"),
    ],
)
def test_a_command_without_its_extra_names_the_install_line(
    install: Callable[[str], Path], extras: str, command: str, missing: str
) -> None:
    ended = _end(str(install(extras) / "spanframe"), *command.split())
    assert ended.returncode == 2
    assert ended.stderr.endswith(f"pip install 'spanframe[{missing}]'\n")
    assert "Traceback" not in ended.stderr


@pytest.mark.slow
@pytest.mark.deep
@pytest.mark.parametrize(
    ("extras", "command"),
    [
        ("collector", "collector --print-config"),
        ("collector", "search --help"),  # pandas is for DataFrames
        ("query", "search --help"),
    ],
)
def test_one_extra_serves_its_commands(
    install: Callable[[str], Path], extras: str, command: str
) -> None:
    ended = _end(str(install(extras) / "spanframe"), *command.split())
    assert ended.returncode == 0, ended.stderr


@pytest.mark.slow
@pytest.mark.deep
def test_the_demo_runs_from_an_installed_wheel(
    install: Callable[[str], Path], tmp_path: Path
) -> None:
    """Away from the clone, with nothing but what the wheel brings."""
    words = ("demo", "--requests", "30", "--folder", str(tmp_path / "run"))
    ended = _end(str(install("all") / "spanframe"), *words, folder=tmp_path)
    assert ended.returncode == 0, ended.stderr
    assert "everything it accepted is stored" in ended.stdout
    assert re.search(r"shop_assistant +AGENT +\d+ ms", ended.stdout)


@pytest.mark.slow
@pytest.mark.deep
def test_each_extra_does_its_part_of_the_demo(
    install: Callable[[str], Path], tmp_path: Path
) -> None:
    """An app, a collector and a search, each from an install with its extra alone."""
    store = f"sqlite:///{tmp_path / 'spanframe.db'}"
    collector = Collector(tmp_path)
    collector.python = str(install("collector") / "python")
    collector.start()
    try:
        folder = next(install("").parent.glob("lib/*/site-packages"))
        app = folder / "spanframe_query/shop_assistant"
        endpoint = {"SPANFRAME_ENDPOINT": collector.endpoint}
        words = (str(install("") / "python"), str(app), "--requests", "30")
        ended = _end(*words, folder=tmp_path, environment=endpoint)
        assert ended.returncode == 0, ended.stderr
    finally:
        collector.terminate()
    question = ("search", "name = 'shop_assistant'", "--output", "json")
    program = str(install("query") / "spanframe")
    ended = _end(program, *question, "--store", store, folder=tmp_path)
    assert ended.returncode == 0, ended.stderr
    assert len(ended.stdout.splitlines()) == 30


def _run(*command: str) -> None:
    ended = _end(*command)
    assert ended.returncode == 0, ended.stderr


def _end(
    *command: str,
    folder: Path | None = None,
    environment: Mapping[str, str] | None = None,
) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        command,
        cwd=folder,
        env=os.environ | (environment or {}),
        capture_output=True,
        text=True,
        check=False,
    )
