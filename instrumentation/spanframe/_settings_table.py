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
from typing import Any, ClassVar, Final, NamedTuple, Self, get_origin

from spanframe._guard import warn_of_variable
from spanframe._parsers import ReplacedError
from spanframe._urls import redact_url
from spanframe.errors import SettingsError

__all__ = ["Row", "SettingsBase", "rows", "setting"]


_OTHERS: Final = frozenset({"OTEL", "MLFLOW"})
"""Owners of variables that other programs read, too: what is wrong is passed over."""


class Row(NamedTuple):
    """One setting, as documents, ``--help`` and `SettingsBase.load` read it."""

    field: str
    env: tuple[str, ...]
    default: str
    sentence: str
    secret: bool
    option: str
    is_list: bool
    parse: Callable[[Any], Any]
    standard: Callable[..., Any]
    mlflow: Callable[[str], Any]
    beside: tuple[str, ...] = ()


def setting(
    env: str | tuple[str, ...],
    default: str,
    sentence: str,
    parse: Callable[[Any], Any] = str,
    *,
    standard: Callable[..., Any] | None = None,
    beside: tuple[str, ...] = (),
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
        beside: further variables, on whose texts ``standard`` depends as well.
        mlflow: the same for a variable of MLflow.
        secret: never printed, and not an option of a command.
        option: the option of a command; ``--`` and the field's name when empty. A
            setting that is true or false has two: ``--on/--off``.
    """
    names = (env,) if isinstance(env, str) else env
    parsers = (parse, standard or parse, mlflow or parse)
    row = Row("", names, default, sentence, secret, option, False, *parsers, beside)
    return dataclasses.field(metadata={"row": row})


def rows(settings: type["SettingsBase"]) -> Iterator[Row]:
    """Yield the table of a settings class, in the order of declaration."""
    for field in dataclasses.fields(settings):
        if "row" not in field.metadata:
            continue
        row: Row = field.metadata["row"]
        option = row.option or "--" + field.name.replace("_", "-")
        is_list = get_origin(field.type) is tuple
        yield row._replace(field=field.name, option=option, is_list=is_list)


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
        config: Mapping[str, Any] | None = None,
        config_name: str = "",
    ) -> Self:
        """Read the settings: what was given, the environment, a file, the default.

        Args:
            given: values by field name; None means "not given". A value that is not
                text is checked like the text of a variable.
            environ: the environment to read; the process's own when None.
            config: values by field name, read from a file.
            config_name: name of the file, for messages and origins.

        Raises:
            SettingsError: with one sentence for each setting that cannot be used.
        """
        values: dict[str, Any] = {}
        origins: dict[str, str] = {}
        problems: list[str] = []
        for row in rows(cls):
            try:
                in_file = (config or {}).get(row.field), f"{row.field} of {config_name}"
                values[row.field], origin = _read(row, given or {}, environ, in_file)
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
    row: Row,
    given: Mapping[str, Any],
    environ: Mapping[str, str] | None,
    in_file: tuple[Any, str] = (None, ""),
) -> tuple[Any, str]:
    """Return the value of one setting, and where it comes from.

    Args:
        row: the setting.
        given: values that were given, by field name.
        environ: the environment; the process's own when None.
        in_file: the value in a file, None for none, and its origin.

    Raises:
        _UnusableError: when it was given, or read from a variable of our own.
    """
    environment = os.environ if environ is None else environ
    passed_over: list[tuple[str, str, ValueError]] = []
    for text, origin in _candidates(row, given, environment, in_file):
        owner = origin.partition("_")[0]
        try:
            value = _parser(row, owner, environment)(_as_text(row, text))
        except ValueError as error:
            if owner not in _OTHERS:
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


def _parser(row: Row, owner: str, environ: Mapping[str, str]) -> Callable[[Any], Any]:
    """Return what parses a text of one owner's variable."""
    if owner == "OTEL":
        texts = [environ.get(name, "").strip() for name in row.beside]
        return lambda text: row.standard(text, *texts)
    return row.mlflow if owner == "MLFLOW" else row.parse


def _candidates(
    row: Row,
    given: Mapping[str, Any],
    environ: Mapping[str, str],
    in_file: tuple[Any, str],
) -> Iterator[tuple[Any, str]]:
    """Yield the values of a setting in order of precedence, each with its origin.

    The origin is the field, a variable, a line of a file, or nothing for the default.
    """
    if given.get(row.field) is not None:
        yield given[row.field], row.field
    for name in row.env:
        if environ.get(name, "").strip():
            yield environ[name], name
    if in_file[0] is not None:
        yield in_file
    yield row.default, ""


def _shown(row: Row, value: object) -> str:
    return "a secret" if row.secret else repr(_plain(value))


def _instead(row: Row, value: Any, why: ValueError) -> str:
    if value in ("", {}, ()):
        return "it is ignored"
    shown = why.shown if isinstance(why, ReplacedError) else _shown(row, value)
    return f"{shown} is used instead"


def _as_text(row: Row, value: Any) -> Any:
    """Write a value as a variable would hold it; a mapping is read as it is.

    Raises:
        ValueError: when a list is given for one value, or something else for texts.
    """
    if isinstance(value, Mapping):
        return value
    if isinstance(value, list | tuple):
        if not row.is_list:
            raise ValueError("write one value, not a list")
        if not all(isinstance(each, str) for each in value):
            raise ValueError("write a list of texts")
        return ",".join(value)
    if row.is_list and not isinstance(value, str):
        raise ValueError("write a text, or a list of texts")
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
