"""Programs see what they see of MLflow, but for what the table of differences has."""

import re
from collections.abc import Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Final

import pytest

from spanframe._mlflow_names import line_of, names
from tests.differential.comparing import Found, differences
from tests.differential.here import seen_here
from tests.differential.page import PAGE, page
from tests.differential.recorded import ANSWERS, answers
from tests.differential.running import PROGRAMS
from tests.differential.table import ANYWHERE, DIFFERENCES

RECORDED: Final = answers()
ROOT: Final = Path(__file__).parents[2]


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_program_sees_the_same(name: str, tmp_path: Path) -> None:
    seen = seen_here(name, tmp_path)
    found = list(differences(name, RECORDED["seen"][name], seen))
    unexplained = [
        f for f in found if not any(d.explains(f.field) for d in DIFFERENCES)
    ]
    assert unexplained == []
    assert _unseen(name, found) == []


def _unseen(name: str, found: Sequence[Found]) -> list[str]:
    """Return the patterns of a program that name no field that differs."""
    starts = (f"{name}/", "*/") if name == ANYWHERE else (f"{name}/",)
    return [
        pattern
        for row in DIFFERENCES
        for pattern in row.fields
        if pattern.startswith(starts)
        and not any(fnmatchcase(each.field, pattern) for each in found)
    ]


def test_every_program_is_recorded() -> None:
    assert RECORDED["seen"].keys() == PROGRAMS.keys()


def test_a_recorded_program_came_to_its_end() -> None:
    ended = {name: seen.get("ended by") for name, seen in RECORDED["seen"].items()}
    assert [name for name, error in ended.items() if error is not None] == []


def test_a_difference_is_shown_by_a_program_or_by_another_test() -> None:
    for row in DIFFERENCES:
        assert bool(row.fields) != bool(row.shown_by), row.subject
        file, _, test = row.shown_by.partition("::")
        assert not file or f"def {test}(" in (ROOT / file).read_text(), row.subject
        programs = {pattern.partition("/")[0] for pattern in row.fields}
        assert programs <= PROGRAMS.keys() | {"*"}, row.subject
        assert row.mlflow, row.subject
        assert row.here, row.subject
        assert row.why, row.subject


def test_the_table_of_names_has_every_name_of_mlflow_and_no_other() -> None:
    """A release of MLflow that is recorded anew shows here what is new in it."""
    known = {name.whole for name in names()}
    installed = {
        f"{owner}.{name}"
        for owner, found in RECORDED["names"].items()
        for name in found
    }
    new = {whole for whole in installed - known if not _is_elsewhere(whole)}
    assert new == set()
    of_the_owners = {n.whole for n in names() if n.owner in RECORDED["names"]}
    assert of_the_owners - installed == set()


def _is_elsewhere(whole: str) -> bool:
    owner, _, name = whole.rpartition(".")
    return line_of(owner, name) is not None


def test_the_page_is_written_from_the_tables() -> None:
    assert PAGE.read_text("utf-8") == page(), "run `make differential ARGS=--page`"


def test_the_recording_names_no_machine() -> None:
    for path in ANSWERS.glob("*.json"):
        assert (
            re.search(r"/(home|root|tmp|work|Users)/", path.read_text("utf-8")) is None
        )
