"""A store that the functions of `spanframe` search."""

from collections.abc import Iterator

import pytest

import spanframe
from spanframe._runtime import runtime
from spanframe_query.stores import close_stores
from tests.plugins.store import Store


@pytest.fixture
def searched(store: Store) -> Iterator[Store]:
    """An empty store, configured as the one that is searched."""
    spanframe.configure(store=store.url)
    yield store
    close_stores()
    runtime.reset()
