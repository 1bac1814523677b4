"""Experiments by filter and order: the language of traces, on the few fields they have.

A store has few experiments, so all of them are read and compared here.
"""

import operator
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final

from spanframe.errors import InvalidArgumentError
from spanframe_query.entities import Experiment
from spanframe_query.filter import Comparator
from spanframe_query.filter.errors import fail, refuse_surrogates
from spanframe_query.filter.nodes import Comparison, Key
from spanframe_query.filter.parser import Parser, parse
from spanframe_query.filter.values import checked_value
from spanframe_store.contract.fields import Type
from spanframe_store.residual.matching import matcher

__all__ = ["matching", "ordered", "page_after"]

_Value = Callable[[Experiment], Any]

_TEXTS: Final[dict[str, _Value]] = {
    "name": lambda experiment: experiment.name,
    "experiment_id": lambda experiment: experiment.experiment_id,
}
_NUMBERS: Final[dict[str, _Value]] = {
    "creation_time": lambda experiment: experiment.creation_time,
    "last_update_time": lambda experiment: experiment.last_update_time,
}
_ORDERS: Final[dict[str, _Value]] = {
    **_TEXTS,
    **_NUMBERS,
    "experiment_id": lambda experiment: int(experiment.experiment_id),
}
_TAG_SCOPES: Final = ("tag", "tags")
_ATTRIBUTE_SCOPES: Final = (None, "attribute", "attributes")
_COMPARED: Final = {
    Comparator.EQ: operator.eq,
    Comparator.NE: operator.ne,
    Comparator.LT: operator.lt,
    Comparator.LE: operator.le,
    Comparator.GT: operator.gt,
    Comparator.GE: operator.ge,
}
_NULL_TESTS: Final = (Comparator.IS_NULL, Comparator.IS_NOT_NULL)
_OF_NUMBERS: Final = frozenset(_COMPARED) - {Comparator.EQ, Comparator.NE}
_HINT: Final = (
    "Write name, experiment_id, creation_time, last_update_time or tags.<key>"
)


def matching(
    experiments: Iterable[Experiment], filter_string: str | None
) -> list[Experiment]:
    """Return the experiments that a filter finds.

    Raises:
        FilterError: when the filter cannot be used.
        InvalidArgumentError: when it is not text.
    """
    source = filter_string or ""
    if not isinstance(source, str):
        raise InvalidArgumentError(f"filter_string is {source!r:.80}; write a text")
    refuse_surrogates(source)
    tests = [_test(source, clause) for clause in parse(source)]
    return [each for each in experiments if all(test(each) for test in tests)]


def ordered(
    experiments: Iterable[Experiment], order_by: str | Sequence[str] | None
) -> list[Experiment]:
    """Return experiments in an order; by default the newest come first.

    Raises:
        FilterError: when an item of the order cannot be used.
        InvalidArgumentError: when an item is not text.
    """
    items = [order_by] if isinstance(order_by, str) else list(order_by or ())
    terms = [_term(item) for item in items] or [_term("creation_time DESC")]
    found = sorted(experiments, key=_ORDERS["experiment_id"])
    for value, descending in reversed(terms):
        found.sort(key=value, reverse=descending)
    return found


def page_after(
    experiments: Sequence[Experiment], page_token: str | None
) -> Sequence[Experiment]:
    """Return the experiments behind a page, whose token is the id of its last one.

    Raises:
        InvalidArgumentError: when the token is not one of this search.
    """
    if not page_token:
        return experiments
    ids = [each.experiment_id for each in experiments]
    if page_token not in ids:
        raise InvalidArgumentError(
            "This page token belongs to another search. Pass it with the filter and "
            "order it was returned for, or start without a token"
        )
    return experiments[ids.index(page_token) + 1 :]


def _test(source: str, clause: Comparison) -> Callable[[Experiment], bool]:
    """Return the function that tells whether an experiment fulfils a clause."""
    key, comparator = clause.key, clause.comparator
    if key.scope in _TAG_SCOPES:
        return _text_test(source, clause, lambda each: each.tags.get(key.name))
    if key.scope in _ATTRIBUTE_SCOPES and key.name in _NUMBERS:
        value = _NUMBERS[key.name]
        if comparator not in _COMPARED:
            fail(
                f"{key.name} is not compared by {comparator}",
                source,
                clause.comparator_place,
                f"Write one of {' '.join(_COMPARED)}",
            )
        [literal] = clause.values
        number = checked_value(source, key.name, Type.NUMBER, comparator, literal)
        compare = _COMPARED[comparator]
        return lambda each: bool(compare(value(each), number))
    if comparator in _NULL_TESTS:
        fail(
            f"{key.name} is never absent",
            source,
            clause.comparator_place,
            "Leave the clause out",
        )
    return _text_test(source, clause, _attribute(source, key, _TEXTS))


def _text_test(
    source: str, clause: Comparison, value: Callable[[Experiment], str | None]
) -> Callable[[Experiment], bool]:
    comparator = clause.comparator
    if comparator in _NULL_TESTS:
        is_null = comparator is Comparator.IS_NULL
        return lambda each: (value(each) is None) is is_null
    name = clause.key.name
    if comparator in _OF_NUMBERS:
        hint = "Write one of = != LIKE ILIKE RLIKE IN"
        title = f"{name} is not compared by {comparator}"
        fail(title, source, clause.comparator_place, hint)
    values = tuple(
        str(checked_value(source, name, Type.TEXT, comparator, literal))
        for literal in clause.values
    )
    fits = matcher(comparator, values)

    def test(experiment: Experiment) -> bool:
        text = value(experiment)
        return text is not None and fits(text)

    return test


def _attribute(source: str, key: Key, known: dict[str, _Value]) -> _Value:
    if key.scope not in _ATTRIBUTE_SCOPES or key.name not in known:
        fail("Experiments have no such field", source, key.place, _HINT)
    return known[key.name]


def _term(item: object) -> tuple[_Value, bool]:
    """Read one item of an order, ``field [ASC|DESC]``."""
    if not isinstance(item, str) or not item.strip():
        raise InvalidArgumentError(
            f"order_by takes texts such as 'name ASC', not {item!r:.80}"
        )
    refuse_surrogates(item)
    parser = Parser(item)
    key = parser.key()
    descending = parser.take_word("DESC")
    if not descending:
        parser.take_word("ASC")
    parser.refuse_rest("An order is a field and a direction", "Write ASC or DESC")
    return _attribute(item, key, _ORDERS), descending
