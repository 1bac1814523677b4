"""Literals → values of the type that a field takes."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Final

from spanframe_query.filter.errors import fail, shown
from spanframe_query.filter.nodes import Literal
from spanframe_store.contract.fields import Type
from spanframe_store.contract.filter import Comparator, quoted
from spanframe_store.contract.texts import stored_text
from spanframe_store.residual.expressions import finder

__all__ = ["MAX_PATTERN_CHARS", "checked_value"]

# SQLite takes patterns of 50 000 bytes, and a character has at most four.
MAX_PATTERN_CHARS: Final = 10_000
"""Maximum characters of a pattern."""

_PATTERN_COMPARATORS: Final = (Comparator.LIKE, Comparator.ILIKE, Comparator.RLIKE)
_ORDERING: Final = (Comparator.LT, Comparator.LE, Comparator.GT, Comparator.GE)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_ISO_EXAMPLE: Final = "'2026-11-23T10:00:00+09:00'"


def checked_value(
    source: str, name: str, takes: Type, comparator: Comparator, literal: Literal
) -> str | Decimal:
    """Return the value of a literal.

    Args:
        source: the filter, for the error.
        name: the field as it is written, for the error.
        takes: the type of the field.
        comparator: the comparator between the field and the literal.
        literal: the value as written.

    Raises:
        FilterError: when the literal is not of this type.
    """
    if comparator in _PATTERN_COMPARATORS:
        return _pattern(source, comparator, literal)
    if takes is Type.TEXT:
        return _text(source, f"{name} is", literal)
    if takes is Type.ANY and not literal.is_number and comparator not in _ORDERING:
        return stored_text(literal.text)
    return _number(source, name, takes, literal)


def _text(source: str, subject: str, literal: Literal) -> str:
    if literal.is_number:
        title = f"{subject} compared with text, not with a number"
        fail(
            title, source, literal.place, f"Write it in quotes: {quoted(literal.text)}"
        )
    return stored_text(literal.text)


def _pattern(source: str, comparator: Comparator, literal: Literal) -> str:
    pattern = _text(source, f"{comparator} is", literal)
    if len(pattern) > MAX_PATTERN_CHARS:
        title = f"A pattern of more than {MAX_PATTERN_CHARS} characters"
        fail(title, source, literal.place, "Write a shorter pattern, or = for the text")
    if comparator is Comparator.RLIKE:
        try:
            finder(pattern)
        except ValueError as error:
            title = f"Not a regular expression: {shown(str(error))}"
            hint = "Write RE2 syntax; it has no back-references and no look-around"
            fail(title, source, literal.place, hint)
    return pattern


def _number(source: str, name: str, takes: Type, literal: Literal) -> Decimal:
    text = literal.text.strip()
    try:
        number = Decimal(text) if text.isascii() and "_" not in text else None
    except InvalidOperation:
        number = None
    if number is not None and number.is_finite():
        return number
    if takes is Type.TIME:
        return _time(source, literal)
    title = f"{name} is compared with a number, not with {quoted(shown(literal.text))}"
    return fail(title, source, literal.place, "Write a number: 1000")


def _time(source: str, literal: Literal) -> Decimal:
    """Read an ISO 8601 time as milliseconds since 1970."""
    try:
        time = datetime.fromisoformat(literal.text.strip())
    except ValueError:
        title = f"Not a time: {quoted(shown(literal.text))}"
        hint = f"Write milliseconds since 1970, or a time as {_ISO_EXAMPLE}"
        fail(title, source, literal.place, hint)
    if time.tzinfo is None:
        title = "A time without an offset means another moment in every time zone"
        hint = f"Write the offset, Z for UTC: {_ISO_EXAMPLE}"
        fail(title, source, literal.place, hint)
    whole, rest = divmod(time - _EPOCH, timedelta(milliseconds=1))
    return (
        Decimal(whole) + Decimal(rest.microseconds).scaleb(-3)
        if rest
        else Decimal(whole)
    )
