"""The arguments ``by``, ``every`` and ``metrics`` → what a store is asked for.

Each is a text of a small language with the tokens, names and errors of filters.
"""

import re
from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Any, Final, NamedTuple, TypeVar

from spanframe import keys
from spanframe.errors import InvalidArgumentError
from spanframe_query.filter.check import known_field
from spanframe_query.filter.errors import closest, fail, refuse_surrogates, shown
from spanframe_query.filter.nodes import Key
from spanframe_query.filter.parser import Parser
from spanframe_store.contract.aggregates import Metric, MetricKind
from spanframe_store.contract.fields import SPAN_KINDS
from spanframe_store.contract.filter import Field, FieldKind

__all__ = [
    "EXPERIMENT",
    "By",
    "NamedMetric",
    "parse_by",
    "parse_every",
    "parse_metrics",
]

T = TypeVar("T", "By", "NamedMetric")

EXPERIMENT: Final = "experiment"
"""The name that groups by experiments and shows their names."""

# What people call a field, beside its names in filters.
_NAMES: Final = {
    "user": Field(FieldKind.METADATA, keys.META_USER),
    "session": Field(FieldKind.METADATA, keys.META_SESSION),
    "service": Field(FieldKind.TAG, keys.SERVICE_NAME),
    EXPERIMENT: Field(FieldKind.EXPERIMENT_ID),
    "experiment_id": Field(FieldKind.EXPERIMENT_ID),
}
_TRACE_SCOPES: Final = {None, "attribute", "attributes", "trace"}

_UNIT_MS: Final = {
    "s": 1000,
    "m": 60_000,
    "h": 3_600_000,
    "d": 86_400_000,
    "w": 7 * 86_400_000,
}
_EVERY: Final = re.compile(r"\s*0*([1-9][0-9]{0,9})\s*([smhdw])\s*")
_MAX_EVERY_DAYS: Final = 36_500
"""Maximum length of a bucket, in days."""

_PERCENTILE: Final = re.compile(r"p([0-9]{1,3}(?:\.[0-9]{1,6})?)")
_WHOLE: Final = 100
_PLAIN: Final = {kind.value: Metric(kind) for kind in MetricKind} | {"percentile": None}


class By(NamedTuple):
    """A field to group by, and the name of its column."""

    column: str
    field: Field


class NamedMetric(NamedTuple):
    """A metric, and the name of its column."""

    column: str
    metric: Metric


def parse_by(items: str | Sequence[str] | None) -> tuple[By, ...]:
    """Read the argument ``by``.

    Args:
        items: one field of traces, or several.

    Raises:
        FilterError: when an item cannot be used; the message points at the place.
        InvalidArgumentError: when an item is not text.
    """
    return _each("by", items, "'tags.app_version'", _by)


def parse_metrics(items: str | Sequence[str]) -> tuple[NamedMetric, ...]:
    """Read the argument ``metrics``.

    Args:
        items: one name, or several: ``count``, ``error_rate``, ``p95``, ….

    Raises:
        FilterError: when there is no such metric; the message points at the place.
        InvalidArgumentError: when an item is not text, or there is none.
    """
    found = _each("metrics", items, "'count'", _metric)
    if not found:
        raise InvalidArgumentError(
            "metrics is empty: name one or more of count, error_rate, p50, p95, p99, "
            "tokens, cost."
        )
    return found


def parse_every(every: str | None) -> int | None:
    """Read the argument ``every``, as milliseconds; None: the whole time.

    Raises:
        FilterError: when it is not a length of time; the message points at it.
        InvalidArgumentError: when it is not text.
    """
    if every is None:
        return None
    if not isinstance(every, str):
        raise InvalidArgumentError(
            f"every takes a text such as '5m', not {every!r:.80}."
        )
    refuse_surrogates(every)
    place = (0, len(every))
    match = _EVERY.fullmatch(every)
    if match is None:
        hint = "Write a whole number and s, m, h, d or w: 30s, 5m, 1h, 1d"
        fail("This is not a length of time", every, place, hint)
    length_ms = int(match[1]) * _UNIT_MS[match[2]]
    if length_ms > _MAX_EVERY_DAYS * _UNIT_MS["d"]:
        hint = "Leave out every for one row of the whole time"
        fail("A bucket is longer than 100 years", every, place, hint)
    return length_ms


def _each(
    name: str,
    items: str | Sequence[str] | None,
    example: str,
    parse: Callable[[str], T],
) -> tuple[T, ...]:
    found: list[T] = []
    given: Any = [items] if isinstance(items, str) else items or ()
    if not isinstance(given, list | tuple):
        raise InvalidArgumentError(f"{name} takes a list of texts, not {items!r:.80}.")
    for item in given:
        if not isinstance(item, str):
            raise InvalidArgumentError(
                f"{name} takes texts such as {example}, not {item!r:.80}."
            )
        refuse_surrogates(item)
        one = parse(item)
        if any(one[1] == other[1] for other in found):
            hint = "Name each one once, aliases included"
            fail(f"This is in {name} already", item, (0, len(item)), hint)
        found.append(one)
    return tuple(found)


def _by(item: str) -> By:
    """Read one field: ``item = key ;``."""
    parser = Parser(item)
    if parser.token.kind == "end":
        hint = "Write, for example, name or tags.app_version"
        fail("The field is empty", item, (0, len(item)), hint)
    key = parser.key()
    parser.refuse_rest("One field is expected here", "Write several as a list of texts")
    field = _NAMES.get(key.name) if key.scope in _TRACE_SCOPES else None
    if field is None:
        field = known_field(item, key)
    if field.kind in SPAN_KINDS:
        hint = "Group by a field of the trace, for example name or tags.app_version"
        fail("This field belongs to spans, not to traces", item, key.place, hint)
    return By(_column(key, field), field)


def _column(key: Key, field: Field) -> str:
    """Return the name of a column: that of the field, without quotes."""
    if key.scope in _TRACE_SCOPES:
        return key.name
    return f"{field.kind.value}.{field.key}"


def _metric(item: str) -> NamedMetric:
    metric = _PLAIN.get(item)
    if metric is not None:
        return NamedMetric(item, metric)
    match = _PERCENTILE.fullmatch(item)
    if match is not None and Fraction(match[1]) <= _WHOLE:
        share = Fraction(match[1]) / _WHOLE
        return NamedMetric(item, Metric(MetricKind.PERCENTILE, share))
    guess = closest(item, [name for name, known in _PLAIN.items() if known])
    hint = "The metrics are count, error_rate, p0 to p100, tokens and cost"
    if guess is not None:
        hint = f"Did you mean {guess}?"
    return fail(f"No such metric: {shown(item)}", item, (0, len(item)), hint)
