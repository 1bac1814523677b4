"""A drill: something done to a running collector, and what is promised of it."""

import enum
import math
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple, TypeVar

import pytest

__all__ = [
    "DOUBLED",
    "LOST",
    "MEMORY",
    "Drill",
    "Outcome",
    "Promise",
    "Result",
    "Scale",
    "Skipped",
    "drill",
    "perform",
    "table",
]

T = TypeVar("T")


class Scale(enum.Enum):
    """How much of a drill is done: the little that CI has time for, or all of it."""

    SHORT = "short"
    FULL = "full"

    def pick(self, short: T, full: T) -> T:
        """Return the one of two amounts that this scale is about."""
        return full if self is Scale.FULL else short


@dataclass(frozen=True)
class Promise:
    """What is measured, and the most that it may be."""

    text: str
    most: float
    unit: str = ""

    def is_kept(self, figure: float, patience: float = 1) -> bool:
        """Whether a figure keeps it; a promise of time is taken ``patience`` times."""
        return figure <= self.most * (patience if self.unit == "s" else 1)

    def written(self, figure: float) -> str:
        """Return a figure with its unit, as the table has it."""
        if math.isinf(figure):
            return "never"
        digits = f"{figure:,.0f}" if figure == int(figure) else f"{figure:,.2f}"
        return f"{digits} {self.unit}".strip()

    def __str__(self) -> str:
        most = f"≤ {self.written(self.most)}" if self.most else "none"
        return f"{self.text}: {most}"


LOST: Final = Promise("spans answered OK that are lost", 0)
DOUBLED: Final = Promise("spans that are stored twice", 0)
MEMORY: Final = Promise("more memory", 128, "MiB")


class Result(NamedTuple):
    """What a drill found.

    Attributes:
        done: how much was done.
        figures: one for each promise, in their order.
    """

    done: str
    figures: Sequence[float]


Perform = Callable[[Scale, Path], Result]


@dataclass(frozen=True)
class Drill:
    """One drill.

    Attributes:
        name: by which it is picked.
        what: what is done.
        promises: what has to hold.
        perform: does it in an empty folder.
        waits: whether it mostly waits, so that others can be done at the same time.
    """

    name: str
    what: str
    promises: tuple[Promise, ...]
    perform: Perform
    waits: bool


class Skipped(Exception):  # noqa: N818 - nothing went wrong
    """A drill that this machine cannot do, and why."""


@dataclass(frozen=True)
class Outcome:
    """What became of a drill: figures, or the reason why there are none."""

    drill: Drill
    seconds: float
    result: Result | None = None
    error: str = ""
    skipped: str = ""

    def broken(self, patience: float = 1) -> list[str]:
        """Return the promises that do not hold, as sentences."""
        if self.skipped:
            return []
        if self.result is None:
            return [f"{self.drill.name}: {self.error}"]
        return [
            f"{self.drill.name}: {promise.text}: {promise.written(figure)}, "
            f"promised at most {promise.written(promise.most)}"
            for promise, figure in self._pairs()
            if not promise.is_kept(figure, patience)
        ]

    def rows(self) -> Iterator[str]:
        """Yield a row of the table for each promise."""
        name, what = f"`{self.drill.name}`", self.drill.what
        if self.result is None:
            verdict = "not done" if self.skipped else "BROKEN"
            [reason, *_] = (self.skipped or self.error).splitlines()
            yield f"| {name} | {what} |  | {reason} | {verdict} |"
            return
        what += f": {self.result.done}"
        for promise, figure in self._pairs():
            verdict = "kept" if promise.is_kept(figure) else "BROKEN"
            cells = (name, what, str(promise), promise.written(figure), verdict)
            yield f"| {' | '.join(cells)} |"
            name = what = ""

    def _pairs(self) -> Iterator[tuple[Promise, float]]:
        assert self.result is not None
        yield from zip(self.drill.promises, self.result.figures, strict=True)


def drill(
    name: str, what: str, *promises: Promise, waits: bool = False
) -> Callable[[Perform], Drill]:
    """Make the function below it a drill; see `Drill`."""
    return lambda perform: Drill(name, what, promises, perform, waits)


def perform(drill: Drill, scale: Scale) -> Outcome:
    """Do a drill in a folder of its own; whatever goes wrong is its outcome."""
    begun = time.monotonic()
    result, error, skipped = None, "", ""
    try:
        # Not among pytest's own: a PostgreSQL server of another user has to enter it.
        with tempfile.TemporaryDirectory(prefix="spanframe-drill-") as folder:
            result = drill.perform(scale, Path(folder))
    except Skipped as reason:
        skipped = str(reason)
    except (Exception, pytest.fail.Exception) as raised:  # noqa: BLE001 - the next drill is done too
        error = f"{type(raised).__name__}: {raised}"
    return Outcome(drill, time.monotonic() - begun, result, error, skipped)


def table(outcomes: Sequence[Outcome]) -> list[str]:
    """Return the lines of a table: what was done, promised and found."""
    head = ["| drill | what was done | promise | figure | |", "|---|---|---|---|---|"]
    return head + [row for outcome in outcomes for row in outcome.rows()]
