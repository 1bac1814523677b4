"""The pages: their links lead somewhere, their programs run, tables are the code's."""

import re
import shlex
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from scripts import reference
from tests.plugins.collector import Collector

ROOT = Path(__file__).parents[1]
PAGES = sorted(
    path
    for pattern in ("*.md", "docs/**/*.md", "deploy/**/*.md")
    for path in ROOT.glob(pattern)
)
SOURCES = (
    *(
        "instrumentation/spanframe",
        "store/spanframe_store",
        "serving/spanframe_serving",
    ),
    *("collector/spanframe_collector", "query/spanframe_query"),
)
PICTURES = ("dataframe", "waterfall")


def blocks(page: Path, language: str) -> list[str]:
    fenced = re.compile(rf"^```{language}\n(.*?)^```$", re.DOTALL | re.MULTILINE)
    found = fenced.findall(page.read_text())
    assert found, f"{page.name} shows no {language}"
    return found


def anchors(page: Path) -> set[str]:
    """Return what the headings of a page are called in links, as GitHub has it."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    plain = (re.sub(r"[^\w\- ]", "", heading.lower()) for heading in headings)
    return {heading.replace(" ", "-") for heading in plain}


def run(collector: Collector, *command: str) -> str:
    done = subprocess.run(
        command,
        env=collector.environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(ROOT)))
def test_every_link_leads_somewhere(page: Path) -> None:
    text = re.sub(r"^```.*?^```$", "", page.read_text(), flags=re.DOTALL | re.MULTILINE)
    for link in re.findall(r"\]\(([^)\s]+)\)", text):
        if link.startswith("http"):
            continue
        name, _, anchor = link.partition("#")
        target = (page.parent / name).resolve() if name else page
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


@pytest.mark.parametrize("name", ["ARCHITECTURE.md", "CONTRIBUTING.md"])
def test_the_files_and_folders_it_names_exist(name: str) -> None:
    """A path is that of a file or folder, from the root or from a package."""
    named = re.findall(
        r"`([\w./-]+(?:\.(?:py|md|toml|txt)|/))`", (ROOT / name).read_text()
    )
    assert named
    places = [ROOT, *(ROOT / source for source in SOURCES)]
    missing = [n for n in named if not any((p / n).exists() for p in places)]
    assert missing == []


def test_the_architecture_has_a_sentence_for_every_folder() -> None:
    text = (ROOT / "ARCHITECTURE.md").read_text()
    folders = {
        module.parent.relative_to(ROOT).as_posix()
        for source in SOURCES
        for module in (ROOT / source).rglob("*.py")
    }
    assert [f for f in sorted(folders) if f"| `{f}/` | " not in text] == []


def test_the_reference_is_current() -> None:
    for page, text in reference.PAGES.items():
        differing = set(page.read_text().splitlines()) ^ set(text().splitlines())
        assert not differing, "run `make reference`"


def test_the_quick_start_runs(collector: Collector) -> None:
    page = ROOT / "docs/quick-start.md"
    send, search = blocks(page, "python")
    assert "189.0 EUR\nno canoes" in run(collector, sys.executable, "-c", send)
    found = run(collector, sys.executable, "-c", search)
    assert "What is the price of a canoe" in found
    lines = "".join(blocks(page, "sh")).splitlines()
    searches = [line for line in lines if line.startswith("spanframe search")]
    for line in searches:
        words = shlex.split(line)[1:]
        found = run(collector, sys.executable, "-m", "spanframe", *words)
        assert len(set(re.findall(r"\btr-[0-9a-f]{32}\b", found))) == 1
    assert len(searches) == 2


def test_an_app_written_for_mlflow_runs_and_is_searched(collector: Collector) -> None:
    send, search = blocks(ROOT / "docs/migrating-from-mlflow.md", "python")
    run(collector, sys.executable, "-c", send)
    found = run(collector, sys.executable, "-c", search)
    assert "['serve', 'model', 'look_up']" in found
    assert found.endswith("1 None\n")


@pytest.mark.parametrize("name", PICTURES)
def test_a_picture_is_in_the_readme_and_asks_no_server(name: str) -> None:
    path = ROOT / f"docs/pictures/{name}.svg"
    assert f"(docs/pictures/{name}.svg)" in (ROOT / "README.md").read_text()
    text = path.read_text()
    ET.fromstring(text)  # noqa: S314 - our own
    assert "url(http" not in text
    assert "@font-face" not in text


@pytest.mark.slow
@pytest.mark.deep
def test_the_pictures_are_drawn_from_a_run(tmp_path: Path) -> None:
    program = str(ROOT / "scripts/pictures.py")
    options = ("--folder", str(tmp_path), "--requests", "60")
    subprocess.run([sys.executable, program, *options], check=True)
    for name, wanted in {"dataframe": "search_traces", "waterfall": "bank"}.items():
        for folder in (tmp_path, ROOT / "docs/pictures"):
            drawing = ET.parse(folder / f"{name}.svg").getroot()  # noqa: S314 - our own
            assert wanted in "".join(drawing.itertext())
