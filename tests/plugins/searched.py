"""A store that the functions of `spanframe` search."""

from collections.abc import Iterator
from pathlib import Path

import pytest

import spanframe
from spanframe._runtime import runtime
from spanframe_query.stores import close_stores
from tests.plugins.postgresql import Server
from tests.plugins.store import ENGINES, Store


@pytest.fixture
def searched(store: Store) -> Iterator[Store]:
    """An empty store, configured as the one that is searched."""
    spanframe.configure(store=store.url)
    yield store
    close_stores()
    runtime.reset()


@pytest.fixture(scope="module", params=ENGINES)
def place(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Path | str]:
    """Where the stores of a module's records are made: a file, or a database's URL."""
    if request.param == "sqlite":
        yield tmp_path_factory.mktemp("place") / "store.db"
        return
    server: Server = request.getfixturevalue("postgresql")
    with server.database() as name:
        yield server.url(name)
