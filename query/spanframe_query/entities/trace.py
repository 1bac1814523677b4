"""A trace: its info and its spans."""

import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final, Self, overload

from opentelemetry.proto.trace.v1.trace_pb2 import TracesData

from spanframe import keys
from spanframe._mlflow_names import Explained
from spanframe._recorded import SPAN_INTERMEDIATE_OUTPUTS
from spanframe._runtime import runtime
from spanframe.errors import InvalidArgumentError
from spanframe_query.entities import html, trace_otlp
from spanframe_query.entities.info import TraceInfo
from spanframe_query.entities.json_text import json_text
from spanframe_query.entities.root import RootValues, root_values
from spanframe_query.entities.span import Span
from spanframe_store.contract.results import SpanBlock
from spanframe_store.otlp.content import loads
from spanframe_store.otlp.stored_spans import in_order, newest_versions, spans_of

__all__ = ["SpanDicts", "Trace", "TraceData"]

_NO_BLOCKS: Final = ()
_MAX_SHOWN_SPANS: Final = 10
"""Maximum spans in what a cell of a DataFrame prints."""


class TraceData(Explained):
    """The spans of a trace: the root first, then by start.

    Args:
        spans: the spans, in that order.
        stored: in place of spans, their blocks in any order, decoded on first use.
    """

    __slots__ = ("_spans", "_stored")

    def __init__(
        self,
        spans: Iterable[Span] | None = None,
        *,
        stored: Sequence[SpanBlock] = _NO_BLOCKS,
    ) -> None:
        self._stored = stored
        self._spans = None if stored else list(spans or ())

    @property
    def spans(self) -> list[Span]:
        """The spans; the first one is the root, or speaks for the trace without one."""
        if self._spans is None:
            found = (span for block in self._stored for span in spans_of(block))
            self._spans = [Span(span) for span in in_order(newest_versions(found))]
            self._stored = _NO_BLOCKS
        return self._spans

    @property
    def has_spans(self) -> bool:
        """Whether the trace has any span."""
        return bool(self._stored or self._spans)

    @property
    def request(self) -> str | None:
        """The inputs of the root, as JSON text; None when it has none."""
        return self._root_text(keys.SPAN_INPUTS)

    @property
    def response(self) -> str | None:
        """The outputs of the root, as JSON text; None when it has none."""
        return self._root_text(keys.SPAN_OUTPUTS)

    def root_values(self) -> RootValues:
        """Return inputs and outputs of the root, decoded from JSON; else None."""
        values = root_values(self._stored) if self._spans is None else None
        if values is not None:
            return values
        texts = self.request, self.response
        return RootValues(*(None if text is None else loads(text) for text in texts))

    @property
    def intermediate_outputs(self) -> dict[str, Any] | None:
        """The outputs of the other spans by name; repeated names get a number.

        A trace of `spanframe.log_trace` has those that were given.
        """
        given = (
            self.spans[0].get_attribute(SPAN_INTERMEDIATE_OUTPUTS)
            if self.spans
            else None
        )
        if isinstance(given, dict):
            return given
        if len(self.spans) < 2:  # noqa: PLR2004 - a root alone has nothing between
            return None
        times = Counter(span.name for span in self.spans)
        seen: dict[str, int] = {}
        outputs = {}
        for span in self.spans:
            name = span.name
            if times[name] > 1:
                seen[name] = seen.get(name, 0) + 1
                name = f"{name}_{seen[name]}"
            if span.parent_id and span.outputs is not None:
                outputs[name] = span.outputs
        return outputs

    def _root_text(self, key: str) -> str | None:
        return self.spans[0].attribute_json(key) if self.spans else None

    def to_dict(self) -> dict[str, Any]:
        """Return the data as a dictionary of MLflow 3.17."""
        return {"spans": [span.to_dict() for span in self.spans]}

    def to_json_bytes(self) -> bytes:
        """Return the data as JSON in UTF-8."""
        return json.dumps(self.to_dict(), separators=(",", ":"), default=str).encode()

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Read data from a dictionary of MLflow 3.x or 2.x.

        Raises:
            InvalidArgumentError: when a span has neither shape.
        """
        return cls(Span.from_dict(span) for span in data.get("spans", ()))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, TraceData) and self.spans == other.spans

    __hash__ = None  # type: ignore[assignment] # spans can be replaced

    def __repr__(self) -> str:
        return f"TraceData(spans={self.spans!r})"


class Trace(Explained):
    """A trace as a search returns it.

    Args:
        info: the info, or its fields as a tuple.
        data: the spans.
        stored: in place of data, the blocks of the spans in any order.
    """

    __slots__ = ("_data", "_info", "_stored")

    def __init__(
        self,
        info: TraceInfo | tuple[Any, ...],
        data: TraceData | None = None,
        *,
        stored: Sequence[SpanBlock] = _NO_BLOCKS,
    ) -> None:
        self._info = info
        self._data = data
        self._stored = stored

    @property
    def info(self) -> TraceInfo:
        """The info of the trace."""
        if isinstance(self._info, tuple):
            self._info = TraceInfo(*self._info)
        return self._info

    @info.setter
    def info(self, info: TraceInfo) -> None:
        self._info = info

    @property
    def data(self) -> TraceData:
        """The spans, decoded on first use, so that many traces take little memory."""
        if self._data is None:
            self._data = TraceData(stored=self._stored)
            self._stored = _NO_BLOCKS
        return self._data

    @property
    def has_spans(self) -> bool:
        """Whether the trace has any span; a search may have read none."""
        return bool(self._stored) if self._data is None else self._data.has_spans

    @property
    def trace_id(self) -> str:
        """The id of the trace, ``tr-`` and 32 hex digits."""
        return self.info.trace_id

    def search_spans(
        self,
        span_type: str | None = None,
        name: str | re.Pattern[str] | None = None,
        span_id: str | None = None,
    ) -> list[Span]:
        """Return the spans that fulfil every given condition.

        Args:
            span_type: the exact type.
            name: the exact name, or a pattern searched for in it.
            span_id: the id, 16 hex digits.

        Raises:
            InvalidArgumentError: when the name is neither text nor a compiled pattern.
        """
        if not isinstance(name, str | re.Pattern | None):
            raise InvalidArgumentError(
                f"name is {name!r}: write text or a compiled pattern."
            )
        return [
            span
            for span in self.data.spans
            if _name_matches(span.name, name)
            and (span_type is None or span.span_type == span_type)
            and (span_id is None or span.span_id == span_id)
        ]

    def to_dict(self) -> dict[str, Any]:
        """Return the trace as a dictionary of MLflow 3.17."""
        return {"info": self.info.to_dict(), "data": self.data.to_dict()}

    def to_json(self, pretty: bool = False) -> str:
        """Return the trace as JSON text in UTF-8, indented when ``pretty``."""
        return json_text(self.to_dict(), indent=2 if pretty else None)

    @classmethod
    def from_dict(cls, trace_dict: Mapping[str, Any]) -> Self:
        """Read a trace from a dictionary of MLflow 3.x or 2.x.

        Raises:
            InvalidArgumentError: when the dictionary has neither shape.
        """
        if not {"info", "data"} <= trace_dict.keys():
            raise InvalidArgumentError(
                "A trace has the keys 'info' and 'data'; "
                f"this one has {sorted(trace_dict)}."
            )
        return cls(
            TraceInfo.from_dict(trace_dict["info"]),
            TraceData.from_dict(trace_dict["data"]),
        )

    @classmethod
    def from_json(cls, trace_json: str) -> Self:
        """Read a trace from JSON text.

        Raises:
            InvalidArgumentError: when the text is not JSON, or not that of a trace.
        """
        try:
            trace_dict = json.loads(trace_json)
        except (ValueError, RecursionError) as error:
            raise InvalidArgumentError(f"This text is not JSON: {error}") from error
        if not isinstance(trace_dict, dict):
            raise InvalidArgumentError(
                "This JSON is not a trace: a trace is an object with info and data."
            )
        return cls.from_dict(trace_dict)

    def to_proto(self) -> TracesData:
        """Return the trace as OTLP's message, which any collector takes.

        Tags, metadata and what else belongs to the trace are attributes of its root.
        """
        return trace_otlp.to_message(self.info, self.data.spans)

    @classmethod
    def from_proto(cls, proto: TracesData) -> Self:
        """Read a trace from OTLP's message, as a collector would store it.

        Raises:
            InvalidArgumentError: when it has the spans of no trace, or of several.
        """
        info, blocks = trace_otlp.from_message(proto)
        return cls(info, stored=blocks)

    @staticmethod
    def pandas_dataframe_columns() -> list[str]:
        """Return the columns of `to_pandas_dataframe_row`."""
        return list(_ROW)

    def to_pandas_dataframe_row(self) -> dict[str, Any]:
        """Return the trace as a row of a DataFrame of MLflow 3.17, by column."""
        return {name: cell(self) for name, cell in _ROW.items()}

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Trace):
            return NotImplemented
        return self.info == other.info and self.data == other.data

    __hash__ = None  # type: ignore[assignment] # info and spans can be replaced

    def __repr__(self) -> str:
        return f"Trace(trace_id={self.trace_id!r})"

    def __str__(self) -> str:
        # CSV writes this, and has to hold the trace.
        return self.to_json()

    def _repr_html_(self) -> str | None:
        if not runtime.shows_traces:
            return None
        return html.trace_html(self.info, self.data.spans)


_ROW: Final[Mapping[str, Callable[[Trace], Any]]] = {
    "trace_id": lambda trace: trace.trace_id,
    "trace": lambda trace: trace.to_json(),
    "client_request_id": lambda trace: trace.info.client_request_id,
    "state": lambda trace: trace.info.state,
    "request_time": lambda trace: trace.info.request_time,
    "execution_duration": lambda trace: trace.info.execution_duration,
    "request": lambda trace: trace.data.root_values().inputs,
    "response": lambda trace: trace.data.root_values().outputs,
    "trace_metadata": lambda trace: trace.info.trace_metadata,
    "tags": lambda trace: trace.info.tags,
    "spans": lambda trace: [span.to_dict() for span in trace.data.spans],
    "assessments": lambda trace: list(trace.info.assessments),
}
"""The columns of a row of a DataFrame of MLflow 3.17, and their cells."""


class SpanDicts(Sequence[dict[str, Any]]):
    """The spans of a trace as dictionaries, made when an item is read.

    Each cell of the column ``spans`` is such a sequence; it equals the list of its
    dictionaries.

    Args:
        trace: the trace; None for no spans.
    """

    __slots__ = ("_trace",)

    def __init__(self, trace: Trace | None) -> None:
        self._trace = trace

    @property
    def _spans(self) -> list[Span]:
        return [] if self._trace is None else self._trace.data.spans

    @property
    def names(self) -> list[str]:
        """The names of the spans, in their order, without decoding the rest of them."""
        return [span.name for span in self._spans]

    @overload
    def __getitem__(self, index: int) -> dict[str, Any]: ...
    @overload
    def __getitem__(self, index: slice) -> list[dict[str, Any]]: ...
    def __getitem__(self, index: int | slice) -> dict[str, Any] | list[dict[str, Any]]:
        if isinstance(index, slice):
            return [span.to_dict() for span in self._spans[index]]
        return self._spans[index].to_dict()

    def __len__(self) -> int:
        return len(self._spans)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, SpanDicts | list):
            return NotImplemented
        return list(self) == list(other)

    __hash__ = None  # type: ignore[assignment] # equal to lists, which have none

    def __repr__(self) -> str:
        # A DataFrame prints the beginning of it, and would decode every span for that.
        shown = [repr(span) for span in self[:_MAX_SHOWN_SPANS]]
        if len(self) > len(shown):
            shown.append(f"… and {len(self) - len(shown):,} more spans")
        return f"[{', '.join(shown)}]"


def _name_matches(name: str, wanted: str | re.Pattern[str] | None) -> bool:
    if isinstance(wanted, re.Pattern):
        return wanted.search(name) is not None
    return wanted is None or name == wanted
