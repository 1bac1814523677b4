"""The spans of a trace as the lines of a waterfall, for terminals and notebooks."""

from collections.abc import Sequence
from typing import Final, NamedTuple

from spanframe_query.entities.span import Span

__all__ = ["Bar", "bars"]

_MAX_INDENT_LEVELS: Final = 12
"""Maximum levels that a line is indented; the line of a deeper span states its level.

Without it a deep trace is as wide as it is deep, and drawing it takes the square.
"""


class Bar(NamedTuple):
    """A line of a waterfall; offset and width are fractions of the trace's duration."""

    span: Span
    depth: int
    offset: float
    width: float

    @property
    def indent(self) -> int:
        """The levels that the line is indented."""
        return min(self.depth, _MAX_INDENT_LEVELS)

    @property
    def label(self) -> str:
        """The name of the span, after its level where the indent is cut."""
        name = self.span.name
        return name if self.depth == self.indent else f"[level {self.depth}] {name}"


def bars(spans: Sequence[Span]) -> list[Bar]:
    """Return the lines of a tree of spans, children below their parent by start.

    A span whose parent is missing, or is its own descendant, is at the top level.
    """
    if not spans:
        return []
    known = {span.span_id for span in spans}
    children: dict[str | None, list[Span]] = {}
    for span in spans:
        parent = span.parent_id if span.parent_id in known else None
        children.setdefault(parent, []).append(span)
    first = min(span.start_time_ns for span in spans)
    last = max(span.end_time_ns or span.start_time_ns for span in spans)
    whole = max(last - first, 1)
    lines: list[Bar] = []
    placed: set[str] = set()
    pending = [(span, 0) for span in reversed(children.get(None, []))]
    orphans = list(reversed(spans))
    while pending or orphans:
        # Spans that the tree does not reach form cycles, which are cut at any span.
        span, depth = pending.pop() if pending else (orphans.pop(), 0)
        if span.span_id in placed:
            continue
        placed.add(span.span_id)
        length = max(0, (span.end_time_ns or span.start_time_ns) - span.start_time_ns)
        offset = (span.start_time_ns - first) / whole
        lines.append(Bar(span, depth, offset, length / whole))
        below = children.get(span.span_id, [])
        pending.extend((child, depth + 1) for child in reversed(below))
    return lines
