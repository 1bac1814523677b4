"""The traces of a search, held as columns until a trace is needed."""

from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Final, NamedTuple, overload

from spanframe_query.entities.info import TraceLocation
from spanframe_query.entities.root import NOTHING, RootValues, root_values, short_values
from spanframe_query.entities.states import TraceState
from spanframe_query.entities.trace import Trace
from spanframe_store.contract.results import SpanBlock

__all__ = ["NO_INFOS", "FoundTraces", "TraceInfoColumns"]


class TraceInfoColumns(NamedTuple):
    """The infos of some traces: for each field of `TraceInfo`, a value per trace."""

    trace_id: Sequence[str]
    trace_location: Sequence[TraceLocation]
    request_time: Sequence[int]
    state: Sequence[TraceState]
    request_preview: Sequence[str | None]
    response_preview: Sequence[str | None]
    client_request_id: Sequence[str | None]
    execution_duration: Sequence[int | None]
    trace_metadata: Sequence[dict[str, str]]
    tags: Sequence[dict[str, str]]


NO_INFOS: Final = TraceInfoColumns(*((),) * len(TraceInfoColumns._fields))


class FoundTraces(Sequence[Trace]):
    """A sequence of `Trace` that a DataFrame reads column by column.

    Args:
        infos: the infos of the traces.
        stored: the span blocks of each trace; None when no spans were read.
    """

    def __init__(
        self,
        infos: TraceInfoColumns,
        stored: Sequence[Sequence[SpanBlock]] | None = None,
    ) -> None:
        self.infos = infos
        self.stored = stored

    @cached_property
    def _traces(self) -> list[Trace]:
        each = zip(*self.infos, strict=True)
        if self.stored is None:
            return [Trace(info) for info in each]
        return [
            Trace(info, stored=stored)
            for info, stored in zip(each, self.stored, strict=True)
        ]

    @cached_property
    def root_values(self) -> Sequence[RootValues]:
        """Inputs and outputs of the root of each trace; None without spans."""
        if self.stored is None:
            return [NOTHING] * len(self)
        each = zip(self, self.stored, self.infos.trace_metadata, strict=True)
        return [
            short_values(metadata) or root_values(stored) or trace.data.root_values()
            for trace, stored, metadata in each
        ]

    @overload
    def __getitem__(self, index: int) -> Trace: ...
    @overload
    def __getitem__(self, index: slice) -> list[Trace]: ...
    def __getitem__(self, index: int | slice) -> Trace | list[Trace]:
        return self._traces[index]

    def __len__(self) -> int:
        return len(self.infos.trace_id)

    def __iter__(self) -> Iterator[Trace]:
        return iter(self._traces)
