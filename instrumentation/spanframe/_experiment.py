"""The experiment and the model of later traces."""

from types import TracebackType
from typing import Any, Final, Self

from spanframe import _lazy, keys
from spanframe._capture import well_formed
from spanframe._runtime import MODEL_KEY, current_setting, own_choices, runtime
from spanframe.errors import InvalidArgumentError

__all__ = [
    "ActiveExperiment",
    "ActiveModel",
    "clear_active_model",
    "get_active_model_id",
    "set_active_model",
    "set_experiment",
]


_STORED: Final = frozenset(
    {
        "artifact_location",
        "creation_time",
        "last_update_time",
        "lifecycle_stage",
        "tags",
    }
)


class ActiveExperiment:
    """The experiment that later traces go to.

    It has the attributes of `spanframe.entities.Experiment`: those but the name are
    looked up in the configured store, where the experiment is created when it is new.
    """

    def __init__(self, name: str) -> None:
        self.name = name

    def __repr__(self) -> str:
        return f"ActiveExperiment({self.name!r})"

    @property
    def experiment_id(self) -> str:
        """The id of the experiment in the configured store, created when it is new.

        Raises:
            StoreError: when the store cannot be read, or not be written.
        """
        return str(self._stored().experiment_id)

    def __getattr__(self, name: str) -> Any:
        if name not in _STORED:
            raise AttributeError(f"an ActiveExperiment has no attribute {name!r}")
        return getattr(self._stored(), name)

    def _stored(self) -> Any:
        """Return the experiment of the store: an app that only records reads none."""
        find: Any = _lazy.query("chosen_experiment", "spanframe_query.experiments")
        return find(self.name)


class ActiveModel:
    """The model (or version of the app) of later traces.

    As a context manager it is active inside the block only.
    """

    def __init__(self, model_id: str, before: str) -> None:
        self.model_id = model_id
        self._before = before

    @property
    def name(self) -> str:
        """The name of the model, which is its id."""
        return self.model_id

    def __repr__(self) -> str:
        return f"ActiveModel({self.model_id!r})"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        stack: TracebackType | None,
    ) -> None:
        _activate(self._before)


def set_experiment(
    experiment_name: str | None = None, experiment_id: str | None = None
) -> ActiveExperiment:
    """Send later traces to an experiment; the collector creates an unknown one.

    A thread or task that chooses one chooses for itself; what the main thread chooses
    holds wherever nothing else was chosen.

    Args:
        experiment_name: the name, not empty.
        experiment_id: its id instead of its name, looked up in the configured store.

    Raises:
        InvalidArgumentError: when both or none are given, or the name is empty.
        NotFoundError: when the store has no experiment of that id.
    """
    if (experiment_name is None) == (experiment_id is None):
        raise InvalidArgumentError("give an experiment_name or an experiment_id")
    if experiment_id is not None:
        client: Any = _lazy.query("SpanframeClient", "spanframe_query.client")
        experiment_name = str(client().get_experiment(experiment_id).name)
    if not isinstance(experiment_name, str) or not experiment_name.strip():
        raise InvalidArgumentError(
            "an experiment needs a name, a text that is not empty"
        )
    experiment_name = well_formed(experiment_name)
    runtime.choose("experiment", keys.EXPERIMENT, experiment_name)
    return ActiveExperiment(experiment_name)


def set_active_model(
    name: str | None = None, model_id: str | None = None
) -> ActiveModel:
    """Attach a model (or version of the app) to later traces, as `set_experiment` does.

    Args:
        name: the model's name, which is its id when ``model_id`` is not given.
        model_id: the model's id, searched with ``search_traces(model_id=…)``.

    Raises:
        InvalidArgumentError: when neither is given.
    """
    chosen = model_id or name
    if not chosen:
        raise InvalidArgumentError("give a name or a model_id")
    before = own_choices.get().get(MODEL_KEY, runtime.model_id)
    _activate(chosen)
    return ActiveModel(chosen, before)


def get_active_model_id() -> str | None:
    """Return the id of the model that later traces are attached to; None for none."""
    chosen = own_choices.get().get(MODEL_KEY, runtime.model_id)
    return chosen or current_setting("model_id") or None


def clear_active_model() -> None:
    """Attach no model to later traces, but for that of the setting ``model_id``."""
    _activate("")


def _activate(model_id: str) -> None:
    runtime.choose("model_id", MODEL_KEY, model_id)
