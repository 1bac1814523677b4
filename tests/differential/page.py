"""Writes `docs/migrating-from-mlflow.md` from the tables and from what MLflow answered.

The prose is in `page.md` beside this module.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from spanframe._mlflow_names import Name, names
from tests.differential.recorded import answers
from tests.differential.table import DIFFERENCES
from tests.differential.wire import FACTS

__all__ = ["PAGE", "page"]

PAGE: Final = Path(__file__).parents[2] / "docs" / "migrating-from-mlflow.md"

_TEMPLATE: Final = Path(__file__).with_suffix(".md")


def page() -> str:
    """Return the page."""
    every = names()
    recorded = answers()
    return (
        _TEMPLATE.read_text("utf-8")
        .replace("{differences}", _differences())
        .replace("{differs}", _table(n for n in every if n.state == "differs"))
        .replace("{absent}", _table(n for n in every if n.state == "absent"))
        .replace("{count}", str(len(every)))
        .replace("{same}", str(sum(n.state == "same" for n in every)))
        .replace("{sent}", _sent(recorded["sent"]))
        .replace("{root}", _of_the_root(recorded["sent"]))
        .replace("{version}", recorded["version"])
    )


def _differences() -> str:
    head = ["| | MLflow 3.17 | spanframe | because |", "|---|---|---|---|"]
    rows = [f"| {d.subject} | {d.mlflow} | {d.here} | {d.why} |" for d in DIFFERENCES]
    return "\n".join(head + rows)


def _table(found: Iterable[Name]) -> str:
    return "\n".join(["| name | here |", "|---|---|", *_rows(found)])


def _rows(found: Iterable[Name]) -> Iterator[str]:
    """Yield a row for each line; names and owners that share it are together."""
    by_owner: dict[tuple[str, str], list[str]] = {}
    for n in sorted(found, key=lambda n: (n.owner, n.line, n.name)):
        by_owner.setdefault((n.line, n.owner), []).append(n.name)
    owners: dict[tuple[str, tuple[str, ...]], list[str]] = {}
    for (line, owner), listed in by_owner.items():
        owners.setdefault((line, tuple(listed)), []).append(owner)
    for (line, shared), of in owners.items():
        places = _codes(owner.removeprefix("mlflow.") for owner in of if owner)
        shown = f"{places}: {_codes(shared)}" if places else _codes(shared)
        yield f"| {shown} | {line.replace('|', chr(92) + '|')} |"


def _codes(texts: Iterable[str]) -> str:
    return ", ".join(f"`{text}`" for text in texts)


def _sent(sent: dict[str, bool]) -> str:
    rows = [f"| {fact} | {'yes' if sent[fact] else 'no'} |" for fact in FACTS]
    return "\n".join(["| fact | sent |", "|---|---|", *rows])


def _of_the_root(sent: dict[str, bool]) -> str:
    if sent["the root of a trace with tags"]:
        return "Values of attributes are JSON text; tags are plain text on the root."
    return (
        "Values of attributes are JSON text. The root of a trace that has a tag never\n"
        "arrives: MLflow fails to write the tag with the OpenTelemetry SDK that it is\n"
        "installed with, and drops the span. The trace is shown by its children, in\n"
        "progress."
    )
