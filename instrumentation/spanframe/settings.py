"""Settings: one declaration each, read by code, ``--help`` and the README.

A settings class is a frozen dataclass whose fields are made by `setting`; the field
*is* the row of the table. `load` takes what the caller gave, then the environment,
then the default, and reports every problem at once.
"""

import dataclasses
import os
from collections.abc import Callable, Iterator, Mapping
from typing import Any, ClassVar, NamedTuple, Self
from urllib.parse import urlsplit

from spanframe.errors import SettingsError

__all__ = ["ClientSettings", "Row", "SettingsBase", "rows", "setting"]


class Row(NamedTuple):
    """One line of the settings table, as documents and ``--help`` print it."""

    field: str
    env: tuple[str, ...]
    default: str
    sentence: str
    secret: bool


def setting(
    env: str | tuple[str, ...],
    default: str,
    sentence: str,
    parse: Callable[[str], Any] = str,
    *,
    secret: bool = False,
) -> Any:
    """Declare a setting.

    Args:
        env: the environment variable, or several in order of precedence.
        default: the default, written as the variable would hold it.
        sentence: what it does, for documents and ``--help``.
        parse: from text to the value; raises ValueError with the reason.
        secret: never printed.
    """
    names = (env,) if isinstance(env, str) else env
    return dataclasses.field(
        metadata={"row": (names, default, sentence, secret), "parse": parse}
    )


def rows(settings: type["SettingsBase"]) -> Iterator[Row]:
    """Yield the table of a settings class, in the order of declaration."""
    for field in dataclasses.fields(settings):
        env, default, sentence, secret = field.metadata["row"]
        yield Row(field.name, env, default, sentence, secret)


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
            given: values by field name; None means "not given". Text is parsed like a
                variable, anything else is taken as it is.
            environ: the environment to read; the process's own when None.

        Raises:
            SettingsError: with one sentence for each setting that cannot be used.
        """
        environment = os.environ if environ is None else environ
        values: dict[str, Any] = {}
        problems: list[str] = []
        for field in dataclasses.fields(cls):
            names, default, _, secret = field.metadata["row"]
            value, origin = _find(field.name, names, default, given or {}, environment)
            if not isinstance(value, str):
                values[field.name] = value
                continue
            try:
                values[field.name] = field.metadata["parse"](value.strip())
            except ValueError as error:
                shown = "a secret" if secret else repr(redact_url(value))
                problems.append(f"{origin} is {shown}: {error}")
        if problems:
            raise SettingsError(problems)
        return cls(**values)

    def printable(self) -> dict[str, str]:
        """Return the settings as text that may be printed: no secret, no password."""
        shown = {}
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            secret = field.metadata["row"][3]
            shown[field.name] = "***" if secret and value else _plain(value)
        return shown


def _find(
    field: str,
    names: tuple[str, ...],
    default: str,
    given: Mapping[str, Any],
    environ: Mapping[str, str],
) -> tuple[Any, str]:
    """Return the value to use and where it comes from, for messages."""
    if given.get(field) is not None:
        return given[field], field
    for name in names:
        if environ.get(name, "").strip():
            return environ[name], name
    return default, f"the default of {field}"


def _plain(value: object) -> str:
    if isinstance(value, Mapping):
        return ",".join(f"{k}={redact_url(str(v))}" for k, v in value.items())
    if isinstance(value, bool):
        return "true" if value else "false"
    return redact_url(str(value))


def redact_url(text: str) -> str:
    """Return ``text`` with the password of every URL in it replaced by ``***``."""
    head, separator, rest = text.partition("://")
    if not separator:
        return text
    authority, at, tail = rest.rpartition("@")
    if not at:
        return text
    user, colon, _ = authority.partition(":")
    return f"{head}://{user}{':***' if colon else ''}@{tail}"


# --- parsers: text to value, ValueError with the reason ---------------------------


def boolean(text: str) -> bool:
    """Read true/false, yes/no, on/off, 1/0."""
    if text.lower() in {"1", "true", "yes", "on"}:
        return True
    if text.lower() in {"0", "false", "no", "off", ""}:
        return False
    msg = "write true or false"
    raise ValueError(msg)


def whole_number(low: int, high: int) -> Callable[[str], int]:
    """Make a parser of whole numbers from ``low`` to ``high``."""

    def parse(text: str) -> int:
        msg = f"write a whole number from {low} to {high}"
        if not text.lstrip("-").isdecimal() or not low <= int(text) <= high:
            raise ValueError(msg)
        return int(text)

    return parse


def endpoint(text: str) -> str:
    """Read an OTLP/gRPC endpoint: ``http://host:port``, ``https://…`` or ``unix:…``."""
    if text.startswith("unix:"):
        return text
    parts = urlsplit(text)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        msg = "write http://HOST:PORT, https://HOST:PORT or unix:PATH"
        raise ValueError(msg)
    try:
        _ = parts.port
    except ValueError:
        msg = "the port is not a number from 0 to 65535"
        raise ValueError(msg) from None
    return text


def store_url(text: str) -> str:
    """Read a store's SQLAlchemy URL: ``sqlite:///FILE`` or ``postgresql+psycopg://…``."""
    scheme, separator, rest = text.partition("://")
    if not separator or not scheme:
        msg = "write an SQLAlchemy URL, for example sqlite:///spanframe.db"
        raise ValueError(msg)
    if scheme.startswith("sqlite") and rest in {"", "/", "/:memory:"}:
        msg = (
            "a store in memory is gone with its process and seen by no other; "
            "name a file, for example sqlite:///spanframe.db"
        )
        raise ValueError(msg)
    return text


def named_urls(text: str) -> dict[str, str]:
    """Read ``name=URL`` pairs separated by commas."""
    pairs: dict[str, str] = {}
    for part in filter(None, (p.strip() for p in text.split(","))):
        name, separator, url = part.partition("=")
        if not separator or not name.strip():
            msg = "write name=URL pairs separated by commas"
            raise ValueError(msg)
        pairs[name.strip()] = store_url(url.strip())
    return pairs


@dataclasses.dataclass(frozen=True, kw_only=True)
class ClientSettings(SettingsBase):
    """What the instrumented app and the searching program read."""

    section: ClassVar[str] = "apps and searches"

    store: str = setting(
        "SPANFRAME_STORE",
        "sqlite:///spanframe.db",
        "The store, as an SQLAlchemy URL.",
        store_url,
    )
    endpoint: str = setting(
        (
            "SPANFRAME_ENDPOINT",
            "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
            "OTEL_EXPORTER_OTLP_ENDPOINT",
        ),
        "http://127.0.0.1:4317",
        "Where the app sends its spans (OTLP over gRPC).",
        endpoint,
    )
    service_name: str = setting(
        ("SPANFRAME_SERVICE_NAME", "OTEL_SERVICE_NAME"),
        "",
        "The service.name of the app's resource.",
    )
    experiment: str = setting(
        "SPANFRAME_EXPERIMENT",
        "",
        "The experiment that traces go to and searches look in; empty: Default to write, "
        "all to read.",
    )
    token: str = setting(
        "SPANFRAME_TOKEN",
        "",
        "The bearer token the app sends to the collector.",
        secret=True,
    )
    warehouses: dict[str, str] = setting(
        "SPANFRAME_WAREHOUSES",
        "",
        "Other stores by name, as name=URL pairs, for sql_warehouse_id=.",
        named_urls,
    )
