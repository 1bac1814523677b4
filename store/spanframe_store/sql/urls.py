"""Store URLs: reading them, and texts about a store without its secrets."""

from typing import Any, Final

from sqlalchemy import URL, Engine, make_url
from sqlalchemy.exc import ArgumentError, NoSuchModuleError

from spanframe.errors import SettingsError
from spanframe.settings import redact_url, store_url

__all__ = ["DRIVERS", "driver_message", "parse_url", "store_name"]

DRIVERS: Final = ("sqlite+pysqlite", "postgresql+psycopg")
"""SQLAlchemy's names of the databases with their drivers."""


def parse_url(url: str) -> URL:
    """Read the URL of a row store.

    Raises:
        SettingsError: when the URL does not name a row store.
    """
    problem = (
        f"which is not a database of spanframe; write sqlite:///FILE or {DRIVERS[1]}"
        "://USER@HOST/DATABASE"
    )
    try:
        parsed = make_url(store_url(url))
        if f"{parsed.get_backend_name()}+{parsed.get_driver_name()}" in DRIVERS:
            return parsed
    except (ArgumentError, NoSuchModuleError):
        pass
    except ValueError as error:
        problem = str(error)
    raise SettingsError([f"store is {redact_url(url)!r}, {problem}"])


def store_name(engine: Engine) -> str:
    """Return the URL of a store, without its password."""
    return redact_url(engine.url.render_as_string(hide_password=True))


_QUESTIONS: Final = {
    "unable to open database file": (
        " (does its folder exist, and may this user write there?)"
    ),
    "attempt to write a readonly database": " (may this user write the file?)",
}


def driver_message(error: Any) -> str:
    """Return the message of the database on one line, without statement and values.

    Only the primary message of a server's diagnosis has no contents of a row.
    """
    cause = getattr(error, "orig", None) or error
    diagnosis = getattr(cause, "diag", None)
    primary = None if diagnosis is None else diagnosis.message_primary
    message = " ".join((primary or str(cause)).split()).rstrip(".")
    return message + _QUESTIONS.get(message, "")
