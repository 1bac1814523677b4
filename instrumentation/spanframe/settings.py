"""Settings: one declaration each, read by code, ``--help`` and the README.

A settings class is a frozen dataclass whose fields are made by `setting`; the field
*is* the row of the table. `load` takes what the caller gave, then the environment,
then the default, and reports every problem at once.
"""

import dataclasses
import os
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, ClassVar, Final, NamedTuple, Self

from spanframe._parsers import (
    boolean,
    endpoint,
    existing_file,
    header_value,
    headers,
    named_urls,
    one_of,
    patterns,
    ratio,
    seconds,
    store_url,
    whole_number,
)
from spanframe.errors import SettingsError

__all__ = [
    "ClientSettings",
    "Row",
    "SettingsBase",
    "boolean",
    "client_environment",
    "endpoint",
    "existing_file",
    "header_value",
    "headers",
    "named_urls",
    "one_of",
    "patterns",
    "ratio",
    "redact_url",
    "rows",
    "seconds",
    "setting",
    "store_url",
    "whole_number",
]


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
    if isinstance(value, re.Pattern):
        return str(value.pattern)
    if value is None:
        return ""
    return redact_url(str(value))


_SECRET_PARAMETER: Final = re.compile(
    r"([?&][^=&#]*(?:pass|pwd|secret|token|key)[^=&#]*=)[^&#]*", re.IGNORECASE
)


def redact_url(text: str) -> str:
    """Return a URL with its password, and parameters named like one, as ``***``."""
    head, separator, rest = text.partition("://")
    if not separator:
        return text
    authority, at, tail = rest.rpartition("@")
    if at:
        user, colon, _ = authority.partition(":")
        rest = f"{user}{':***' if colon else ''}@{tail}"
    return head + separator + _SECRET_PARAMETER.sub(r"\1***", rest)


_SAMPLERS = (
    "always_on",
    "always_off",
    "traceidratio",
    "parentbased_always_on",
    "parentbased_always_off",
    "parentbased_traceidratio",
)


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
        "The experiment that traces go to and searches look in; empty: Default to "
        "write, all to read.",
    )
    token: str = setting(
        "SPANFRAME_TOKEN",
        "",
        "The bearer token the app sends to the collector.",
        header_value,
        secret=True,
    )
    warehouses: dict[str, str] = setting(
        "SPANFRAME_WAREHOUSES",
        "",
        "Other stores by name, as name=URL pairs, for sql_warehouse_id=.",
        named_urls,
    )
    capture: bool = setting(
        "SPANFRAME_CAPTURE",
        "true",
        "Record the arguments and results of decorated functions.",
        boolean,
    )
    capture_limit: int = setting(
        "SPANFRAME_CAPTURE_LIMIT",
        "262144",
        "The most characters recorded of one value; the rest is cut and marked.",
        whole_number(64, 64 * 1024 * 1024),
    )
    redact_keys: tuple[str, ...] = setting(
        "SPANFRAME_REDACT_KEYS",
        "*password*,*passwd*,*passphrase*,pwd,*_pwd,*secret*,token,*_token,*api_key*,"
        "*apikey*,*access_key*,*private_key*,*credential*,*authorization*,*cookie*",
        "Values under these keys are never recorded; patterns with *, in snake_case.",
        patterns,
    )
    disabled: bool = setting(
        "OTEL_SDK_DISABLED",
        "false",
        "Record nothing at all.",
        boolean,
    )
    sampler: str = setting(
        "OTEL_TRACES_SAMPLER",
        "parentbased_always_on",
        "Which traces are recorded, one of OpenTelemetry's samplers.",
        one_of(*_SAMPLERS),
    )
    sample_ratio: float = setting(
        "OTEL_TRACES_SAMPLER_ARG",
        "1.0",
        "The share of traces a traceidratio sampler records.",
        ratio,
    )
    use_global_provider: bool = setting(
        "SPANFRAME_USE_GLOBAL_PROVIDER",
        "false",
        "Record through the app's global OpenTelemetry provider and its exporters.",
        boolean,
    )
    headers: dict[str, str] = setting(
        ("OTEL_EXPORTER_OTLP_TRACES_HEADERS", "OTEL_EXPORTER_OTLP_HEADERS"),
        "",
        "More request metadata for the collector, as name=value pairs, URL-encoded.",
        headers,
        secret=True,
    )
    export_timeout: float = setting(
        ("OTEL_EXPORTER_OTLP_TRACES_TIMEOUT", "OTEL_EXPORTER_OTLP_TIMEOUT"),
        "10",
        "How long one export may take, in seconds.",
        seconds,
    )
    retry_for: float = setting(
        "SPANFRAME_RETRY_FOR",
        "300",
        "How long a batch is tried again while the collector is away, in seconds.",
        seconds,
    )
    exit_timeout: float = setting(
        "SPANFRAME_EXIT_TIMEOUT",
        "5",
        "How long the end of the program may wait for its last spans, in seconds.",
        seconds,
    )
    queue_size: int = setting(
        "OTEL_BSP_MAX_QUEUE_SIZE",
        "16384",
        "How many ended spans wait at most; more are dropped and counted.",
        whole_number(1, 10_000_000),
    )
    queue_characters: int = setting(
        "SPANFRAME_QUEUE_CHARACTERS",
        "67108864",
        "How much text the waiting spans may hold; more are dropped and counted.",
        whole_number(1, 1 << 40),
    )
    batch_size: int = setting(
        "OTEL_BSP_MAX_EXPORT_BATCH_SIZE",
        "512",
        "How many spans go out in one request.",
        whole_number(1, 1_000_000),
    )
    schedule_delay_ms: int = setting(
        "OTEL_BSP_SCHEDULE_DELAY",
        "1000",
        "How long an ended span waits for others to share its request.",
        whole_number(1, 3_600_000),
    )
    span_attributes: int = setting(
        ("OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT", "OTEL_ATTRIBUTE_COUNT_LIMIT"),
        "1024",
        "The most attributes of one span; tags of the trace are among them.",
        whole_number(1, 1_000_000),
    )
    span_events: int = setting(
        "OTEL_SPAN_EVENT_COUNT_LIMIT",
        "1024",
        "The most events of one span; each item of a stream is one.",
        whole_number(1, 1_000_000),
    )
    compression: str = setting(
        ("OTEL_EXPORTER_OTLP_TRACES_COMPRESSION", "OTEL_EXPORTER_OTLP_COMPRESSION"),
        "none",
        "The compression of requests: none or gzip.",
        one_of("none", "gzip"),
    )
    certificate: str = setting(
        ("OTEL_EXPORTER_OTLP_TRACES_CERTIFICATE", "OTEL_EXPORTER_OTLP_CERTIFICATE"),
        "",
        "The file of certificates to trust for an https endpoint; empty: the system's.",
        existing_file,
    )
    client_certificate: str = setting(
        (
            "OTEL_EXPORTER_OTLP_TRACES_CLIENT_CERTIFICATE",
            "OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE",
        ),
        "",
        "The file of the app's own certificate, for mutual TLS.",
        existing_file,
    )
    client_key: str = setting(
        ("OTEL_EXPORTER_OTLP_TRACES_CLIENT_KEY", "OTEL_EXPORTER_OTLP_CLIENT_KEY"),
        "",
        "The file of the app's private key, for mutual TLS.",
        existing_file,
    )


_CLIENT_VARIABLES: Final = tuple(n for row in rows(ClientSettings) for n in row.env)


def client_environment() -> tuple[str | None, ...]:
    """Return what the environment holds of the variables of `ClientSettings`."""
    return tuple(map(os.environ.get, _CLIENT_VARIABLES))
