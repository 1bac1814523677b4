"""Comparisons → conditions: checks fields, comparators and values."""

from collections.abc import Iterable
from typing import Final, NoReturn

from spanframe import keys
from spanframe_query.filter.errors import closest, fail, shown
from spanframe_query.filter.names import ATTRIBUTES, NOT_FIELDS, SCOPES, Scope
from spanframe_query.filter.nodes import Comparison, Key
from spanframe_query.filter.services import SERVICE, is_service, service_node
from spanframe_query.filter.values import checked_value
from spanframe_store.contract.fields import FIELDS, ROWS, FieldRow
from spanframe_store.contract.filter import (
    And,
    Comparator,
    Condition,
    Field,
    FieldKind,
    Filter,
    SourceRange,
    Value,
    conjuncts,
    quoted,
)
from spanframe_store.contract.texts import stored_text

__all__ = ["check", "known_field"]

_SPAN_FIELDS: Final = {
    "name": FieldKind.SPAN_NAME,
    "type": FieldKind.SPAN_TYPE,
    "status": FieldKind.SPAN_STATUS,
    "content": FieldKind.SPAN_CONTENT,
}
_SPAN_ATTRIBUTE: Final = "attributes."
_LISTED: Final = (
    *(row.names[0] for row in FIELDS if row.comparators),
    *(name for name, field in ATTRIBUTES.items() if field.key is not None),
    SERVICE,
    "trace.text",
)
"""One name of each field."""

_OF_EXCEPTIONS: Final = (keys.EXCEPTION_TYPE, keys.EXCEPTION_MESSAGE)


def check(source: str, comparisons: Iterable[Comparison]) -> Filter:
    """Return the filter of the parsed comparisons of ``source``.

    Raises:
        FilterError: when a name, a comparator or a value does not fit the field table.
    """
    clauses = list(comparisons)
    plain = [_condition(source, each) for each in clauses if not is_service(each.key)]
    checked = Filter.all_of(plain, source)
    services = [service_node(source, each) for each in clauses if is_service(each.key)]
    if not services:
        return checked
    return Filter(And((*conjuncts(checked.root), *services)), source)


def known_field(source: str, key: Key) -> Field:
    """Return the field that a key names.

    Raises:
        FilterError: when no field has this name.
    """
    match _scope(key):
        case Scope.ATTRIBUTE:
            return _attribute(source, key)
        case Scope.TAG:
            return Field(FieldKind.TAG, _entry_key(source, key))
        case Scope.METADATA:
            return Field(FieldKind.METADATA, _entry_key(source, key))
        case Scope.SPAN:
            return _span_field(source, key)
        case Scope.ASSESSMENT:
            return _not_stored(source, key, "assessments")
        case _:
            return _no_scope(source, key)


def _scope(key: Key) -> Scope | None:
    return Scope.ATTRIBUTE if key.scope is None else SCOPES.get(key.scope)


def _condition(source: str, comparison: Comparison) -> Condition:
    key, comparator = comparison.key, comparison.comparator
    _refuse_unstored(source, comparison)
    field = known_field(source, key)
    row = ROWS[field.kind]
    name = shown(source[key.place.start : key.place.end])
    if comparator not in row.comparators:
        _no_comparator(source, name, row, comparison)
    values = tuple(
        checked_value(source, name, row.type, comparator, literal)
        for literal in comparison.values
    )
    value: Value
    if comparator in {Comparator.IN, Comparator.NOT_IN}:
        value = values
    else:
        value = values[0] if values else None
    end = comparison.values[-1].place.end if values else comparison.comparator_place.end
    return Condition(field, comparator, value, SourceRange(key.place.start, end))


def _attribute(source: str, key: Key) -> Field:
    field = ATTRIBUTES.get(key.name)
    if field is not None:
        return field
    head, _, tail = key.name.partition(".")
    guess = closest(key.name, [*ATTRIBUTES, SERVICE])
    if key.name in NOT_FIELDS:
        hint = NOT_FIELDS[key.name]
    elif tail and head in SCOPES:
        hint = f"Write {head}.{quoted(shown(tail), '`')}"
    elif guess is not None:
        hint = f"Did you mean {guess}?"
    else:
        hint = f"The fields are {', '.join(_LISTED)}"
    return fail(f"No such field: {shown(key.name)}", source, key.place, hint)


def _span_field(source: str, key: Key) -> Field:
    if key.name in _SPAN_FIELDS:
        return Field(_SPAN_FIELDS[key.name])
    if key.name in _OF_EXCEPTIONS:
        return Field(FieldKind.SPAN_ATTRIBUTE, key.name)
    if key.name == _SPAN_ATTRIBUTE:
        hint = "Write span.attributes.<key>"
        fail("The name of the span attribute is missing", source, key.place, hint)
    if key.name.startswith(_SPAN_ATTRIBUTE):
        attribute = key.name.removeprefix(_SPAN_ATTRIBUTE)
        return Field(FieldKind.SPAN_ATTRIBUTE, stored_text(attribute))
    hint = (
        "Write span.name, span.type, span.status, span.content, span.exception.type, "
        "span.exception.message or span.attributes.<key>; inputs are "
        "span.attributes.mlflow.spanInputs"
    )
    return fail(f"No such span field: {shown(key.name)}", source, key.place, hint)


def _entry_key(source: str, key: Key) -> str:
    if not key.name:
        hint = f"Write {key.scope}.<key>"
        fail("The key is empty", source, key.place, hint)
    return stored_text(key.name)


def _no_scope(source: str, key: Key) -> Field:
    scope = key.scope or ""
    if scope == "issue":
        title, hint = f"No such field: {shown(key.name)}", "Write issue.id"
        return fail(title, source, key.place, hint)
    guess = closest(scope, SCOPES)
    hint = "Prefixes are attributes, trace, tags, metadata and span"
    if guess is not None:
        hint = f"Did you mean {guess}?"
    return fail(f"No such prefix: {shown(scope)}", source, key.place, hint)


def _no_comparator(
    source: str, name: str, row: FieldRow, comparison: Comparison
) -> None:
    comparator = comparison.comparator
    if row.kind is FieldKind.EXPERIMENT_ID:
        hint = NOT_FIELDS["experiment_id"]
        fail("No filter by experiment_id", source, comparison.key.place, hint)
    title = f"{name} is not compared by {comparator}"
    hint = f"Write one of {' '.join(row.comparators)}"
    fail(title, source, comparison.comparator_place, hint)


def _refuse_unstored(source: str, comparison: Comparison) -> None:
    """Raise for prompts and issues, which a store does not hold."""
    key, comparator = comparison.key, comparison.comparator
    scope = _scope(key)
    is_prompt = scope is Scope.ATTRIBUTE and key.name == "prompt"
    is_issue = scope is Scope.ISSUE and key.name == "id"
    if not is_prompt and not is_issue:
        return
    what = "prompt" if is_prompt else "issue.id"
    if comparator is not Comparator.EQ:
        title = f"{what} is not compared by {comparator}"
        fail(title, source, comparison.comparator_place, "Write =")
    literal = comparison.values[0]
    if is_prompt and (literal.is_number or literal.text.count("/") != 1):
        hint = "Write name and version: prompt = 'greeting/1'"
        fail("Not a prompt version", source, literal.place, hint)
    _not_stored(source, key, "prompts" if is_prompt else "issues")


def _not_stored(source: str, key: Key, what: str) -> NoReturn:
    hint = "Record it with the trace as a tag, and write tags.<key>"
    fail(f"The store keeps no {what}", source, key.place, hint)
