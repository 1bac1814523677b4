"""Names that live in the query room, resolved on first use (PEP 562).

The one upward import of the package: an app that only records never loads pandas or
SQLAlchemy, and one that searches writes ``spanframe.search_traces``.
"""

import importlib
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from spanframe.errors import MissingExtraError

__all__ = ["attributes", "query"]


def query(name: str, module: str) -> Any:
    """Return ``name`` of a query module.

    Raises:
        MissingExtraError: when a library of the extra ``query`` is not installed.
    """
    try:
        return getattr(importlib.import_module(module), name)
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("spanframe"):
            raise
        raise MissingExtraError(name, "query") from error


def attributes(
    owner: str, public: Sequence[str], table: Mapping[str, str]
) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """Make the ``__getattr__`` and ``__dir__`` of a module.

    Args:
        owner: the module's name.
        public: its ``__all__``.
        table: the query module of each name that is resolved on first use.
    """

    def getattribute(name: str) -> Any:
        if name not in table:
            raise AttributeError(f"module {owner!r} has no attribute {name!r}")
        value = query(name, table[name])
        setattr(sys.modules[owner], name, value)
        return value

    def directory() -> list[str]:
        return sorted(public)

    return getattribute, directory
