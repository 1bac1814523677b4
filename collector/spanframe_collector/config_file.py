"""The file of settings: TOML, a line a setting, by the names of the settings table."""

import tomllib
from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from spanframe.errors import SettingsError
from spanframe.settings import rows
from spanframe_collector.settings import CollectorSettings

__all__ = ["read_config"]


def read_config(path: Path) -> Mapping[str, Any]:
    """Read a file of settings.

    Raises:
        SettingsError: when it cannot be read, or names what is not a setting.
    """
    try:
        found = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise SettingsError([f"config is {str(path)!r}: {error.strerror}"]) from error
    except ValueError as error:  # TOML, or UTF-8
        raise SettingsError([f"config is {str(path)!r}: {error}"]) from error
    known = [row.field for row in rows(CollectorSettings)]
    problems = [
        f"{path.name} has {name!r}, which is not a setting{_hint(name, known)}"
        for name in found
        if name not in known
    ]
    problems += [
        f"{path.name} has a table {name!r}: write {name} = VALUE"
        for name, value in found.items()
        if isinstance(value, dict) and name in known
    ]
    if problems:
        raise SettingsError(problems)
    return found


def _hint(name: str, known: list[str]) -> str:
    close = get_close_matches(name, known, n=1)
    return f"; did you mean {close[0]}?" if close else "; --print-config lists all"
