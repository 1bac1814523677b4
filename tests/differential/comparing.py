"""Field by field: what a program sees of MLflow beside what it sees of spanframe."""

from collections.abc import Iterator
from typing import Any, Final, NamedTuple

__all__ = ["ABSENT", "Found", "differences"]

ABSENT: Final = "<absent>"


class Found(NamedTuple):
    """A field that differs.

    Attributes:
        field: its place, ``module.program/name/key/…``.
        mlflow: what MLflow shows.
        here: what spanframe shows.
    """

    field: str
    mlflow: Any
    here: Any


def differences(field: str, mlflow: Any, here: Any) -> Iterator[Found]:
    """Yield every field that differs; one that only one side has is `ABSENT`."""
    if isinstance(mlflow, dict) and isinstance(here, dict):
        for key in sorted(mlflow.keys() | here.keys()):
            values = mlflow.get(key, ABSENT), here.get(key, ABSENT)
            yield from differences(f"{field}/{key}", *values)
    elif isinstance(mlflow, list) and isinstance(here, list):
        if len(mlflow) != len(here):
            yield Found(field, mlflow, here)
            return
        for place, values in enumerate(zip(mlflow, here, strict=True)):
            yield from differences(f"{field}/{place}", *values)
    elif (mlflow, type(mlflow)) != (here, type(here)):
        yield Found(field, mlflow, here)
