"""Modules of MLflow's: ``from spanframe.entities.span import Span`` works as well.

A program changes one name, ``mlflow``, in its imports. The table of names says which
modules there are and whose names they show. A module or a name that is not here says
what it is in spanframe, which an ``AttributeError`` cannot do in ``from … import …``:
Python replaces its text.
"""

import importlib
import sys
from collections.abc import Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any, Final

from spanframe._mlflow_names import (
    MissingNameError,
    Module,
    libraries,
    line_of,
    modules,
)

__all__ = ["install", "is_module"]

_OURS: Final = "spanframe"
_THEIRS: Final = "mlflow"
_NOTHING: Final = Module((), {})
_REAL: Final = frozenset({"mlflow.client"})
"""Modules of both that `spanframe` does not import itself."""


def is_module(name: str) -> bool:
    """Return whether a module of MLflow's is here, for example ``mlflow.tracking``."""
    shown = name in modules() or name in _REAL
    return shown or _library(name) in libraries()


def install() -> None:
    """Let Python find the modules, after all others."""
    sys.meta_path.append(_Finder())


class _Finder(MetaPathFinder, Loader):
    """Finds modules of MLflow's below ``spanframe``, and explains missing ones."""

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None = None,
        target: ModuleType | None = None,
    ) -> ModuleSpec | None:
        del path, target
        if not fullname.startswith(f"{_OURS}."):
            return None
        name = _THEIRS + fullname.removeprefix(_OURS)
        if is_module(name):
            return ModuleSpec(fullname, self, is_package=True)
        line = line_of(*name.rsplit(".", 1))
        if line is not None:
            # Under its own name, Python would take it for a name that is missing.
            raise ModuleNotFoundError(f"{fullname} is missing: {line}", name=name)
        return None

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        return _Shown(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        library = _library(module.__spec__.name) if module.__spec__ else ""
        if library in libraries():
            autologs = importlib.import_module("spanframe._instrument")
            module.__dict__["autolog"] = autologs.autolog_of(library)


class _Shown(ModuleType):
    """A module of MLflow's: its names are those of modules of spanframe."""

    def __getattr__(self, name: str) -> Any:
        theirs = _THEIRS + self.__name__.removeprefix(_OURS)
        shown = modules().get(theirs)
        if shown is not None and not name.startswith("_"):
            if name in shown.also:
                at, _, called = shown.also[name].rpartition(".")
                return getattr(importlib.import_module(at), called)
            for module in map(importlib.import_module, shown.at):
                if name in module.__all__:
                    return getattr(module, name)
        if name == "__all__":
            return self.__dir__()
        if is_module(f"{theirs}.{name}"):
            return importlib.import_module(f"{self.__name__}.{name}")
        raise MissingNameError(f"module {self.__name__!r}", theirs, name)

    def __dir__(self) -> list[str]:
        """Return the names that the module shows; ``autolog`` is one of its own."""
        shown = modules().get(_THEIRS + self.__name__.removeprefix(_OURS), _NOTHING)
        found = map(importlib.import_module, shown.at)
        names = {n for module in found for n in module.__all__} | {
            *shown.also,
            *vars(self),
        }
        return sorted(name for name in names if not name.startswith("_"))


def _library(name: str) -> str:
    package, _, library = name.partition(".")
    return library if package in {_OURS, _THEIRS} else ""
