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

import json
from typing import Any

from spanframe._error_codes import ErrorCode, http_status

__all__ = [
    "AlreadyExistsError",
    "FilterError",
    "InvalidArgumentError",
    "MissingExtraError",
    "MlflowException",
    "MlflowTracingException",
    "NotFoundError",
    "RestException",
    "SettingsError",
    "SpanframeError",
    "StoreError",
]


class SpanframeError(Exception):
    """Base class of every error of spanframe.

    Args:
        message: the whole text, without a code before it.
        error_code: number or name of one of MLflow's codes; None for that of the class,
            any other value for ``INTERNAL_ERROR``.
        sqlstate: a code of SQL, for `serialize_as_json`.
        error_class: a name of the kind of error, for `serialize_as_json`.
        **entries: more entries of `serialize_as_json`.

    Attributes:
        error_code: the name of the code, for example ``INVALID_PARAMETER_VALUE``.
        message: the text.
    """

    error_code: str = "INTERNAL_ERROR"
    sqlstate: str | None = None
    error_class: str | None = None

    def __init__(
        self,
        message: object,
        error_code: int | str | None = None,
        sqlstate: str | None = None,
        error_class: str | None = None,
        **entries: Any,
    ) -> None:
        self.message = str(message)
        super().__init__(self.message)
        if error_code is not None:
            self.error_code = _code_name(error_code)
        self.sqlstate = sqlstate
        self.error_class = error_class
        self.json_kwargs = entries

    def get_http_status_code(self) -> int:
        """Return the HTTP status of MLflow for this code."""
        return http_status(self.error_code)

    def serialize_as_json(self) -> str:
        """Return the code, the message and what else was given, as JSON text."""
        given = {"sqlstate": self.sqlstate, "error_class": self.error_class}
        return json.dumps(
            {
                "error_code": self.error_code,
                "message": self.message,
                **{key: value for key, value in given.items() if value is not None},
                **self.json_kwargs,
            }
        )

    @staticmethod
    def invalid_parameter_value(message: object, **given: Any) -> "SpanframeError":
        """Return the error of an argument that cannot be used, for a plugin to raise.

        Args:
            message: the text.
            **given: ``sqlstate``, ``error_class`` and more entries, as for the class.
        """
        return InvalidArgumentError(message, **given)


MlflowException = MlflowTracingException = RestException = SpanframeError
"""MLflow's names of the base class; its subclasses differ by transport alone."""


class SettingsError(SpanframeError):
    """Settings that cannot be used; ``problems`` holds one sentence for each."""

    error_code = "INVALID_PARAMETER_VALUE"

    def __init__(self, problems: list[str]) -> None:
        self.problems = problems
        super().__init__(
            "Settings that cannot be used:\n" + "\n".join(f"  - {p}" for p in problems)
        )


class MissingExtraError(SpanframeError, ImportError):
    """An extra of spanframe that is needed is not installed."""

    error_code = "BAD_REQUEST"

    def __init__(self, what: str, extra: str) -> None:
        self.extra = extra
        super().__init__(
            f"{what} needs a part of spanframe that is not installed. "
            f"Install it with:\n\n    pip install 'spanframe[{extra}]'"
        )


class InvalidArgumentError(SpanframeError, ValueError):
    """An argument cannot be used; the message names it and what to write instead."""

    error_code = "INVALID_PARAMETER_VALUE"


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


class StoreError(SpanframeError):
    """The store is unreachable, locked, damaged, or of another version."""

    error_code = "TEMPORARILY_UNAVAILABLE"


def _code_name(code: int | str) -> str:
    if isinstance(code, str):
        return code if code in ErrorCode.__members__ else "INTERNAL_ERROR"
    try:
        return ErrorCode.Name(code)
    except ValueError:
        return "INTERNAL_ERROR"


def _draw(title: str, source: str, start: int, end: int, hint: str) -> str:
    """Draw the line of ``source`` that holds ``start``, a caret line, and the hint."""
    line_start = source.rfind("\n", 0, start) + 1
    newline = source.find("\n", start)
    line_end = len(source) if newline < 0 else newline
    # A control character would move the carets, or the reader's terminal.
    line = "".join(c if c.isprintable() else " " for c in source[line_start:line_end])
    carets = "^" * max(1, min(end, line_end) - start)
    return f"{title}\n  {line}\n  {' ' * (start - line_start)}{carets}\n{hint}"
