"""The names of the installed MLflow that the table of names has to have.

It is imported by the interpreter that has the real MLflow: the table is read as a file.
"""

import importlib
import inspect
import re
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

__all__ = ["TABLE", "installed"]

TABLE: Final = Path(__file__).parents[2] / "instrumentation/spanframe/mlflow_names.toml"
_NO_OWNERS: Final = ("elsewhere", "libraries", "modules")
# They hold most of MLflow: of these, names that say that they are about traces.
_LARGE: Final = ("mlflow.MlflowClient", "mlflow.entities")
_OF_TRACES: Final = re.compile(
    r"trac(e|ing)|span|experiment|session|assess|feedback|expectation|document|link",
    re.IGNORECASE,
)


def installed() -> Mapping[str, list[str]]:
    """Return the public names of each module and class that the table has."""
    sections = tomllib.loads(TABLE.read_text("utf-8"))
    owners = [name for name in sections if name not in _NO_OWNERS and "<" not in name]
    found = {owner: _found(owner) for owner in owners}
    return {
        owner: sorted(
            name
            for name in _names(value)
            if owner not in _LARGE or name in sections[owner] or _OF_TRACES.search(name)
        )
        for owner, value in found.items()
        # Other modules show names of those above, and whatever they import.
        if not inspect.ismodule(value) or hasattr(value, "__all__")
    }


def _found(whole: str) -> Any:
    path = whole.split(".")
    for end in range(len(path), 0, -1):
        try:
            value: Any = importlib.import_module(".".join(path[:end]))
        except ModuleNotFoundError:
            continue
        for attribute in path[end:]:
            value = getattr(value, attribute)
        return value
    raise AssertionError(whole)


def _names(owner: Any) -> Iterator[str]:
    """Yield what a module exports, or the members of a class."""
    listed = getattr(owner, "__all__", None)
    fields = getattr(owner, "__dataclass_fields__", {})
    # Members that every enumeration, list or exception has are not MLflow's.
    inherited = {
        name
        for base in getattr(owner, "__mro__", ())
        if not base.__module__.startswith("mlflow")
        for name in vars(base)
    }
    for name in {*(listed or dir(owner)), *fields} - inherited:
        if not name.startswith("_") and not inspect.ismodule(
            getattr(owner, name, None)
        ):
            yield name
