"""The settings table: a dataclass field is the row that code and documents read.

A settings class is a frozen dataclass whose fields are made by `setting`. `load` takes
what the caller gave, then the environment, then the default, and reports every problem
at once.
"""

import dataclasses
import os
from collections.abc import Callable, Iterator, Mapping
from typing import Any, ClassVar, NamedTuple, Self

from spanframe._urls import redact_url
from spanframe.errors import SettingsError

__all__ = ["Row", "SettingsBase", "rows", "setting"]


class Row(NamedTuple):
    """One setting, as documents, ``--help`` and `SettingsBase.load` read it."""

    field: str
    env: tuple[str, ...]
    default: str
    sentence: str
    secret: bool
    option: str
    parse: Callable[[Any], Any]


def setting(
    env: str | tuple[str, ...],
    default: str,
    sentence: str,
    parse: Callable[[Any], Any] = str,
    *,
    secret: bool = False,
    option: str = "",
) -> Any:
    """Declare a setting.

    Args:
        env: the environment variable, or several in order of precedence.
        default: the default, written as the variable would hold it.
        sentence: what it does, for documents and ``--help``.
        parse: from text to the value; raises ValueError with the reason.
        secret: never printed, and not an option of a command.
        option: the option of a command; ``--`` and the field's name when empty. A
            setting that is true or false has two: ``--on/--off``.
    """
    names = (env,) if isinstance(env, str) else env
    row = Row("", names, default, sentence, secret, option, parse)
    return dataclasses.field(metadata={"row": row})


def rows(settings: type["SettingsBase"]) -> Iterator[Row]:
    """Yield the table of a settings class, in the order of declaration."""
    for field in dataclasses.fields(settings):
        row: Row = field.metadata["row"]
        option = row.option or "--" + field.name.replace("_", "-")
        yield row._replace(field=field.name, option=option)


@dataclasses.dataclass(frozen=True, kw_only=True)
class SettingsBase:
    """What every settings class can do."""

    section: ClassVar[str] = ""

    @classmethod
    def load(
        cls,
        given: Mapping[str, Any] | None = None,
        environ: Mapping[str, str] | None = None,
    ) -> Self:
        """Read the settings: what was given, else the environment, else the default.

        Args:
            given: values by field name; None means "not given". A value that is not
                text is checked like the text of a variable.
            environ: the environment to read; the process's own when None.

        Raises:
            SettingsError: with one sentence for each setting that cannot be used.
        """
        environment = os.environ if environ is None else environ
        values: dict[str, Any] = {}
        problems: list[str] = []
        for row in rows(cls):
            value, origin = _find(row, given or {}, environment)
            try:
                values[row.field] = row.parse(_as_text(value))
            except ValueError as error:
                shown = "a secret" if row.secret else repr(_plain(value))
                problems.append(f"{origin} is {shown}: {error}")
        if problems:
            raise SettingsError(problems)
        return cls(**values)

    def printable(self) -> dict[str, str]:
        """Return the settings as text that may be printed: no secret, no password."""
        shown = {}
        for row in rows(type(self)):
            value = getattr(self, row.field)
            shown[row.field] = "***" if row.secret and value else _plain(value)
        return shown


def _find(
    row: Row, given: Mapping[str, Any], environ: Mapping[str, str]
) -> tuple[Any, str]:
    """Return the value to use and where it comes from, for messages."""
    if given.get(row.field) is not None:
        return given[row.field], row.field
    for name in row.env:
        if environ.get(name, "").strip():
            return environ[name], name
    return row.default, f"the default of {row.field}"


def _as_text(value: Any) -> Any:
    """Write a value as a variable would hold it; a mapping is read as it is."""
    if isinstance(value, Mapping):
        return value
    if type(value) in {list, tuple}:
        return ",".join(map(str, value))
    return str(value).strip()


def _plain(value: object) -> str:
    """Write a value for messages and ``--print-config``, without passwords."""
    if isinstance(value, Mapping):
        return ",".join(f"{k}={redact_url(str(v))}" for k, v in value.items())
    if isinstance(value, bool):
        return "true" if value else "false"
    if type(value) in {list, tuple}:
        return ",".join(map(str, value))  # type: ignore[call-overload]
    if value is None:
        return ""
    return redact_url(str(value))
