"""The info of a trace, without its spans, under the names of MLflow 3 and 2."""

import dataclasses
import enum
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any, Final, Self

from spanframe import keys
from spanframe._mlflow_names import Explained
from spanframe.entities import MlflowExperimentLocation
from spanframe.errors import InvalidArgumentError
from spanframe_query.entities.states import TraceState, TraceStatus
from spanframe_store.otlp.anyvalue import loads_shallow

__all__ = ["TraceInfo", "TraceLocation", "TraceLocationType", "location_of"]

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND: Final = timedelta(milliseconds=1)


class TraceLocationType(enum.StrEnum):
    """The kinds of locations of MLflow's; here it is always an experiment."""

    TRACE_LOCATION_TYPE_UNSPECIFIED = "TRACE_LOCATION_TYPE_UNSPECIFIED"
    MLFLOW_EXPERIMENT = "MLFLOW_EXPERIMENT"
    INFERENCE_TABLE = "INFERENCE_TABLE"
    UC_SCHEMA = "UC_SCHEMA"
    UC_TABLE_PREFIX = "UC_TABLE_PREFIX"

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Read the kind of a dictionary of `TraceLocation`."""
        return cls(data["type"])


@dataclasses.dataclass(frozen=True, slots=True)
class TraceLocation(Explained):
    """The location of a trace: always an experiment.

    Raises:
        InvalidArgumentError: for another kind, or without an experiment.
    """

    type: TraceLocationType
    mlflow_experiment: MlflowExperimentLocation

    def __post_init__(self) -> None:
        if self.type != TraceLocationType.MLFLOW_EXPERIMENT:
            raise InvalidArgumentError(
                f"A trace of spanframe is in an experiment, not in {self.type!r}."
            )

    @classmethod
    def from_experiment_id(cls, experiment_id: str) -> Self:
        """Return the location of an experiment's traces."""
        experiment = MlflowExperimentLocation(str(experiment_id))
        return cls(TraceLocationType.MLFLOW_EXPERIMENT, experiment)

    def to_dict(self) -> dict[str, Any]:
        """Return the location as a dictionary of MLflow 3.17."""
        return {
            "type": self.type.value,
            "mlflow_experiment": self.mlflow_experiment.to_dict(),
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Read a location from a dictionary of MLflow 3.x.

        Raises:
            InvalidArgumentError: when the location is not an experiment.
        """
        experiment = data.get("mlflow_experiment")
        if not isinstance(experiment, Mapping) or "experiment_id" not in experiment:
            raise InvalidArgumentError(
                f"This location is not an experiment: {data!r:.200}"
            )
        return cls.from_experiment_id(experiment["experiment_id"])


@lru_cache(maxsize=1024)
def location_of(experiment_id: int | str) -> TraceLocation:
    """Return the location of an experiment's traces."""
    return TraceLocation.from_experiment_id(str(experiment_id))


@dataclasses.dataclass(slots=True)
class TraceInfo(Explained):
    """The info of a trace; times in milliseconds, ``request_time`` since the epoch."""

    trace_id: str
    trace_location: TraceLocation
    request_time: int
    state: TraceState
    request_preview: str | None = None
    response_preview: str | None = None
    client_request_id: str | None = None
    execution_duration: int | None = None
    trace_metadata: dict[str, str] = dataclasses.field(default_factory=dict)
    tags: dict[str, str] = dataclasses.field(default_factory=dict)
    assessments: Sequence[Any] = ()

    @property
    def request_id(self) -> str:
        """The id of the trace, under its name in MLflow 2.x."""
        return self.trace_id

    @property
    def experiment_id(self) -> str:
        """The id of the experiment, as text."""
        return self.trace_location.mlflow_experiment.experiment_id

    @property
    def timestamp_ms(self) -> int:
        """The start, ms since the epoch."""
        return self.request_time

    @property
    def timestamp(self) -> int:
        """The start, ms since the epoch."""
        return self.request_time

    @property
    def execution_time_ms(self) -> int | None:
        """The duration in ms; None while in progress."""
        return self.execution_duration

    @property
    def execution_time(self) -> int | None:
        """The duration in ms; None while in progress."""
        return self.execution_duration

    @property
    def latency(self) -> int | None:
        """The duration in ms; None while in progress."""
        return self.execution_duration

    @property
    def end_time(self) -> int | None:
        """The end, ms since the epoch; None while in progress."""
        if self.execution_duration is None:
            return None
        return self.request_time + self.execution_duration

    @property
    def status(self) -> TraceStatus:
        """The state as MLflow 2.x names it; equal to its text, ``"OK"``."""
        return TraceStatus.from_state(self.state)

    @property
    def request_metadata(self) -> dict[str, str]:
        """The metadata, under its name in MLflow 2.x."""
        return self.trace_metadata

    @property
    def metadata(self) -> dict[str, str]:
        """The metadata."""
        return self.trace_metadata

    @property
    def name(self) -> str | None:
        """The name of the trace: tag ``mlflow.traceName``."""
        return self.tags.get(keys.TAG_TRACE_NAME)

    @property
    def user(self) -> str | None:
        """The end user: metadata ``mlflow.trace.user``."""
        return self.trace_metadata.get(keys.META_USER)

    @property
    def session_id(self) -> str | None:
        """The session: metadata ``mlflow.trace.session``."""
        return self.trace_metadata.get(keys.META_SESSION)

    @property
    def token_usage(self) -> dict[str, int] | None:
        """``input_tokens``, ``output_tokens``, ``total_tokens``, …; None: unknown."""
        return self._json_metadata(keys.META_TOKEN_USAGE)

    @property
    def cost(self) -> dict[str, float] | None:
        """``input_cost``, ``output_cost``, ``total_cost`` in USD; None: unknown."""
        return self._json_metadata(keys.META_COST)

    @property
    def cost_source(self) -> str | None:
        """``stated`` by spans, ``computed`` by a table of prices, or both; or None."""
        return self.trace_metadata.get(keys.META_COST_SOURCE)

    @property
    def services(self) -> list[str]:
        """The names of all services that have spans in the trace, in order."""
        prefix = keys.META_SERVICE_PREFIX
        several = [k for k in self.trace_metadata if k.startswith(prefix)]
        found = {key.removeprefix(prefix) for key in several}
        return sorted(found or filter(None, (self.tags.get(keys.SERVICE_NAME),)))

    @property
    def error(self) -> str | None:
        """Why a span failed, the root before others: ``ValueError: boom``; or None."""
        return self.trace_metadata.get(keys.META_ERROR)

    def _json_metadata(self, key: str) -> dict[str, Any] | None:
        value = loads_shallow(self.trace_metadata.get(key) or "null")
        return value if isinstance(value, dict) else None

    def to_dict(self) -> dict[str, Any]:
        """Return the info as a dictionary of MLflow 3.17; absent values have no key."""
        optional = {
            "client_request_id": self.client_request_id,
            "request_preview": self.request_preview,
            "response_preview": self.response_preview,
            "execution_duration_ms": self.execution_duration,
            "assessments": list(self.assessments) or None,
        }
        return {
            "trace_id": self.trace_id,
            "trace_location": self.trace_location.to_dict(),
            "request_time": _iso(self.request_time),
            "state": self.state.value,
            "trace_metadata": dict(self.trace_metadata),
            "tags": dict(self.tags),
            **{key: value for key, value in optional.items() if value is not None},
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Read an info from a dictionary of MLflow 3.x or 2.x.

        Raises:
            InvalidArgumentError: when the dictionary has neither shape.
        """
        try:
            return cls(**(_version_2(data) if "request_id" in data else _fields(data)))
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise InvalidArgumentError(
                f"This dictionary is not a trace info of MLflow 2.x or 3.x: {error!r}"
            ) from error

    def _repr_html_(self) -> str:
        from spanframe_query.entities import html  # noqa: PLC0415 - it draws infos

        return html.info_html(self)


def _fields(data: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "trace_id": data["trace_id"],
        "trace_location": TraceLocation.from_dict(data["trace_location"]),
        "request_time": _from_iso(data["request_time"]),
        "state": TraceState(data["state"]),
        "request_preview": data.get("request_preview"),
        "response_preview": data.get("response_preview"),
        "client_request_id": data.get("client_request_id"),
        "execution_duration": data.get("execution_duration_ms"),
        "trace_metadata": dict(data.get("trace_metadata") or {}),
        "tags": dict(data.get("tags") or {}),
        "assessments": tuple(data.get("assessments") or ()),
    }


def _version_2(data: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "trace_id": data["request_id"],
        "trace_location": location_of(data["experiment_id"]),
        "request_time": int(data["timestamp_ms"]),
        "state": TraceStatus(data["status"]).to_state(),
        "execution_duration": data.get("execution_time_ms"),
        "trace_metadata": dict(data.get("request_metadata") or {}),
        "tags": dict(data.get("tags") or {}),
    }


def _iso(time_ms: int) -> str:
    moment = _EPOCH + time_ms * _MILLISECOND
    precision = "milliseconds" if time_ms % 1000 else "seconds"
    return moment.isoformat(timespec=precision).removesuffix("+00:00") + "Z"


def _from_iso(text: str) -> int:
    return (datetime.fromisoformat(text) - _EPOCH) // _MILLISECOND
