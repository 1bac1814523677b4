"""Experiments of the configured store."""

from spanframe._runtime import current_setting
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

    Returns:
        The id, a whole number as text.

    Raises:
        InvalidArgumentError: when the name is empty or taken.
        StoreError: when the store cannot be written.

    Example:
        >>> import spanframe
        >>> spanframe.create_experiment("checkout").isdecimal()
        True
    """
    return str(writing(current_setting("store")).create_experiment(name))


def get_experiment_by_name(name: str) -> Experiment | None:
    """Return the experiment of a name; None when the store does not have it.

    Args:
        name: the exact name.

    Raises:
        StoreError: when the store cannot be read.

    Example:
        >>> import spanframe
        >>> spanframe.get_experiment_by_name("Default").experiment_id
        '0'
    """
    return find_experiment(reading(current_setting("store")), name)


def find_experiment(reader: Reader, name: str) -> Experiment | None:
    """Return the experiment of a name in one store; None when it is not there."""
    return _entity(reader.experiment_named(name))


def find_experiment_by_id(reader: Reader, experiment_id: int) -> Experiment | None:
    """Return the experiment of an id in one store; None when it is not there."""
    return _entity(reader.experiment_of(experiment_id))


def _entity(found: StoredExperiment | None) -> Experiment | None:
    if found is None:
        return None
    return Experiment(str(found.experiment_id), found.name, found.creation_time_ms)
