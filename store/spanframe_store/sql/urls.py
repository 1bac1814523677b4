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


_DAMAGED: Final = (
    " (the file is damaged: stop what writes to it, then restore a backup, or save "
    "what can be read with `sqlite3 FILE .recover`)"
)

_GONE: Final = " (a table of the store is gone: restore a backup)"

_REMEDIES: Final = {
    "unable to open database file": (
        " (does its folder exist, and may this user write there?)"
    ),
    "attempt to write a readonly database": " (may this user write the file?)",
    "database or disk is full": " (make room, or delete old traces)",
    "database disk image is malformed": _DAMAGED,
    "file is not a database": _DAMAGED,
    "no such table": _GONE,
    "relation": _GONE,
    "permission denied": " (grant the rights again that the owner of the tables has)",
    "read-only transaction": " (is it a standby? name the primary in the URL)",
}
"""What the reader can do, by a part of a message."""


def driver_message(error: Any) -> str:
    """Return the message of the database on one line, without statement and values.

    Only the primary message of a server's diagnosis has no contents of a row.
    """
    cause = getattr(error, "orig", None) or error
    diagnosis = getattr(cause, "diag", None)
    primary = None if diagnosis is None else diagnosis.message_primary
    message = " ".join((primary or str(cause)).split()).rstrip(".")
    if message == "disk I/O error":  # SQLite's word for many things; the code tells
        message += f", {cause.sqlite_errorname}"
    remedies = (each for part, each in _REMEDIES.items() if part in message)
    return message + next(remedies, "")
