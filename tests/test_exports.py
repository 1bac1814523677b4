"""Public names: what a package lists, what it has and what type checkers see agree."""

import ast
import importlib
import tomllib
from pathlib import Path

import pytest

from spanframe import _lazy

ROOT = Path(__file__).parents[1]
WHEEL = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["hatch"]["build"]
PACKAGES = [Path(p).name for p in WHEEL["targets"]["wheel"]["packages"]]


@pytest.mark.parametrize("package", PACKAGES)
def test_a_package_has_the_names_it_lists_and_shows_type_checkers_the_same(
    package: str,
) -> None:
    module = importlib.import_module(package)
    public = getattr(module, "__all__", [])
    assert len(public) == len(set(public))
    assert all(getattr(module, name) is not None for name in public)
    assert {n for n in dir(module) if not n.startswith("_")} >= set(public) - {
        "__version__"
    }
    lazy = [name for name in public if name in _lazy.FUNCTIONS | _lazy.CLIENT]
    assert sorted(shown_to_type_checkers(package)) == sorted(lazy)


def shown_to_type_checkers(package: str) -> list[str]:
    """Return the names that a package imports for type checkers only."""
    tree = ast.parse(Path(str(importlib.import_module(package).__file__)).read_text())
    blocks = [node for node in tree.body if isinstance(node, ast.If)]
    found = [
        (node.module or "", name.asname or name.name)
        for block in blocks
        if ast.unparse(block.test) == "TYPE_CHECKING"
        for node in block.body
        if isinstance(node, ast.ImportFrom)
        for name in node.names
    ]
    return [
        name
        for module, shown in found
        for name in (shown_to_type_checkers(module) if shown == "*" else [shown])
    ]


def test_the_entities_of_a_search_are_those_of_the_query_package() -> None:
    entities = importlib.import_module("spanframe_query.entities")
    assert set(_lazy.ENTITIES) <= set(entities.__all__)
