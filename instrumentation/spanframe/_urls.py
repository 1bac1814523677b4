"""URLs: whether one of a store is well formed, what is shown of any, its host."""

import re
from typing import Final
from urllib.parse import quote, unquote

__all__ = ["is_loopback", "redact_url", "store_url"]

_FORM: Final = (
    "sqlite:///FILE or postgresql+psycopg://USER:PASSWORD@HOST:PORT/DATABASE, with "
    "@ : / ? # and % in a user or password as %40 %3A %2F %3F %23 and %25"
)
_MAX_PORT: Final = 65_535
_HIDDEN: Final = "***"

_HOST: Final = r"(?:[\w.~%-]+|\[[0-9a-fA-F:.%]+\])(?::\d{0,5})?"
_SCHEME: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*")
# SQLAlchemy reads a user and a password alike: a password ends at the first @.
_REST: Final = re.compile(
    r"(?:(?P<user>[^:@/?#]*)(?P<password>:[^@]*)?@)?"
    rf"(?P<hosts>(?:{_HOST}(?:,{_HOST})*)?)"
    r"(?P<path>(?:/[^?#@]*)?)"
    r"(?:\?(?P<query>.*))?"
)
_PATH: Final = re.compile(r"[^:=]*/[^:=/]+|[^:/]+\.(?:db|sqlite|sqlite3)")
"""The path of a file: with a folder, or with the ending of a database."""

_SERVERS: Final = frozenset({"http", "https", "databricks", "databricks-uc"})
"""Schemes by which MLflow names a server instead of a store."""

_SECRET_NAME: Final = re.compile("pass|pwd|secret|token|key", re.IGNORECASE)
_SECRET_WITHOUT_URL: Final = re.compile(
    r":.*@|(?:pass|pwd|secret|token|key)\w*\s*=", re.IGNORECASE | re.DOTALL
)


def store_url(text: str) -> str:
    """Read a store's SQLAlchemy URL: ``sqlite:///FILE`` or ``postgresql+psycopg://…``.

    The path of a file is the URL of SQLite's store in it.
    """
    scheme, separator, rest = text.partition("://")
    if not separator and _PATH.fullmatch(text):
        return f"sqlite:///{quote(text, safe='/~')}"
    if not separator or not _SCHEME.fullmatch(scheme):
        raise ValueError(f"write an SQLAlchemy URL, {_FORM}")
    if scheme in _SERVERS:
        msg = (
            "spanframe has no tracking server; name the store, sqlite:///FILE or "
            "postgresql+psycopg://USER@HOST/DATABASE, or leave it out"
        )
        raise ValueError(msg)
    if not text.isprintable():
        raise ValueError(f"a URL has no control characters; write {_FORM}")
    if scheme.startswith("sqlite"):
        if rest in {"", "/", "/:memory:"}:
            msg = (
                "a store in memory ends with its process and no other process can read "
                "it; name a file, for example sqlite:///spanframe.db"
            )
            raise ValueError(msg)
        if not rest.startswith("/"):
            raise ValueError(
                f"the name of a file comes after three slashes; write {_FORM}"
            )
        return text
    matched = _matched(rest)
    if matched is None:
        raise ValueError(
            f"its user, password, host or port cannot be read; write {_FORM}"
        )
    ports = re.findall(r":(\d+)(?:,|$)", matched["hosts"])
    if any(int(port) > _MAX_PORT for port in ports):
        raise ValueError(f"a port is a number from 0 to {_MAX_PORT}; write {_FORM}")
    return text


def redact_url(text: str) -> str:
    """Return text with the secrets of a URL as ``***``; of a malformed one, the rest.

    A password that is not escaped may end anywhere in a URL that cannot be read, so
    nothing of such a URL is shown but its scheme. Several URLs have spaces between.
    """
    scheme, separator, rest = text.partition("://")
    if not separator:
        return _HIDDEN if _SECRET_WITHOUT_URL.search(text) else text
    if scheme.startswith("sqlite") and rest.startswith("/"):
        path, _, query = rest.partition("?")
        return f"{scheme}://{path}{_shown_query(query)}"
    shown = [_redacted(word) for word in text.split(" ")]
    if None not in shown:
        return " ".join(filter(None, shown))
    start = f"{scheme}://" if _SCHEME.fullmatch(scheme) else ""
    return start + _HIDDEN


def _redacted(url: str) -> str | None:
    """Return a URL without its secrets; None: it is malformed."""
    scheme, _, rest = url.partition("://")
    matched = _matched(rest) if _SCHEME.fullmatch(scheme) else None
    if matched is None:
        return None
    user, password, hosts, path, query = matched.groups()
    shown_user = "" if user is None else f"{user}{':***' if password else ''}@"
    return f"{scheme}://{shown_user}{hosts}{path}{_shown_query(query)}"


def _matched(rest: str) -> re.Match[str] | None:
    """Match what follows the scheme; one @ alone has one meaning."""
    return _REST.fullmatch(rest) if rest.count("@") <= 1 else None


def _shown_query(query: str | None) -> str:
    """Return the parameters up to the first secret, which may have any character."""
    if not query:
        return ""
    shown = []
    for part in query.split("&"):
        name, separator, _ = part.partition("=")
        if not separator or _SECRET_NAME.search(unquote(name)):
            shown.append(f"{name}=***" if separator else _HIDDEN)
            break
        shown.append(part)
    return "?" + "&".join(shown)


def is_loopback(host: str) -> bool:
    """Return whether a host of a URL is this machine."""
    from ipaddress import ip_address  # noqa: PLC0415 - not needed where spans start

    name = host.lower().rstrip(".")
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        return ip_address(name).is_loopback
    except ValueError:
        return False
