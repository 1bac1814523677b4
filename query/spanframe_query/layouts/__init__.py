"""Where each engine keeps what filters, orders and entities ask for.

A new engine brings one layout; the language above it does not change.
"""

from typing import Final

from spanframe.errors import InvalidArgumentError
from spanframe_query.layouts.computed import COMPUTED, Computed, add_computed
from spanframe_query.layouts.index import can_drive, is_exact, is_ordered
from spanframe_query.layouts.plan import Plan
from spanframe_query.layouts.postgresql import PostgreSQLLayout
from spanframe_query.layouts.rows import BODY_KINDS, KIND_COLUMNS, RowLayout
from spanframe_query.layouts.sqlite import SQLiteLayout, install_functions

__all__ = [
    "BODY_KINDS",
    "COMPUTED",
    "KIND_COLUMNS",
    "Computed",
    "RowLayout",
    "add_computed",
    "can_drive",
    "install_functions",
    "is_exact",
    "is_ordered",
    "layout_for",
]

_ANY: Final = Plan(None)
_LAYOUTS: Final[dict[str, type[RowLayout]]] = {
    "sqlite": SQLiteLayout,
    "postgresql": PostgreSQLLayout,
}


def layout_for(dialect: str, plan: Plan = _ANY) -> RowLayout:
    """Return the layout of an engine for one statement.

    Args:
        dialect: the name of the SQLAlchemy dialect, ``engine.dialect.name``.
        plan: how the statement walks the store.

    Raises:
        InvalidArgumentError: no layout is written for this engine.
    """
    if dialect not in _LAYOUTS:
        known = ", ".join(_LAYOUTS)
        raise InvalidArgumentError(
            f"No store on {dialect!r}; a store is one of {known}"
        )
    return _LAYOUTS[dialect](plan)
