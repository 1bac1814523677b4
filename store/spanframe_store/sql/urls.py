"""From a store URL to an engine, and what may be shown of both."""

from typing import Any, Final

from sqlalchemy import URL, Engine, make_url
from sqlalchemy.exc import ArgumentError, NoSuchModuleError

from spanframe.errors import SettingsError
from spanframe.settings import redact_url

__all__ = ["DRIVERS", "driver_message", "parse_url", "store_name"]

DRIVERS: Final = ("sqlite+pysqlite", "postgresql+psycopg")
"""What SQLAlchemy calls the databases that hold the row store, driver included."""


def parse_url(url: str) -> URL:
    """Read the URL of a row store.

    Raises:
        SettingsError: when no store of spanframe has such a URL.
    """
    try:
        parsed = make_url(url)
        name = f"{parsed.get_backend_name()}+{parsed.get_driver_name()}"
    except (ArgumentError, NoSuchModuleError):
        name = ""
    else:
        if name in DRIVERS:
            return parsed
    problem = (
        f"store is {redact_url(url)!r}: no database that spanframe stores in; "
        f"write sqlite:///FILE or {DRIVERS[1]}://USER@HOST/DATABASE"
    )
    raise SettingsError([problem])


def store_name(engine: Engine) -> str:
    """Return the URL of a store as it may be shown."""
    return redact_url(engine.url.render_as_string(hide_password=True))


_ADVICE: Final = {
    "unable to open database file": (
        " (does its folder exist, and may this user write there?)"
    ),
    "attempt to write a readonly database": " (may this user write the file?)",
}


def driver_message(error: Any) -> str:
    """Return what the database said on one line, without statement and parameters.

    A server's diagnosis has a first sentence without the contents of a row.
    """
    said = getattr(error, "orig", None) or error
    diagnosis = getattr(said, "diag", None)
    primary = None if diagnosis is None else diagnosis.message_primary
    message = " ".join((primary or str(said)).split()).rstrip(".")
    return message + _ADVICE.get(message, "")
