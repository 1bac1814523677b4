"""The states of a trace, under MLflow 3's name and under MLflow 2's."""

import enum

__all__ = ["TraceState", "TraceStatus"]


class TraceState(enum.StrEnum):
    """How a trace ended; equal to, and printed as, its own name."""

    STATE_UNSPECIFIED = "STATE_UNSPECIFIED"
    OK = "OK"
    ERROR = "ERROR"
    IN_PROGRESS = "IN_PROGRESS"


class TraceStatus(str, enum.Enum):  # noqa: UP042 - printed as TraceStatus.OK
    """The same under its name of MLflow 2.x, as ``TraceInfo.status`` returns it."""

    UNSPECIFIED = "TRACE_STATUS_UNSPECIFIED"
    OK = "OK"
    ERROR = "ERROR"
    IN_PROGRESS = "IN_PROGRESS"

    @classmethod
    def from_state(cls, state: TraceState) -> "TraceStatus":
        """Return the status that stands for a state."""
        if state is TraceState.STATE_UNSPECIFIED:
            return cls.UNSPECIFIED
        return cls(state.value)

    def to_state(self) -> TraceState:
        """Return the state that stands for this status."""
        if self is TraceStatus.UNSPECIFIED:
            return TraceState.STATE_UNSPECIFIED
        return TraceState(self.value)
