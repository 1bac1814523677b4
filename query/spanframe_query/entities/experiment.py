"""An experiment: a namespace of traces."""

import dataclasses

__all__ = ["Experiment"]


@dataclasses.dataclass(frozen=True, slots=True)
class Experiment:
    """An experiment; ``experiment_id`` is an integer as text, ``0`` is ``Default``."""

    experiment_id: str
    name: str
    creation_time: int
    lifecycle_stage: str = "active"
