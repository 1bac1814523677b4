"""The drills in their short form: every promise holds, and the page tells of each.

`make drills` does them in full. Those that mostly wait are done side by side, and take
long all the same: CI does them, `make test` only on request.
"""

import sqlite3
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest

from benchmarks.acknowledged import SPANS_IN_A_REQUEST, Answer, Book, Request
from tests.drills.catalogue import DRILLS
from tests.drills.promises import (
    DOUBLED,
    LOST,
    Drill,
    Outcome,
    Promise,
    Result,
    Scale,
    Skipped,
    perform,
    table,
)
from tests.drills.traffic import Traffic
from tests.plugins.at_rest import patience
from tests.plugins.collector import Collector
from tests.plugins.examples import IN_CI
from tests.plugins.observed import path_of

PATIENCE = 3
"""A machine that runs tests is busy: `make drills` holds times to what is promised."""

AT_ONCE = 4
"""Drills done side by side: more would measure how they compete for two cores."""

PAGE = (Path(__file__).parents[2] / "docs" / "operating.md").read_text()


@pytest.fixture(scope="module")
def waiting() -> Iterator[dict[str, Future[Outcome]]]:
    """The drills that mostly wait, all of them begun."""
    drills = [drill for drill in DRILLS.values() if drill.waits]
    with ThreadPoolExecutor(AT_ONCE) as threads:
        yield {d.name: threads.submit(perform, d, Scale.SHORT) for d in drills}


@pytest.mark.slow
@pytest.mark.alone
@pytest.mark.timeout(300)  # the first one waits for all that mostly wait
@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=pytest.mark.deep if drill.waits else [])
        for name, drill in DRILLS.items()
    ],
)
def test_every_promise_is_kept(name: str, request: pytest.FixtureRequest) -> None:
    drill = DRILLS[name]
    if drill.waits:
        waiting: dict[str, Future[Outcome]] = request.getfixturevalue("waiting")
        for each in waiting.values():
            each.result()  # the next test has the machine for itself
        outcome = waiting[name].result()
    else:
        outcome = perform(drill, Scale.SHORT)
    if outcome.skipped and not IN_CI:
        pytest.skip(outcome.skipped)
    assert not outcome.skipped
    allowed = max(PATIENCE, patience())
    if drill.waits and outcome.broken(allowed):  # the others may have been in its way
        outcome = perform(drill, Scale.SHORT)
    assert outcome.broken(allowed) == []


def test_the_page_tells_of_every_drill_and_promise() -> None:
    section = PAGE.split("\n## Drills\n", 1)[1].split("\n#", 1)[0]
    rows = [line.split("|")[1:-1] for line in section.splitlines() if "|" in line]
    told: dict[str, list[str]] = {}
    for name, _, promise, _, verdict in rows[2:]:
        told.setdefault(name.strip(" `") or list(told)[-1], []).append(promise.strip())
        assert verdict.strip() == "kept"
    assert told == {name: [*map(str, d.promises)] for name, d in DRILLS.items()}
    assert list(told) == list(DRILLS)


# --- what a drill is measured with ----------------------------------------------------


def test_what_is_missing_and_what_is_there_twice_is_counted(
    collector: Collector,
) -> None:
    traffic = Traffic(collector.target)
    with traffic.running():
        traffic.wait_for(1)
    assert traffic.lost_and_doubled(collector.store) == (0, 0)
    traffic.book.answers.append(Answer(Request.new(), 0, 0, "OK"))
    assert traffic.lost_and_doubled(collector.store) == (SPANS_IN_A_REQUEST, 0)
    with closing(sqlite3.connect(path_of(collector))) as connection, connection:
        connection.execute("DELETE FROM spans WHERE trace_key = 1 AND span_id < 4")
        connection.execute("UPDATE traces SET span_count = 22 WHERE trace_key = 1")
        connection.execute(
            "INSERT INTO spans SELECT trace_key, span_id, digest + 1, parent_span_id, "
            "kind_key, end_ns, usage, block_key, position FROM spans "
            "WHERE trace_key = 2 AND span_id < 3"
        )
    found = traffic.lost_and_doubled(collector.store)
    assert found == (SPANS_IN_A_REQUEST + 3, 2)


def test_a_request_that_is_taken_at_last_is_not_left() -> None:
    book, one, other = Book(), Request.new(), Request.new()
    for request, code in ((one, "UNAVAILABLE"), (other, "UNAVAILABLE"), (one, "OK")):
        book.answers.append(Answer(request, 0, 1, code))
    assert book.unanswered == [other]
    assert book.acknowledged == [one]


# --- the runner -----------------------------------------------------------------------


def made(*figures: float, error: Exception | None = None) -> Outcome:
    """Return the outcome of a drill that promises that nothing is lost, and speed."""

    def found(_: Scale, folder: Path) -> Result:
        assert not list(folder.iterdir())
        if error is not None:
            raise error
        return Result("3 times", figures)

    promises = (LOST, DOUBLED, Promise("serving again after", 2.0, "s"))
    return perform(Drill("it", "what", promises, found, False), Scale.SHORT)


def test_a_figure_at_its_bound_is_kept_and_one_beyond_is_broken() -> None:
    assert made(0, 0, 2.0).broken() == []
    assert made(0, 1, 2.01).broken() == [
        "it: spans that are stored twice: 1, promised at most 0",
        "it: serving again after: 2.01 s, promised at most 2 s",
    ]
    assert made(0, 0, float("inf")).broken() == [
        "it: serving again after: never, promised at most 2 s"
    ]


def test_patience_is_for_times_alone() -> None:
    assert made(0, 0, 6.0).broken(3) == []
    assert len(made(0, 1, 6.01).broken(3)) == 2


def test_a_drill_that_fails_is_broken_and_one_that_cannot_be_done_is_not() -> None:
    assert made(error=ValueError("no")).broken() == ["it: ValueError: no"]
    assert made(error=Skipped("no compiler")).broken() == []
    assert table([made(error=Skipped("no compiler"))])[2:] == [
        "| `it` | what |  | no compiler | not done |"
    ]


def test_a_drill_has_a_figure_for_every_promise() -> None:
    with pytest.raises(ValueError, match="shorter"):
        made(0).broken()


def test_the_table_says_what_was_done_promised_and_found() -> None:
    assert table([made(0, 1, 0.5)])[2:] == [
        f"| `it` | what: 3 times | {LOST.text}: none | 0 | kept |",
        f"|  |  | {DOUBLED.text}: none | 1 | BROKEN |",
        "|  |  | serving again after: ≤ 2 s | 0.50 s | kept |",
    ]
