"""All drills, by name, in the order of the table in ``docs/operating.md``."""

from typing import Final

from tests.drills import (
    connections,
    damage,
    files,
    hostile,
    overload,
    processes,
    servers,
    shapes,
)
from tests.drills.promises import Drill

__all__ = ["DRILLS"]

_MODULES: Final = (
    *(processes, files, damage, servers),
    *(overload, connections, hostile, shapes),
)

DRILLS: Final = {
    each.name: each
    for module in _MODULES
    for each in vars(module).values()
    if isinstance(each, Drill)
}
