"""The scope of a search: the store, and the experiments in it."""

from collections.abc import Sequence
from typing import Final

from spanframe._runtime import active_experiment, current_setting
from spanframe.errors import InvalidArgumentError
from spanframe_store.contract.store import Reader

__all__ = [
    "active_experiment_ids",
    "experiment_id_of",
    "experiment_ids_of",
    "store_url",
]

_MAX_ID_DIGITS: Final = 18
"""Maximum digits of an experiment id."""


def store_url(sql_warehouse_id: str | None = None) -> str:
    """Return the URL of the store to use.

    Args:
        sql_warehouse_id: name of a store in the setting ``warehouses``; None for the
            configured store.

    Raises:
        InvalidArgumentError: when ``warehouses`` does not have the name; the message
            lists the names.
        SettingsError: when a setting cannot be used.
    """
    if sql_warehouse_id is None:
        return str(current_setting("store"))
    warehouses: dict[str, str] = current_setting("warehouses")
    try:
        return warehouses[sql_warehouse_id]
    except KeyError:
        known = ", ".join(sorted(warehouses)) or "none"
        raise InvalidArgumentError(
            f"sql_warehouse_id is {sql_warehouse_id!r}, which names no store. Known: "
            f"{known}. Add stores to SPANFRAME_WAREHOUSES as name=URL pairs."
        ) from None


def experiment_ids_of(
    experiment_ids: Sequence[str | int] | None, locations: Sequence[str | int] | None
) -> tuple[int, ...] | None:
    """Read the experiments that a caller named; None when it named none.

    Args:
        experiment_ids: ids of experiments, as text or numbers.
        locations: the same under MLflow 3's name.

    Raises:
        InvalidArgumentError: when both are given, or one is not a list of whole
            numbers.
    """
    if experiment_ids is not None and locations is not None:
        raise InvalidArgumentError(
            "experiment_ids and locations are two names of one argument: give one."
        )
    name = "experiment_ids" if locations is None else "locations"
    given = experiment_ids if locations is None else locations
    if given is None:
        return None
    if isinstance(given, str) or not isinstance(given, Sequence):
        raise InvalidArgumentError(
            f"{name} is {given!r}: write a list of experiment ids, for example ['0']."
        )
    return tuple(experiment_id_of(name, item) for item in given)


def active_experiment_ids(reader: Reader) -> tuple[int, ...] | None:
    """Return the id of the experiment that `set_experiment` or a setting chose.

    Returns:
        One id; none when the store does not have the experiment; None, for all
        experiments, when none was chosen.
    """
    name = active_experiment() or current_setting("experiment")
    if not name:
        number = current_setting("experiment_id")
        return (int(number),) if number else None
    experiment = reader.experiment_named(name)
    return () if experiment is None else (experiment.experiment_id,)


def experiment_id_of(name: str, item: str | int) -> int:
    """Read one experiment id from the argument ``name``.

    Raises:
        InvalidArgumentError: when it is not a whole number.
    """
    text = str(item)
    if isinstance(item, bool) or not text.isdecimal() or len(text) > _MAX_ID_DIGITS:
        raise InvalidArgumentError(
            f"{name} has {item!r}: an experiment id is a whole number, for example "
            "'0'; get_experiment_by_name(name).experiment_id finds it."
        )
    return int(text)
