"""Regular expressions that cannot run away: RE2, in time linear in the text.

The one module that knows the library.
"""

from collections.abc import Callable
from functools import lru_cache

from spanframe.errors import MissingExtraError

__all__ = ["finder"]


@lru_cache(maxsize=16)
def finder(expression: str) -> Callable[[str], bool]:
    """Return a function that tells whether an expression is found in a text.

    Raises:
        ValueError: it is not a regular expression; the message is RE2's reason.
        MissingExtraError: the library is not installed.
    """
    # A collector compares no expressions, and does without the library.
    try:
        import re2  # type: ignore[import-untyped]  # noqa: PLC0415 - the wheel has no types
    except ModuleNotFoundError as error:
        raise MissingExtraError("RLIKE", "query") from error
    options = re2.Options()
    options.log_errors = False
    try:
        compiled = re2.compile(expression, options)
    except re2.error as error:
        reason = error.args[0] if error.args else ""
        text = reason.decode() if isinstance(reason, bytes) else str(reason)
        raise ValueError(text) from None
    return lambda text: compiled.search(text) is not None
