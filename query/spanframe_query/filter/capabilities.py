"""What a filter may ask of an engine that not every engine can do.

An engine declares what it can; what it cannot is refused, never approximated.
"""

from collections.abc import Iterator
from enum import Enum

from spanframe_query.filter.nodes import Comparator, Condition, FieldKind

__all__ = ["Capability", "needed"]


class Capability(Enum):
    """Something an engine can do; the value is what to write where it cannot."""

    EXPRESSIONS = "Write LIKE or ILIKE in place of RLIKE"
    SPAN_BODIES = "Write span.name, span.type or span.status, or a tag of the trace"


def needed(condition: Condition) -> Iterator[Capability]:
    """Yield what an engine must be able to do to serve a condition."""
    if condition.field.kind in {FieldKind.SPAN_ATTRIBUTE, FieldKind.SPAN_CONTENT}:
        yield Capability.SPAN_BODIES
    if condition.comparator is Comparator.RLIKE:
        yield Capability.EXPRESSIONS
