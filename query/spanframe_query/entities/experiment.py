"""An experiment: a namespace of traces."""

import dataclasses
from collections.abc import Mapping

from spanframe._mlflow_names import Explained

__all__ = ["Experiment"]


@dataclasses.dataclass(frozen=True, slots=True)
class Experiment(Explained):
    """An experiment; ``experiment_id`` is an integer as text, ``0`` is ``Default``.

    Attributes:
        creation_time: its creation, ms since the epoch.
        artifact_location: the URI that it was created with, else one that names it;
            nothing is written there.
        tags: the tags that it was created with.
    """

    experiment_id: str
    name: str
    creation_time: int
    lifecycle_stage: str = "active"
    artifact_location: str = ""
    tags: Mapping[str, str] = dataclasses.field(default_factory=dict, hash=False)

    @property
    def last_update_time(self) -> int:
        """Its last change, ms since the epoch: its creation."""
        return self.creation_time
