"""The wheel: what is in it, and what an install without extras can do."""

import subprocess
import sys
import textwrap
import venv
import zipfile
from pathlib import Path

import pytest

import spanframe
from tests.plugins.collector import Collector

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    _run(
        *(sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps"),
        *("--no-build-isolation", "--disable-pip-version-check"),
        *("--wheel-dir", str(folder), str(ROOT)),
    )
    return next(folder.glob("spanframe-*.whl"))


@pytest.fixture(scope="module")
def bare_python(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The interpreter of an environment with spanframe and no extras."""
    folder = tmp_path_factory.mktemp("bare")
    venv.create(folder, with_pip=True, symlinks=True)
    python = str(folder / "bin" / "python")
    _run(
        *(python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"),
        *("--constraint", str(ROOT / "constraints.txt"), str(wheel)),
    )
    return python


def test_the_wheel_holds_three_typed_packages_and_the_example(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    tops = {name.partition("/")[0] for name in names if ".dist-info/" not in name}
    assert tops == {"spanframe", "spanframe_collector", "spanframe_query"}
    assert {f"{package}/py.typed" for package in tops} <= set(names)
    assert "spanframe_query/shop_assistant/__main__.py" in names
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
    bare_python: str, collector: Collector, monkeypatch: pytest.MonkeyPatch
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
    _run(bare_python, "-c", _code(app).replace("ENDPOINT", repr(collector.endpoint)))
    monkeypatch.setenv("SPANFRAME_STORE", collector.store)
    found = spanframe.search_traces("name = 'greet'")
    assert found["request"].tolist() == [{"name": "Ada"}]
    assert found["response"].tolist() == ["Hello, Ada!"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("code", "extra"),
    [
        ("import spanframe; spanframe.search_traces('')", "query"),
        ("import spanframe; spanframe.get_trace('tr-' + '0' * 32)", "query"),
        ("from spanframe.client import SpanframeClient; SpanframeClient()", "query"),
        ("from spanframe.__main__ import main; main(['collector'])", "collector"),
        ("from spanframe.__main__ import main; main(['search', 'x'])", "query"),
    ],
)
def test_what_needs_an_extra_names_the_install_line(
    bare_python: str, code: str, extra: str
) -> None:
    ended = subprocess.run(
        [bare_python, "-c", code], capture_output=True, text=True, check=False
    )
    assert ended.returncode != 0
    assert f"pip install 'spanframe[{extra}]'" in ended.stderr


def _code(text: str) -> str:
    return textwrap.dedent(text)


def _run(*command: str) -> None:
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
