"""A column of a result, its kind, and those columns that several layouts have."""

from collections.abc import Callable, Sequence
from typing import Any, Final, Literal, NamedTuple

from spanframe_query.entities import Trace
from spanframe_query.entities.found import FoundTraces

__all__ = ["REQUEST", "RESPONSE", "Column", "Kind"]

Kind = Literal[
    "text",
    "integer",
    "integer or missing",
    "number",
    "boolean",
    "time",
    "entries",
    "json",
    "spans",
    "trace",
]
"""The type of the cells of a column; `frame` and `arrow_types` map each to a type.

A time is in nanoseconds since the epoch. What may be missing is None.
"""


class Column(NamedTuple):
    """A column of a result.

    Attributes:
        name: the name.
        kind: the type of its cells.
        cell: returns the cell of a trace.
        sentence: the description, for the documentation.
        found: returns all cells of the traces of a search without making the traces,
            which takes a third of the time.
    """

    name: str
    kind: Kind
    cell: Callable[[Trace], Any]
    sentence: str
    found: Callable[[FoundTraces], Sequence[Any]] | None = None

    def cells(self, traces: Sequence[Trace]) -> Sequence[Any]:
        """Return the cells of some traces, in their order."""
        if self.found is not None and isinstance(traces, FoundTraces):
            return self.found(traces)
        return [self.cell(trace) for trace in traces]


def _request(trace: Trace) -> Any:
    return trace.data.root_values().inputs if trace.has_spans else None


def _response(trace: Trace) -> Any:
    return trace.data.root_values().outputs if trace.has_spans else None


REQUEST: Final = Column(
    "request",
    "json",
    _request,
    "Inputs of the root span, decoded from JSON; None: absent, or spans not asked for.",
    lambda found: [root.inputs for root in found.root_values],
)
RESPONSE: Final = Column(
    "response",
    "json",
    _response,
    "Outputs of the root span, decoded from JSON; None like request.",
    lambda found: [root.outputs for root in found.root_values],
)
