"""An experiment: a namespace of traces."""

import dataclasses

from spanframe._mlflow_names import Explained

__all__ = ["Experiment"]


@dataclasses.dataclass(frozen=True, slots=True)
class Experiment(Explained):
    """An experiment; ``experiment_id`` is an integer as text, ``0`` is ``Default``."""

    experiment_id: str
    name: str
    creation_time: int
    lifecycle_stage: str = "active"
