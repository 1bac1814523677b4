"""Rules of this repository that no linter checks."""

import ast
import importlib
import pkgutil
import re
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from tests.plugins.store import OPT_OUTS, SAME_ON_BOTH

ROOT = Path(__file__).parents[1]
PACKAGES = (
    "spanframe",
    "spanframe_store",
    "spanframe_serving",
    "spanframe_collector",
    "spanframe_query",
)
SOURCES = [
    path
    for folder in ("instrumentation", "store", "serving", "collector", "query")
    for path in sorted((ROOT / folder).rglob("*.py"))
]
TESTS = sorted((ROOT / "tests").rglob("test_*.py"))
# Every name of `keys` is public; Alembic runs the migrations, nobody imports them.
UNLISTED = ("spanframe.keys", "spanframe_store.sql.migrations")


def public_modules() -> Iterator[str]:
    """Yield every module of ours that a user may import."""
    for package in PACKAGES:
        yield package
        found = importlib.import_module(package)
        for info in pkgutil.walk_packages(found.__path__, f"{package}."):
            private = any(part.startswith("_") for part in info.name.split("."))
            if not private and not info.name.startswith(UNLISTED):
                yield info.name


@pytest.mark.parametrize("name", sorted(public_modules()))
def test_a_public_module_lists_its_names_and_has_them(name: str) -> None:
    module = importlib.import_module(name)
    if not _defines_something(module):
        return
    listed = module.__all__
    assert len(set(listed)) == len(listed)
    missing = [n for n in listed if not hasattr(module, n)]
    assert missing == []


@pytest.mark.parametrize(
    "path", SOURCES, ids=lambda p: str(p.relative_to(ROOT)).replace("/", ".")
)
def test_a_module_is_named_for_what_it_does(path: Path) -> None:
    vague = {"utils", "util", "helpers", "helper", "common", "base", "manager", "misc"}
    assert path.stem.strip("_") not in vague


def test_the_version_is_written_in_one_place() -> None:
    version = importlib.import_module("spanframe._version").__version__
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())
    assert settings["project"]["dynamic"] == ["version"]
    written = [p for p in SOURCES if f'"{version}"' in p.read_text()]
    assert [p.name for p in written] == ["_version.py"]


def test_every_dependency_is_pinned_for_development() -> None:
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    pins = [line for line in lines if line and not line.startswith("#")]
    assert all(re.fullmatch(r"[A-Za-z0-9._-]+==[A-Za-z0-9.]+", pin) for pin in pins)
    pinned = {_normal(pin.partition("==")[0]) for pin in pins}
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())
    project = settings["project"]
    stated = [
        *project["dependencies"],
        *(r for e in project["optional-dependencies"].values() for r in e),
        *settings["dependency-groups"]["dev"],
        *settings["build-system"]["requires"],
    ]
    names = {_normal(re.split(r"[\[<>=]", s)[0]) for s in stated} - {"spanframe"}
    assert names - pinned == set()


def functions_of(file: str) -> set[str]:
    tree = ast.parse((ROOT / file).read_text())
    return {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}


@pytest.mark.parametrize("file", OPT_OUTS)
def test_every_opt_out_names_a_test_and_a_reason(file: str) -> None:
    assert OPT_OUTS[file].keys() <= functions_of(file)
    assert all(OPT_OUTS[file].values())


@pytest.mark.parametrize("file", SAME_ON_BOTH)
def test_what_is_the_same_on_both_engines_is_a_test(file: str) -> None:
    assert set(SAME_ON_BOTH[file]) <= functions_of(file)


@pytest.mark.parametrize("profile", ["default", "ci", "deep"])
def test_make_test_leaves_out_what_is_deep_and_ci_does_not(profile: str) -> None:
    command = ["make", "--dry-run", "test", f"HYPOTHESIS_PROFILE={profile}"]
    printed = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    [line] = [line for line in printed.splitlines() if " -m pytest " in line]
    assert (" -m 'not deep'" in line) == (profile == "default")
    assert "export HYPOTHESIS_PROFILE=ci\n" in (ROOT / ".ci/run").read_text()


def test_what_tests_share_is_in_the_plugins() -> None:
    """What one test module takes from another goes where that one goes.

    The harnesses of `tests/ecosystem` and `tests/differential` are programs of their
    own beside their test modules.
    """
    programs = r"(ecosystem|differential)\b(?!\.test_)"
    found = [
        (path.name, line)
        for path in (ROOT / "tests").rglob("*.py")
        if path.parent.name != "drills"  # a program of several modules, and its test
        for line in path.read_text().splitlines()
        if re.match(rf"\s*(from|import) tests\.(?!plugins|{programs})", line)
    ]
    assert found == []


@pytest.mark.parametrize(
    "path", TESTS, ids=lambda p: str(p.relative_to(ROOT)).replace("/", ".")
)
def test_a_test_file_says_in_its_first_line_what_it_proves(path: Path) -> None:
    first, *_ = path.read_text().splitlines()
    assert re.match('"""[`A-Z].*[.:]', first)


def _defines_something(module: ModuleType) -> bool:
    assert module.__file__ is not None
    tree = ast.parse(Path(module.__file__).read_text())
    return any(not isinstance(node, ast.Expr) for node in tree.body)


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
