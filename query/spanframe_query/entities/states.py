"""The states of a trace, under the names of MLflow 3 and of MLflow 2."""

import enum

__all__ = ["TraceState", "TraceStatus"]


class TraceState(enum.StrEnum):
    """The state of a trace; equal to its name, and printed as such."""

    STATE_UNSPECIFIED = "STATE_UNSPECIFIED"
    OK = "OK"
    ERROR = "ERROR"
    IN_PROGRESS = "IN_PROGRESS"


class TraceStatus(str, enum.Enum):  # noqa: UP042 - printed as TraceStatus.OK
    """The state of a trace in MLflow 2.x, as ``TraceInfo.status`` returns it."""

    UNSPECIFIED = "TRACE_STATUS_UNSPECIFIED"
    OK = "OK"
    ERROR = "ERROR"
    IN_PROGRESS = "IN_PROGRESS"

    @classmethod
    def from_state(cls, state: TraceState) -> "TraceStatus":
        """Return the status of a state."""
        if state is TraceState.STATE_UNSPECIFIED:
            return cls.UNSPECIFIED
        return cls(state.value)

    def to_state(self) -> TraceState:
        """Return the state of this status."""
        if self is TraceStatus.UNSPECIFIED:
            return TraceState.STATE_UNSPECIFIED
        return TraceState(self.value)
