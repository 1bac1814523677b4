"""The settings table: a dataclass field is the row that code and documents read.

A settings class is a frozen dataclass whose fields are made by `setting`. `load` takes
what the caller gave, then the environment, then the default, and reports every problem
at once.

The variables of OpenTelemetry and MLflow are shared with other programs: a value that
cannot be used there is told once and passed over, as OpenTelemetry specifies.
"""

import dataclasses
import os
from collections.abc import Callable, Iterator, Mapping
from typing import Any, ClassVar, NamedTuple, Self

from spanframe._guard import warn_of_variable
from spanframe._parsers import ReplacedError
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
    standard: Callable[[str], Any]
    mlflow: Callable[[str], Any]


def setting(
    env: str | tuple[str, ...],
    default: str,
    sentence: str,
    parse: Callable[[Any], Any] = str,
    *,
    standard: Callable[[str], Any] | None = None,
    mlflow: Callable[[str], Any] | None = None,
    secret: bool = False,
    option: str = "",
) -> Any:
    """Declare a setting.

    Args:
        env: the environment variable, or several in order of precedence.
        default: the default, written as the variable would hold it.
        sentence: what it does, for documents and ``--help``.
        parse: from text to the value; raises ValueError with the reason.
        standard: the same for the text of a variable of OpenTelemetry, where it is
            written in another way.
        mlflow: the same for a variable of MLflow.
        secret: never printed, and not an option of a command.
        option: the option of a command; ``--`` and the field's name when empty. A
            setting that is true or false has two: ``--on/--off``.
    """
    names = (env,) if isinstance(env, str) else env
    parsers = (parse, standard or parse, mlflow or parse)
    row = Row("", names, default, sentence, secret, option, *parsers)
    return dataclasses.field(metadata={"row": row})


def rows(settings: type["SettingsBase"]) -> Iterator[Row]:
    """Yield the table of a settings class, in the order of declaration."""
    for field in dataclasses.fields(settings):
        if "row" not in field.metadata:
            continue
        row: Row = field.metadata["row"]
        option = row.option or "--" + field.name.replace("_", "-")
        yield row._replace(field=field.name, option=option)


@dataclasses.dataclass(frozen=True, kw_only=True)
class SettingsBase:
    """What every settings class can do.

    Attributes:
        origins: the variable that each setting was read from, its own name when it was
            given; nothing for a setting that has its default.
    """

    section: ClassVar[str] = ""

    origins: Mapping[str, str] = dataclasses.field(
        default_factory=dict, compare=False, repr=False
    )

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
        values: dict[str, Any] = {}
        origins: dict[str, str] = {}
        problems: list[str] = []
        for row in rows(cls):
            try:
                values[row.field], origin = _read(row, given or {}, environ)
            except _UnusableError as error:
                problems.append(str(error))
            else:
                if origin:
                    origins[row.field] = origin
        if problems:
            raise SettingsError(problems)
        return cls(**values, origins=origins)

    @classmethod
    def load_one(
        cls,
        field: str,
        given: Mapping[str, Any] | None = None,
        environ: Mapping[str, str] | None = None,
    ) -> Any:
        """Read one setting as `load` does; no other setting can be in the way.

        Raises:
            SettingsError: when it cannot be used.
        """
        (row,) = [row for row in rows(cls) if row.field == field]
        try:
            return _read(row, given or {}, environ)[0]
        except _UnusableError as error:
            raise SettingsError([str(error)]) from None

    def printable(self) -> dict[str, str]:
        """Return the settings as text that may be printed: no secret, no password."""
        shown = {}
        for row in rows(type(self)):
            value = getattr(self, row.field)
            shown[row.field] = "***" if row.secret and value else _plain(value)
        return shown


class _UnusableError(ValueError):
    """A setting cannot be used; the text says which one and why."""


def _read(
    row: Row, given: Mapping[str, Any], environ: Mapping[str, str] | None
) -> tuple[Any, str]:
    """Return the value of one setting, and where it comes from.

    Raises:
        _UnusableError: when it was given, or read from a variable of our own.
    """
    environment = os.environ if environ is None else environ
    passed_over: list[tuple[str, str, ValueError]] = []
    for text, origin in _candidates(row, given, environment):
        owner = origin.partition("_")[0]
        parsers: dict[str, Callable[[str], Any]] = {
            "OTEL": row.standard,
            "MLFLOW": row.mlflow,
        }
        try:
            parse: Callable[[Any], Any] = parsers.get(owner, row.parse)
            value = parse(_as_text(text))
        except ValueError as error:
            if owner not in parsers:
                named = origin or f"the default of {row.field}"
                problem = f"{named} is {_shown(row, text)}: {error}"
                raise _UnusableError(problem) from None
            passed_over.append((origin, text, error))
            if not isinstance(error, ReplacedError):
                continue
            value = error.value
        for name, unusable, why in passed_over:
            shown = _shown(row, unusable)
            instead = _instead(row, value, why)
            warn_of_variable(name, unusable, shown, str(why), instead)
        return value, origin
    raise AssertionError("a default can be used")


def _candidates(
    row: Row, given: Mapping[str, Any], environ: Mapping[str, str]
) -> Iterator[tuple[Any, str]]:
    """Yield the values of a setting in order of precedence, each with its origin.

    The origin is the field, a variable, or nothing for the default.
    """
    if given.get(row.field) is not None:
        yield given[row.field], row.field
    for name in row.env:
        if environ.get(name, "").strip():
            yield environ[name], name
    yield row.default, ""


def _shown(row: Row, value: object) -> str:
    return "a secret" if row.secret else repr(_plain(value))


def _instead(row: Row, value: Any, why: ValueError) -> str:
    if value in ("", {}, ()):
        return "it is ignored"
    shown = why.shown if isinstance(why, ReplacedError) else _shown(row, value)
    return f"{shown} is used instead"


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
