"""The stack of an exception: once in a trace, however many calls it leaves."""

import os
import traceback
from pathlib import Path
from typing import Final, NamedTuple

__all__ = ["stack_of"]

_OUR_FOLDER: Final = str(Path(__file__).parent) + os.sep
_MARK: Final = "__spanframe_recorded__"
_CAUSE: Final = (
    "\nThe above exception was the direct cause of the following exception:\n\n"
)
_CONTEXT: Final = (
    "\nDuring handling of the above exception, another exception occurred:\n\n"
)


class _Recorded(NamedTuple):
    """The span that has the whole stack of an exception."""

    trace_id: int
    span_id: int
    name: str


def stack_of(error: BaseException, trace_id: int, span_id: int, name: str) -> str:
    """Return the stack of an exception, for the first span of a trace that records it.

    For the spans above, which the exception leaves as well, it is a reference to that
    span. An exception that another one was raised from is treated likewise.

    Args:
        error: the exception.
        trace_id: id of the trace that records it.
        span_id: id of the span that records it.
        name: name of that span.
    """
    earlier = _recorded(error, trace_id)
    if earlier is not None and earlier.span_id != span_id:
        return _reference(earlier)
    # In its dictionary, whatever its class says of attributes.
    vars(error)[_MARK] = _Recorded(trace_id, span_id, name)
    cause = error.__cause__
    joint = _CAUSE
    if cause is None and not error.__suppress_context__:
        cause, joint = error.__context__, _CONTEXT
    earlier = None if cause is None else _recorded(cause, trace_id)
    if earlier is None:
        return "".join(_without_our_frames(error).format())
    own = "".join(_without_our_frames(error).format(chain=False))
    return f"{type(cause).__name__}: {_reference(earlier)}\n{joint}{own}"


def _without_our_frames(error: BaseException) -> traceback.TracebackException:
    """Return an exception, and those it comes from, as the app alone raised them."""
    told = traceback.TracebackException.from_exception(error)
    pending: list[traceback.TracebackException | None] = [told]
    while pending:
        each = pending.pop()
        if each is None:
            continue
        theirs = [f for f in each.stack if not f.filename.startswith(_OUR_FOLDER)]
        # An error of spanframe itself has no other frames.
        each.stack = traceback.StackSummary.from_list(theirs or each.stack)
        pending += (each.__cause__, each.__context__, *(each.exceptions or ()))
    return told


def _recorded(error: BaseException, trace_id: int) -> _Recorded | None:
    found = vars(error).get(_MARK)
    return found if found is not None and found.trace_id == trace_id else None


def _reference(span: _Recorded) -> str:
    return f"[the stack is on the span {span.name!r}, {span.span_id:016x}]"
