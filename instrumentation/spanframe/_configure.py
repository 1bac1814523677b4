"""`configure`: settings given by the program instead of the environment."""

import inspect
from typing import Any, Final, Unpack, get_type_hints

from opentelemetry.sdk.trace.export import SpanExporter

from spanframe._redaction import Redact
from spanframe._runtime import current_setting, current_settings, runtime
from spanframe._suggestion import suggestion
from spanframe.errors import SettingsError
from spanframe.settings import ClientSettings, Configuration, rows

__all__ = [
    "configure",
    "get_tracking_uri",
    "is_tracking_uri_set",
    "set_tracking_uri",
]

_KEYWORDS: Final = frozenset(row.field for row in rows(ClientSettings))


def configure(
    *,
    redact: Redact | None = None,
    exporter: SpanExporter | None = None,
    **settings: Unpack[Configuration],
) -> None:
    """Set what the environment does not; may be called at any time, for later spans.

    What is not given, or None, stays as it is.

    Args:
        redact: function from text to text that every recorded text passes through.
        exporter: any OpenTelemetry span exporter, instead of the collector; giving an
            endpoint goes back to the collector.
        **settings: settings by name, as listed below.

    Raises:
        SettingsError: listing every setting that cannot be used.
        TypeError: for a keyword that is not a setting.
    """
    unknown = sorted(settings.keys() - _KEYWORDS)
    if unknown:
        meant = suggestion(unknown[0], sorted(_KEYWORDS | {"redact", "exporter"}))
        raise TypeError(f"configure() has no keyword {unknown[0]!r}.{meant}")
    if redact is not None and not callable(redact):
        raise SettingsError([f"redact is {redact!r:.80}: write a function of a text"])
    if exporter is not None and not callable(getattr(exporter, "export", None)):
        problem = f"exporter is {exporter!r:.80}: write an OpenTelemetry span exporter"
        raise SettingsError([problem])
    runtime.configure(settings, redact=redact, exporter=exporter)


def _document(function: Any) -> None:
    """Show the settings table where Python shows keywords: signature and docstring."""
    types = get_type_hints(Configuration) | get_type_hints(configure)
    names = [*(row.field for row in rows(ClientSettings)), "redact", "exporter"]
    function.__signature__ = inspect.Signature(
        [
            inspect.Parameter(
                name,
                inspect.Parameter.KEYWORD_ONLY,
                default=None,
                annotation=types[name],
            )
            for name in names
        ],
        return_annotation=None,
    )
    lines = (f"    {row.field}: {row.sentence}" for row in rows(ClientSettings))
    function.__doc__ = "\n".join([function.__doc__ or "", "Settings:", *lines])


_document(configure)


def set_tracking_uri(uri: str) -> None:
    """Name the store searches read; MLflow's name for ``configure(store=uri)``.

    Raises:
        SettingsError: when ``uri`` is not an SQLAlchemy URL: there is not a tracking
            server to name.
    """
    configure(store=uri)


def get_tracking_uri() -> str:
    """Return the URL of the store that searches read.

    Raises:
        SettingsError: when the variable of the setting cannot be used.
    """
    return str(current_setting("store"))


def is_tracking_uri_set() -> bool:
    """Return whether a store was named, by the program or in the environment.

    Raises:
        SettingsError: when a variable of the environment cannot be used.
    """
    return "store" in current_settings().origins
