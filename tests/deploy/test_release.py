"""What a release consists of: hashed requirements, packages, bills of materials."""

import hashlib
import json
import os
import re
import shutil
import tarfile
from collections.abc import Iterator
from functools import partial
from importlib.metadata import requires
from pathlib import Path

import pytest
from packaging.requirements import Requirement

import spanframe
from scripts.distribution import build
from scripts.lock_requirements import LOCKS, PYTHON
from tests.plugins.image import ROOT, Builder, stages
from tests.plugins.once import Once

IMAGE = {  # what a marker sees in the images
    "python_version": PYTHON,
    "python_full_version": f"{PYTHON}.0",
    "sys_platform": "linux",
    "platform_system": "Linux",
    "os_name": "posix",
    "platform_machine": "x86_64",
    "platform_python_implementation": "CPython",
    "implementation_name": "cpython",
}
LISTS = [pytest.param(path, what, id=path.stem) for path, what in LOCKS.items()]


def pins() -> dict[str, str]:
    """Return the versions of constraints.txt."""
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    pairs = (line.partition("==") for line in lines if not line.startswith("#"))
    return {_normal(name): version for name, _, version in pairs}


def locked(path: Path) -> dict[str, tuple[str, int]]:
    """Return version and number of hashes, by name."""
    text = path.read_text().replace("\\\n", " ")
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    return {
        _normal(line.partition("==")[0]): (
            line.partition("==")[2].split()[0],
            len(re.findall(r" --hash=sha256:[0-9a-f]{64}\b", line)),
        )
        for line in lines
    }


def needed(requirement: str) -> Iterator[str]:
    """Yield the names of all that a requirement needs in the images."""
    seen: set[tuple[str, str]] = set()
    waiting = [Requirement(requirement)]
    while waiting:
        each = waiting.pop()
        name = _normal(each.name)
        for extra in (*each.extras, ""):
            if (name, extra) in seen:
                continue
            seen.add((name, extra))
            marked = (Requirement(text) for text in requires(name) or ())
            waiting += [
                r
                for r in marked
                if r.marker is None or r.marker.evaluate({**IMAGE, "extra": extra})
            ]
        yield name


@pytest.mark.parametrize(("path", "what"), LISTS)
def test_hashed_requirements_are_the_pins(path: Path, what: str) -> None:
    """All that is needed, nothing else, in the versions that the tests ran with."""
    found = locked(path)
    assert {name: version for name, (version, _) in found.items()} == {
        name: pins()[name] for name in set(needed(what)) - {"spanframe"}
    }, "run `make lock`"
    assert all(hashes for _, hashes in found.values())


def test_the_images_install_from_nothing_else() -> None:
    lines = [v for _, i in stages().values() for w, v in i if w == "RUN"]
    installs = [
        part for line in lines for part in re.findall(r"pip install [^&]+", line)
    ]
    lists = {path.name for path in LOCKS}
    assert {i.split()[-1] for i in installs if "--require-hashes" in i} == lists
    others = [i for i in installs if "--require-hashes" not in i]
    assert all("--no-deps /wheel/*.whl" in other for other in others)


@pytest.fixture(scope="module")
def dist(once: Once) -> Path:
    return once("dist", partial(build, ROOT))


@pytest.mark.slow
@pytest.mark.deep
@pytest.mark.timeout(900)
def test_the_same_tree_gives_the_same_bytes(dist: Path, tmp_path: Path) -> None:
    """From the sdist itself, with other times, another umask, in another folder."""
    [sdist] = dist.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        archive.extractall(tmp_path, filter="data")
    [source] = tmp_path.iterdir()
    (source / "PKG-INFO").unlink()  # all that an sdist adds to the tree
    for path in source.rglob("*"):
        os.utime(path, (1_000_000_000, 1_000_000_000))
    before = os.umask(0o077)
    try:
        build(source, tmp_path / "again")
    finally:
        os.umask(before)
    for path in dist.iterdir():
        again = tmp_path / "again" / path.name
        assert again.read_bytes() == path.read_bytes(), path.name


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_the_sums_are_those_of_the_files(dist: Path) -> None:
    lines = (dist / "SHA256SUMS").read_text().splitlines()
    sums = {
        name: digest for digest, _, name in (line.partition("  ") for line in lines)
    }
    files = {path.name: path for path in dist.iterdir() if path.name != "SHA256SUMS"}
    assert sums == {
        name: hashlib.sha256(path.read_bytes()).hexdigest()
        for name, path in files.items()
    }
    assert all(spanframe.__version__ in name for name in files)


@pytest.mark.slow
@pytest.mark.deep
@pytest.mark.timeout(900)
@pytest.mark.parametrize("stem", ["collector", "app"])
def test_a_bill_of_materials_tells_what_an_image_holds(dist: Path, stem: str) -> None:
    # Loaded here: what it brings for the schema takes seconds, in every worker.
    from cyclonedx.schema import SchemaVersion  # noqa: PLC0415
    from cyclonedx.validation.json import JsonStrictValidator  # noqa: PLC0415

    [path] = dist.glob(f"*-{stem}.cdx.json")
    bill = json.loads(path.read_text())
    version = SchemaVersion.from_version(bill["specVersion"])
    assert JsonStrictValidator(version).validate_str(path.read_text()) is None
    root = bill["metadata"]["component"]
    assert (root["name"], root["version"]) == ("spanframe", spanframe.__version__)
    [lock] = (p for p in LOCKS if p.stem == stem)
    told = {_normal(c["name"]): c["version"] for c in bill["components"]}
    assert told == {name: version for name, (version, _) in locked(lock).items()}
    assert all(c["purl"].startswith("pkg:pypi/") for c in bill["components"])
    assert str(path.parent) not in path.read_text()


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_what_the_collectors_image_adds_to_its_base_is_small(builder: Builder) -> None:
    """The base has some 55 MB; together they stay around 150 MB."""
    root = builder.build("collector").root
    size = sum(path.lstat().st_size for path in root.rglob("*"))
    assert size < (100e6 if shutil.which("strip") else 130e6)


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).strip().lower()
