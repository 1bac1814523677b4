"""The table of MLflow's names, ``mlflow_names.toml``, and what a missing name says.

The table is read when a program is told of a missing name, or imports a module of
MLflow's, so that an app that does neither does not wait for it.
"""

from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from spanframe._suggestion import suggestion

__all__ = [
    "Explained",
    "MissingNameError",
    "Module",
    "Name",
    "libraries",
    "line_of",
    "modules",
    "names",
]

_TABLE: Final = Path(__file__).with_name("mlflow_names.toml")
_NO_OWNERS: Final = frozenset({"elsewhere", "libraries", "modules"})
_ANY_LIBRARY: Final = "mlflow.<library>"


class Name(NamedTuple):
    """A name of MLflow's.

    Attributes:
        owner: the module or class of MLflow that has the name; empty for a module.
        name: the name; of a module, its whole name.
        state: ``same``, ``differs`` or ``absent``.
        line: how it differs and why, or what an absent name is here.
    """

    owner: str
    name: str
    state: str
    line: str = ""

    @property
    def whole(self) -> str:
        """The name after that of its owner, ``mlflow.entities.Span.name``."""
        return f"{self.owner}.{self.name}" if self.owner else self.name


class Module(NamedTuple):
    """A module of MLflow's that shows names of modules of spanframe.

    Attributes:
        at: the modules of spanframe whose names it shows.
        also: names that are called otherwise there, by their name in MLflow.
    """

    at: Sequence[str]
    also: Mapping[str, str]


@cache
def _table() -> dict[str, Any]:
    import tomllib  # noqa: PLC0415 - most programs never read the table

    return tomllib.loads(_TABLE.read_text("utf-8"))


@cache
def names() -> tuple[Name, ...]:
    """Return every name of MLflow's tracing surface, modules last."""
    table = _table()
    of_owners = (
        _name(owner, name, entry)
        for section, entries in table.items()
        if section not in _NO_OWNERS
        for owner in _owners(section)
        for name, entry in entries.items()
    )
    return (*of_owners, *(_name("", n, entry) for n, entry in table["modules"].items()))


def libraries() -> Mapping[str, Sequence[str]]:
    """Return the names of instrumentors by what MLflow calls their library."""
    found: Mapping[str, Sequence[str]] = _table()["libraries"]
    return found


@cache
def modules() -> Mapping[str, Module]:
    """Return the modules of MLflow's that show names of modules of spanframe."""
    return {
        name: Module(entry["at"], entry.get("also", {}))
        for name, entry in _table()["modules"].items()
        if "at" in entry
    }


@cache
def _absent() -> Mapping[str, str]:
    return {name.whole: name.line for name in names() if name.state == "absent"}


def _line(whole: str) -> str | None:
    """Return the line of an absent name, also of one of other parts of MLflow."""
    if whole in _absent():
        return _absent()[whole]
    for group in _table()["elsewhere"]:
        if any(fnmatchcase(whole, pattern) for pattern in group["names"]):
            return str(group["line"])
    return None


def line_of(owner: str, name: str) -> str | None:
    """Return the line of an absent name; None for a name that is not MLflow's.

    Args:
        owner: the module or class of MLflow, also one that shows names of others.
        name: the name.
    """
    if name.startswith("_"):
        return None
    shown = modules().get(owner)
    others = [at.replace("spanframe", "mlflow") for at in shown.at] if shown else []
    lines = (_line(f"{each}.{name}") for each in [owner, *others])
    return next(filter(None, lines), None)


class MissingNameError(AttributeError):
    """A name is not here; its text says what the name is in spanframe.

    The text is made when it is read: most such errors only answer ``hasattr``.

    Args:
        what: what lacks the name, for example ``module 'spanframe'``.
        owner: the module or class of MLflow that would have it.
        name: the name.
        known: the names that it has.
    """

    def __init__(
        self, what: str, owner: str, name: str, known: Sequence[str] = ()
    ) -> None:
        super().__init__(what, owner, name)
        self.name = name
        self.known = known

    def __str__(self) -> str:
        what, owner, name = self.args
        problem = f"{what} has no attribute {name!r}"
        if line := line_of(owner, name):
            return f"{problem}: {line}"
        meant = "" if name.startswith("_") else suggestion(name, self.known)
        return f"{problem}.{meant}" if meant else problem


class _ExplainedType(type):
    """The type of classes whose missing members say what they are in spanframe."""

    if not TYPE_CHECKING:  # a type checker would take any name for a member

        def __getattr__(cls, name: str) -> Any:
            raise MissingNameError(
                f"type object {cls.__name__!r}", cls.in_mlflow(), name, dir(cls)
            )


class Explained(metaclass=_ExplainedType):
    """A class of MLflow's, whose missing members say what they are in spanframe."""

    __slots__ = ()

    @classmethod
    def in_mlflow(cls) -> str:
        """Return the class's name in MLflow."""
        return f"mlflow.entities.{cls.__name__}"

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            kind = type(self)
            what = f"{kind.__name__!r} object"
            raise MissingNameError(what, kind.in_mlflow(), name, dir(kind))


def _owners(section: str) -> Sequence[str]:
    if section != _ANY_LIBRARY:
        return [section]
    return [section.replace("<library>", library) for library in libraries()]


def _name(owner: str, name: str, entry: str | Mapping[str, Any]) -> Name:
    if isinstance(entry, str) or "at" in entry:
        return Name(owner, name, "same")
    [(state, line)] = entry.items()
    return Name(owner, name, state, line)
