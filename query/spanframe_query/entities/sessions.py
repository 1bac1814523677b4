"""A session: the traces of one conversation."""

from collections.abc import Iterator, Sequence
from typing import overload

from spanframe_query.entities import html
from spanframe_query.entities.trace import Trace

__all__ = ["Session"]


class Session(Sequence[Trace]):
    """The traces of one session, by time.

    Args:
        session_id: metadata ``mlflow.trace.session`` of its traces.
        traces: the traces, oldest first.
    """

    __slots__ = ("_traces", "id")

    def __init__(self, session_id: str, traces: Sequence[Trace]) -> None:
        self.id = session_id
        self._traces = list(traces)

    @property
    def traces(self) -> list[Trace]:
        """The traces, oldest first."""
        return list(self._traces)

    @overload
    def __getitem__(self, index: int) -> Trace: ...
    @overload
    def __getitem__(self, index: slice) -> list[Trace]: ...
    def __getitem__(self, index: int | slice) -> Trace | list[Trace]:
        return self._traces[index]

    def __len__(self) -> int:
        return len(self._traces)

    def __iter__(self) -> Iterator[Trace]:
        return iter(self._traces)

    def __repr__(self) -> str:
        return f"Session(id={self.id!r}, {len(self)} traces)"

    def _repr_html_(self) -> str:
        return html.session_html(self.id, self._traces)
