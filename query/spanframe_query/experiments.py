"""Experiments of the configured store."""

from spanframe._runtime import current_settings
from spanframe_query.entities import Experiment
from spanframe_query.stores import reading, writing
from spanframe_store.contract.results import Experiment as StoredExperiment
from spanframe_store.contract.store import Reader

__all__ = [
    "create_experiment",
    "find_experiment",
    "find_experiment_by_id",
    "get_experiment_by_name",
]


def create_experiment(name: str) -> str:
    """Create an experiment and return its id.

    Args:
        name: the name, not empty and not taken.

    Raises:
        InvalidArgumentError: when the name is empty or taken.
        StoreError: when the store cannot be written.
    """
    return str(writing(current_settings().store).create_experiment(name))


def get_experiment_by_name(name: str) -> Experiment | None:
    """Return the experiment of a name; None when the store has none.

    Raises:
        StoreError: when the store cannot be read.
    """
    return find_experiment(reading(current_settings().store), name)


def find_experiment(reader: Reader, name: str) -> Experiment | None:
    """Return the experiment of a name in one store; None when it has none."""
    return _entity(reader.experiment_named(name))


def find_experiment_by_id(reader: Reader, experiment_id: int) -> Experiment | None:
    """Return the experiment of an id in one store; None when it has none."""
    return _entity(reader.experiment_of(experiment_id))


def _entity(found: StoredExperiment | None) -> Experiment | None:
    if found is None:
        return None
    return Experiment(str(found.experiment_id), found.name, found.creation_time_ms)
