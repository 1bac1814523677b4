"""From a store URL to its store: the one place that knows which engines exist."""

from importlib import import_module
from typing import Final

from spanframe.errors import SettingsError
from spanframe.settings import redact_url
from spanframe_store.contract.foreign import ForeignStore
from spanframe_store.contract.store import Backend

__all__ = ["backend_of", "foreign_store", "register"]

_MODULES: Final = {
    "sqlite": "spanframe_store.sql.backend",
    "postgresql": "spanframe_store.sql.backend",
}
"""The module of each URL scheme; it is imported when a store of it is first opened, and
offers its `Backend` as ``BACKEND``."""

_registered: Final[dict[str, Backend]] = {}


def backend_of(url: str) -> Backend:
    """Return what opens the stores of a URL's scheme.

    Raises:
        SettingsError: when no engine has such a scheme.

    Example:
        >>> reader = backend_of("sqlite:///spanframe.db").reader("sqlite:///spanframe.db")
    """
    scheme, separator, _ = url.partition("://")
    scheme = scheme.partition("+")[0] if separator else ""
    if scheme in _registered:
        return _registered[scheme]
    if scheme in _MODULES:
        backend: Backend = import_module(_MODULES[scheme]).BACKEND
        return backend
    problem = (
        f"store is {redact_url(url)!r}: no database that spanframe stores in; "
        "write sqlite:///FILE or postgresql+psycopg://USER@HOST/DATABASE"
    )
    raise SettingsError([problem])


def foreign_store(url: str) -> ForeignStore:
    """Open the store of another program whose traces can be imported: MLflow's.

    Args:
        url: MLflow's tracking URI of SQLite or PostgreSQL.

    Raises:
        MissingExtraError: when the driver of the database is not installed.
        SettingsError: when the URL names no such store.
        StoreError: when it cannot be read, or is not a tracking store.
    """
    opened: ForeignStore = import_module("spanframe_store.mlflow.store").MlflowStore(
        url
    )
    return opened


def register(scheme: str, backend: Backend) -> None:
    """Have URLs of a scheme opened by a backend, until the process ends.

    Args:
        scheme: what stands before ``://``, without a driver.
        backend: opens the stores.
    """
    _registered[scheme] = backend
