"""Experiments of the configured store.

The experiment that `spanframe.set_experiment` chose is created when a program first
looks at it: an app that only records opens no store.
"""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any, Final

from spanframe._runtime import active_experiment, current_setting
from spanframe.errors import (
    AlreadyExistsError,
    InvalidArgumentError,
    NotFoundError,
    StoreError,
)
from spanframe_query.arguments import limit_of
from spanframe_query.entities import Experiment
from spanframe_query.experiment_search import matching, ordered
from spanframe_query.scope import experiment_id_of
from spanframe_query.stores import reading, writing
from spanframe_store.contract.results import Experiment as StoredExperiment

__all__ = [
    "chosen_experiment",
    "create_experiment",
    "experiment_by_id",
    "experiment_by_name",
    "found_experiments",
    "get_experiment",
    "get_experiment_by_name",
    "new_experiment",
    "search_experiments",
]

_LOCATION: Final = "spanframe:/experiments/"
_DELETED_ONLY: Final = 2


def create_experiment(
    name: str,
    artifact_location: str | None = None,
    tags: Mapping[str, Any] | None = None,
) -> str:
    """Create an experiment and return its id.

    Args:
        name: the name, not empty and not taken.
        artifact_location: a URI to keep; nothing is written there.
        tags: tags by key; anything but text is written as its ``str``.

    Returns:
        The id, a whole number as text.

    Raises:
        InvalidArgumentError: when the name is empty or not text.
        AlreadyExistsError: when the name is taken.
        StoreError: when the store cannot be written.

    Example:
        >>> import spanframe
        >>> spanframe.create_experiment("checkout", tags={"team": "shop"}).isdecimal()
        True
    """
    store = current_setting("store")
    return new_experiment(store, name, artifact_location, tags)


def get_experiment(experiment_id: str | int) -> Experiment:
    """Return the experiment of an id.

    Args:
        experiment_id: the id, a whole number or its text.

    Raises:
        InvalidArgumentError: when the id is not a whole number.
        NotFoundError: when the store does not have the experiment.
        StoreError: when the store cannot be read.

    Example:
        >>> import spanframe
        >>> spanframe.get_experiment("0").name
        'Default'
    """
    return experiment_by_id(current_setting("store"), experiment_id)


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
    return experiment_by_name(current_setting("store"), name)


def search_experiments(
    view_type: int = 1,
    max_results: int | None = None,
    filter_string: str | None = None,
    order_by: str | Sequence[str] | None = None,
) -> list[Experiment]:
    """Return the experiments of the store.

    Args:
        view_type: as in MLflow; no experiment is deleted, so 2 (deleted ones) finds
            none.
        max_results: the maximum number of experiments; None for all.
        filter_string: a filter on ``name``, ``experiment_id``, ``creation_time``,
            ``last_update_time`` and ``tags.<key>``.
        order_by: ``"name ASC"``, or several; the newest first by default.

    Raises:
        FilterError: when the filter or order cannot be used.
        InvalidArgumentError: when another argument cannot be used.
        StoreError: when the store cannot be read.

    Example:
        >>> import spanframe
        >>> found = spanframe.search_experiments(filter_string="name = 'Default'")
        >>> [each.experiment_id for each in found]
        ['0']
    """
    limit = limit_of(max_results)
    store = current_setting("store")
    return found_experiments(store, view_type, filter_string, order_by)[:limit]


def chosen_experiment(name: str) -> Experiment:
    """Return the experiment of a name; the configured store creates an unknown one.

    Raises:
        StoreError: when the store cannot be read, or not be written.
    """
    return _ensured(current_setting("store"), name)


# --- of one store ---------------------------------------------------------------------


def new_experiment(
    store: str,
    name: Any,
    artifact_location: str | None,
    tags: Mapping[str, Any] | None,
) -> str:
    """Create an experiment in one store and return its id."""
    _refuse_no_text(name)
    if not isinstance(tags, Mapping | None):
        raise InvalidArgumentError(f"tags is {tags!r:.80}: write a dict of texts.")
    texts = {str(key): str(value) for key, value in (tags or {}).items()}
    location = None if artifact_location is None else str(artifact_location)
    admin = writing(store)
    created = admin.create_experiment(name, artifact_location=location, tags=texts)
    return str(created)


def experiment_by_id(store: str, experiment_id: str | int) -> Experiment:
    """Return the experiment of an id in one store.

    Raises:
        InvalidArgumentError: when the id is not a whole number.
        NotFoundError: when the store does not have the experiment.
    """
    number = experiment_id_of("experiment_id", experiment_id)
    found = reading(store).experiment_of(number)
    if found is None:
        raise NotFoundError(f"There is no experiment {experiment_id!r} in this store.")
    return _entity(found)


def experiment_by_name(store: str, name: str) -> Experiment | None:
    """Return the experiment of a name in one store; None when it is not there.

    Raises:
        InvalidArgumentError: when the name is not text.
    """
    _refuse_no_text(name)
    if name == active_experiment():
        _create_chosen(store)
    found = reading(store).experiment_named(name)
    return None if found is None else _entity(found)


def found_experiments(
    store: str,
    view_type: int,
    filter_string: str | None,
    order_by: str | Sequence[str] | None,
) -> list[Experiment]:
    """Return the experiments of one store that a search finds, in its order."""
    _create_chosen(store)
    every = map(_entity, reading(store).experiments())
    found = ordered(matching(every, filter_string), order_by)
    return [] if view_type == _DELETED_ONLY else found


def _refuse_no_text(name: object) -> None:
    if not isinstance(name, str):
        raise InvalidArgumentError(
            f"The name of an experiment is {name!r:.80}: write a text."
        )


def _create_chosen(store: str) -> None:
    """Create the experiment that `set_experiment` chose, where the store lets us."""
    name = active_experiment()
    if name and store == current_setting("store"):
        with suppress(StoreError):
            _ensured(store, name)


def _ensured(store: str, name: str) -> Experiment:
    found = reading(store).experiment_named(name)
    if found is None:
        # The collector may create it in between, with the first trace.
        with suppress(AlreadyExistsError):
            writing(store).create_experiment(name)
        found = reading(store).experiment_named(name)
    if found is None:
        raise StoreError(
            f"The store has no experiment {name!r} although it created it."
        )
    return _entity(found)


def _entity(found: StoredExperiment) -> Experiment:
    number = str(found.experiment_id)
    return Experiment(
        number,
        found.name,
        found.creation_time_ms,
        artifact_location=found.artifact_location or _LOCATION + number,
        tags=dict(found.tags),
    )
