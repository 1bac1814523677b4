"""Every error that spanframe raises on purpose.

::

    SpanframeError                 error_code, message, get_http_status_code()
    ├── SettingsError              settings that cannot be used, all problems at once
    ├── MissingExtraError          an extra is not installed (an ImportError)
    ├── InvalidArgumentError       an argument that cannot be used (a ValueError)
    │   ├── FilterError            a filter that cannot be used; draws a caret
    │   └── AlreadyExistsError     the name of an experiment is taken
    ├── NotFoundError              the trace, tag or experiment does not exist
    └── StoreError                 the store is away, locked, or of another version

The base class has MLflow's attributes (MLflow 3.17, ``mlflow.exceptions``), so code
written against ``MlflowException`` keeps working.
"""

from typing import ClassVar

__all__ = [
    "AlreadyExistsError",
    "FilterError",
    "InvalidArgumentError",
    "MissingExtraError",
    "NotFoundError",
    "SettingsError",
    "SpanframeError",
    "StoreError",
]


class SpanframeError(Exception):
    """Base class of every error of spanframe.

    Attributes:
        error_code: one of MLflow's codes, for example ``INVALID_PARAMETER_VALUE``.
        message: the whole text, without a code before it.
    """

    error_code: ClassVar[str] = "INTERNAL_ERROR"
    http_status: ClassVar[int] = 500

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message

    def get_http_status_code(self) -> int:
        """Return the HTTP status of MLflow for this code."""
        return self.http_status


class SettingsError(SpanframeError):
    """Settings that cannot be used; ``problems`` holds one sentence for each."""

    error_code = "INVALID_PARAMETER_VALUE"
    http_status = 400

    def __init__(self, problems: list[str]) -> None:
        self.problems = problems
        super().__init__(
            "Settings that cannot be used:\n" + "\n".join(f"  - {p}" for p in problems)
        )


class MissingExtraError(SpanframeError, ImportError):
    """An extra of spanframe that is needed is not installed."""

    error_code = "BAD_REQUEST"
    http_status = 400

    def __init__(self, what: str, extra: str) -> None:
        self.extra = extra
        super().__init__(
            f"{what} needs a part of spanframe that is not installed. "
            f"Install it with:\n\n    pip install 'spanframe[{extra}]'"
        )


class InvalidArgumentError(SpanframeError, ValueError):
    """An argument cannot be used; the message names it and what to write instead."""

    error_code = "INVALID_PARAMETER_VALUE"
    http_status = 400


class FilterError(InvalidArgumentError):
    """A filter (or order) that cannot be used, with its position and the remedy.

    Attributes:
        title: the problem, in one short sentence.
        source: the whole filter.
        start, end: the offending part, as offsets into ``source``.
        hint: the remedy: what to write instead.
    """

    def __init__(
        self, title: str, source: str, start: int, end: int, hint: str
    ) -> None:
        self.title = title
        self.source = source
        self.start = start
        self.end = end
        self.hint = hint
        super().__init__(_draw(title, source, start, end, hint))


class AlreadyExistsError(InvalidArgumentError):
    """The name that something was to be created under is taken."""

    error_code = "RESOURCE_ALREADY_EXISTS"


class NotFoundError(SpanframeError):
    """Something that was asked for by name or id does not exist."""

    error_code = "RESOURCE_DOES_NOT_EXIST"
    http_status = 404


class StoreError(SpanframeError):
    """The store is unreachable, locked, damaged, or of another version."""

    error_code = "TEMPORARILY_UNAVAILABLE"
    http_status = 503


def _draw(title: str, source: str, start: int, end: int, hint: str) -> str:
    """Draw the line of ``source`` that holds ``start``, a caret line, and the hint."""
    line_start = source.rfind("\n", 0, start) + 1
    newline = source.find("\n", start)
    line_end = len(source) if newline < 0 else newline
    # A control character would move the carets, or the reader's terminal.
    line = "".join(c if c.isprintable() else " " for c in source[line_start:line_end])
    carets = "^" * max(1, min(end, line_end) - start)
    return f"{title}\n  {line}\n  {' ' * (start - line_start)}{carets}\n{hint}"
