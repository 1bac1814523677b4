"""Write claims beside their targets, as a Markdown page with machine and versions."""

import os
import platform
import sqlite3
import subprocess
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Final, NamedTuple

import spanframe

__all__ = ["RESULTS", "Claim", "at_least", "at_most", "machine", "write"]

RESULTS: Final = Path(__file__).parent / "results"
_LOAD_BEFORE: Final = os.getloadavg()


class Claim(NamedTuple):
    """A measured figure beside what it must be and what it aims at."""

    text: str
    value: float
    unit: str
    must: float
    goal: float
    is_ceiling: bool

    @property
    def verdict(self) -> str:
        """Say whether the figure reaches its goal, its must, or neither."""
        for target, verdict in ((self.goal, "goal"), (self.must, "met")):
            reached = self.value <= target if self.is_ceiling else self.value >= target
            if reached:
                return verdict
        return "MISSED"

    def row(self) -> str:
        sign = "≤" if self.is_ceiling else "≥"
        must, goal = (
            f"{sign} {limit:g}{self.unit}" for limit in (self.must, self.goal)
        )
        value = f"{self.value:.3g}" if self.value < 1000 else f"{self.value:,.0f}"
        return (
            f"| {self.text} | {value}{self.unit} | {must} | {goal} | {self.verdict} |"
        )


def at_least(text: str, value: float, unit: str, must: float, goal: float) -> Claim:
    return Claim(text, value, unit, must, goal, is_ceiling=False)


def at_most(text: str, value: float, unit: str, must: float, goal: float) -> Claim:
    return Claim(text, value, unit, must, goal, is_ceiling=True)


def write(
    file: Path,
    title: str,
    claims: Sequence[Claim],
    figures: Mapping[str, str],
    details: Sequence[str] = (),
) -> None:
    """Write a page and print it.

    Args:
        file: where to.
        title: its heading.
        claims: the figures that have a target.
        figures: other figures, name and value.
        details: lines of a table of its own, at the end.
    """
    lines = [f"# {title}", "", *machine(), ""]
    lines += ["| claim | measured | must | goal | |", "|---|---|---|---|---|"]
    lines += [claim.row() for claim in claims]
    lines += ["", "| figure | |", "|---|---|"]
    lines += [f"| {name} | {value} |" for name, value in figures.items()]
    lines += ["", *details]
    page = "\n".join(lines) + "\n"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(page)
    print(f"\n{page}\nWritten to {file}")


def machine() -> list[str]:
    """Say where and when this is measured."""
    after = os.getloadavg()
    packages = ("grpcio", "protobuf", "sqlalchemy", "pandas")
    where = f"{_cpu()}, {os.cpu_count()} CPUs, {platform.system()} {platform.release()}"
    load = [f"{figure:.1f}" for figure in (*_LOAD_BEFORE[:2], *after[:2])]
    return [
        f"- {datetime.now(UTC):%Y-%m-%d %H:%M} UTC, {where}",
        "- load average over 1 and 5 minutes: {}, {} before, {}, {} after".format(
            *load
        ),
        f"- spanframe {spanframe.__version__} ({_commit()})",
        f"- Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}, "
        + ", ".join(f"{name} {version(name)}" for name in packages),
    ]


def _cpu() -> str:
    information = Path("/proc/cpuinfo")
    if information.exists():
        for line in information.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _commit() -> str:
    command = ["git", "describe", "--always", "--dirty"]
    folder = Path(__file__).parent
    found = subprocess.run(
        command, cwd=folder, capture_output=True, text=True, check=False
    )
    return found.stdout.strip() or "no commit"
