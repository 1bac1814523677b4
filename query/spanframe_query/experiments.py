"""Experiments of the configured store."""

from typing import Final

from sqlalchemy import ColumnElement, Engine, select

from spanframe._runtime import current_settings
from spanframe_collector.store import mutations
from spanframe_collector.store.schema import experiments
from spanframe_query.entities import Experiment
from spanframe_query.reader import connection
from spanframe_query.stores import reading, writing

__all__ = [
    "create_experiment",
    "find_experiment",
    "find_experiment_by_id",
    "get_experiment_by_name",
]

_INT32: Final = range(1 << 31)


def create_experiment(name: str) -> str:
    """Create an experiment and return its id.

    Args:
        name: the name, not empty and not taken.

    Raises:
        InvalidArgumentError: when the name is empty or taken.
        StoreError: when the store cannot be written.
    """
    return str(mutations.create_experiment(writing(current_settings().store), name))


def get_experiment_by_name(name: str) -> Experiment | None:
    """Return the experiment of a name; None when the store has none.

    Raises:
        StoreError: when the store cannot be read.
    """
    return find_experiment(reading(current_settings().store), name)


def find_experiment(engine: Engine, name: str) -> Experiment | None:
    """Return the experiment of a name in one store; None when it has none."""
    return _first(engine, experiments.c.name == name)


def find_experiment_by_id(engine: Engine, experiment_id: int) -> Experiment | None:
    """Return the experiment of an id in one store; None when it has none."""
    if experiment_id not in _INT32:
        return None
    return _first(engine, experiments.c.experiment_id == experiment_id)


def _first(engine: Engine, condition: ColumnElement[bool]) -> Experiment | None:
    with connection(engine, one_state=False) as connected:
        row = connected.execute(select(experiments).where(condition)).first()
    if row is None:
        return None
    return Experiment(str(row.experiment_id), row.name, row.creation_time_ms)
