"""Runs the programs on spanframe, each with a store of its own."""

import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import spanframe
from spanframe._runtime import runtime
from spanframe_query.stores import close_stores
from tests.differential.running import PROGRAMS, seen_by
from tests.plugins.store import Store
from tests.plugins.store_exporter import StoreExporter

__all__ = ["seen_here"]


@contextmanager
def _recording(path: Path) -> Iterator[None]:
    with Store(path) as store:
        spanframe.configure(
            store=store.url, exporter=StoreExporter(store), service_name="programs"
        )
        yield
        close_stores()
        runtime.reset()


def seen_here(name: str, folder: Path) -> dict[str, Any]:
    """Return what a program sees of spanframe."""
    with _recording(folder / "spanframe.db"), warnings.catch_warnings():
        # An app that keeps MLflow's old names is told so.
        warnings.simplefilter("ignore", FutureWarning)
        spanframe.set_experiment(name)
        return seen_by(PROGRAMS[name], sys.modules["spanframe"])
