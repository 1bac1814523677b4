"""Write the README's tables from the code: `make readme`."""

import re
from collections.abc import Iterable
from pathlib import Path

from spanframe.__main__ import EXIT_CODES
from spanframe.settings import ClientSettings, SettingsBase, rows
from spanframe_collector.settings import CollectorSettings
from spanframe_query.columns import LAYOUTS
from spanframe_store.contract.fields import FIELDS

__all__ = ["with_tables"]

README = Path(__file__).parents[1] / "README.md"


def with_tables(text: str) -> str:
    """Return the text with the first table below each heading replaced by the code's.

    Raises:
        ValueError: when a heading or its table is not in the text.
    """
    for heading, table in tables().items():
        below = rf"(\n### {re.escape(heading)}\n[^#|]*)((?:\|.*\n)+)"
        found = re.search(below, text)
        if found is None:
            raise ValueError(f"no table below the heading {heading!r}")
        text = text[: found.start(2)] + table + text[found.end(2) :]
    return text


def tables() -> dict[str, str]:
    """Return every table, by its heading."""
    fields = (row for row in FIELDS if row.comparators)
    return {
        "Fields": _table(
            ("field", "what it is"),
            ((_code(*row.names), row.sentence) for row in fields),
        ),
        "Columns": _table(
            ("column", "what it holds"),
            ((_code(column.name), column.sentence) for column in LAYOUTS["v2"]),
        ),
        "Exit codes": _table(
            ("code", "meaning"),
            ((str(number), meaning) for number, meaning in EXIT_CODES.items()),
        ),
    } | {
        f"Settings of {settings.section}": _settings(settings)
        for settings in (ClientSettings, CollectorSettings)
    }


def _settings(settings: type[SettingsBase]) -> str:
    return _table(
        ("variable", "default", "what it does"),
        ((_code(*r.env), _code(r.default), r.sentence) for r in rows(settings)),
    )


def _table(head: tuple[str, ...], lines: Iterable[tuple[str, ...]]) -> str:
    written = [head, tuple("---" for _ in head), *lines]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in written)


def _code(*words: str) -> str:
    return ", ".join(f"`{word}`" for word in words if word)


if __name__ == "__main__":
    README.write_text(with_tables(README.read_text()))
