"""Derives inputs, outputs, type, usage, cost and model of a span by the conventions."""

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any, Final, NamedTuple

from spanframe import keys
from spanframe_store.otlp.anyvalue import NOT_JSON, json_text, loads
from spanframe_store.otlp.conventions.prices import computed_cost
from spanframe_store.otlp.conventions.shapes import genai_instructions
from spanframe_store.otlp.conventions.table import (
    Cell,
    Convention,
    CostKeys,
    EventShape,
    TokenKeys,
    table,
)
from spanframe_store.otlp.conventions.values import (
    Attributes,
    Cost,
    Events,
    Usage,
    amount,
    as_json,
    cost,
    decoded,
    token_count,
    usage,
)
from spanframe_store.otlp.name_sets import Names, by_names

__all__ = ["EVENT_NAMES", "UNKNOWN", "Counted", "Derived", "counted", "derive"]

UNKNOWN: Final = "UNKNOWN"

_NULL: Final = "null"

EVENT_NAMES: Final = frozenset(name for row in table for name in row.events)
"""Names of the events that a convention reads; others change nothing derived."""


class Counted(NamedTuple):
    """Values of a span that its inputs and outputs are not read for."""

    span_type: str
    usage: Usage | None = None
    cost: Cost | None = None


class Derived(NamedTuple):
    """Values derived of one span: inputs and outputs as JSON text, None when absent."""

    inputs: str | None
    outputs: str | None
    span_type: str
    usage: Usage | None = None
    cost: Cost | None = None
    model: str | None = None
    provider: str | None = None
    parsed_inputs: Any = NOT_JSON
    """The value of the text where it has been parsed, else `NOT_JSON`."""
    parsed_outputs: Any = NOT_JSON
    """The same of the outputs."""

    @property
    def counted(self) -> Counted:
        """Type, usage and cost."""
        return Counted(self.span_type, self.usage, self.cost)


def derive(attributes: Mapping[str, Any], events: Events = ()) -> Derived:
    """Return the values that attributes and events of a span state.

    The keys of MLflow count first, then the conventions in the order of the table; the
    first value that is not empty is taken, attributes before events (MLflow 3.17).

    Args:
        attributes: plain Python values by key.
        events: name and attributes of the events named in `EVENT_NAMES`, in order.
    """
    inputs, called = _own(attributes.get(keys.SPAN_INPUTS))
    outputs, answered = _own(attributes.get(keys.SPAN_OUTPUTS))
    rows = _speaking(attributes)
    if inputs is None and rows:
        inputs = _first(attributes, (row.inputs for row in rows))
    if inputs is None and events:
        inputs = _of_events(attributes, events, (row.input_event for row in table))
    if inputs is None and rows:
        # Instructions without messages, which events may hold.
        inputs = as_json(genai_instructions(attributes))
    if outputs is None and rows:
        outputs = _first(attributes, (row.outputs for row in rows))
    if outputs is None and events:
        outputs = _of_events(attributes, events, (row.output_event for row in table))
    model = _named(attributes, (row.models for row in rows)) if rows else None
    return Derived(
        inputs or _own_null(attributes.get(keys.SPAN_INPUTS)),
        outputs or _own_null(attributes.get(keys.SPAN_OUTPUTS)),
        *_counted(attributes, rows, model),
        model or _model_in(called, inputs) or _model_in(answered, outputs),
        _named(attributes, (row.providers for row in rows)) if rows else None,
        called,
        answered,
    )


def counted(attributes: Mapping[str, Any]) -> Counted:
    """Return type, usage and cost of a span, the same that `derive` returns."""
    rows = _speaking(attributes)
    model = _named(attributes, (row.models for row in rows)) if rows else None
    return _counted(attributes, rows, model)


def _counted(
    attributes: Attributes, rows: Sequence[Convention], model: str | None
) -> Counted:
    if not rows:
        return Counted(_own_type(attributes.get(keys.SPAN_TYPE)))
    used = _usage(attributes, rows)
    return Counted(
        _span_type(attributes, rows),
        used,
        _stated_cost(attributes, rows) or computed_cost(model, used),
    )


# --- rows that can apply: most spans have MLflow's keys alone, or none ----------------


def _exact_keys(row: Convention) -> Iterable[str]:
    cells = (*row.inputs, *row.outputs)
    tokens = row.tokens if isinstance(row.tokens, TokenKeys) else TokenKeys()
    yield from (source for source in cells if isinstance(source, str))
    costs = row.costs if isinstance(row.costs, CostKeys) else CostKeys()
    yield from (key for names in (*tokens, *costs) for key in names)
    yield from (source for source in row.models if isinstance(source, str))
    yield from (*row.type_keys, *row.providers, *row.marks)


def _by_exact_key() -> dict[str, set[int]]:
    found: dict[str, set[int]] = {}
    for number, row in enumerate(table):
        for key in _exact_keys(row):
            found.setdefault(key, set()).add(number)
    return found


_BY_KEY: Final = _by_exact_key()
_BY_FAMILY: Final = {
    family: number for number, row in enumerate(table) for family in row.families
}
_FAMILIES: Final = tuple(_BY_FAMILY)


def _speaking(attributes: Attributes) -> Sequence[Convention]:
    """Return the rows that a key of the span belongs to, in the table's order."""
    rows = _rows_of(attributes)
    if not rows:
        return rows
    return [row for row in rows if row.applies is None or row.applies(attributes)]


@by_names
def _rows_of(names: Names) -> tuple[Convention, ...]:
    numbers: set[int] = set()
    for key in names:
        if key in _BY_KEY:
            numbers |= _BY_KEY[key]
        elif key.startswith(_FAMILIES):
            numbers |= {_BY_FAMILY[f] for f in _FAMILIES if key.startswith(f)}
    return tuple(table[number] for number in sorted(numbers))


# --- the keys of MLflow --------------------------------------------------------------


def _own(value: Any) -> tuple[str | None, Any]:
    """Return an ``mlflow.*`` value as JSON text (JSON stays as it is), and parsed."""
    if value is None:
        return None, NOT_JSON
    if not isinstance(value, str):
        text = json_text(value)
        return text, loads(text)
    parsed = loads(value)
    if parsed is NOT_JSON:
        return json_text(value), value
    return (None, NOT_JSON) if parsed is None else (value, parsed)


def _own_null(value: Any) -> str | None:
    """Return null where the app itself states it, and no convention says more."""
    return _NULL if isinstance(value, str) and value.strip() == _NULL else None


def _own_type(value: Any) -> str:
    return _type_name(value) if isinstance(value, str) and value else UNKNOWN


# Spans repeat the same dozen texts.
@lru_cache(maxsize=256)
def _type_name(text: str) -> str:
    # Typed senders write LLM where the SDK writes the JSON text "LLM".
    name = loads(text)
    return name if isinstance(name, str) and name else text


# --- the rows of the table -----------------------------------------------------------


def _first(attributes: Attributes, cells: Iterable[Cell]) -> str | None:
    for cell in cells:
        for source in cell:
            value = (
                attributes.get(source)
                if isinstance(source, str)
                else source(attributes)
            )
            text = as_json(value)
            if text is not None:
                return text
    return None


def _of_events(
    attributes: Attributes, events: Events, shapes: Iterable[EventShape | None]
) -> str | None:
    texts = (as_json(shape(attributes, events)) for shape in shapes if shape)
    return next((text for text in texts if text is not None), None)


def _span_type(attributes: Attributes, rows: Iterable[Convention]) -> str:
    own = _own_type(attributes.get(keys.SPAN_TYPE))
    if own != UNKNOWN:
        return own
    for row in rows:
        for key in row.type_keys:
            kind = attributes.get(key)
            if isinstance(kind, str) and kind in row.types:
                return row.types[kind]
        found = row.type_shape(attributes) if row.type_shape else None
        if found is not None:
            return found
    return UNKNOWN


def _usage(attributes: Attributes, rows: Sequence[Convention]) -> Usage | None:
    """Return the first usage, with parts that another convention states of the same."""
    stated = [
        found for row in rows if (found := _usage_by(row, attributes)) is not None
    ]
    if not stated:
        return None
    first = stated[0]
    for other in stated[1:]:  # mostly there is none
        if other[:2] == first[:2]:
            pairs = zip(first, other, strict=True)
            first = Usage(*(b if a is None else a for a, b in pairs))
    return first


def _usage_by(row: Convention, attributes: Attributes) -> Usage | None:
    if not isinstance(row.tokens, TokenKeys):
        return row.tokens(attributes)
    if row.tokens is _NO_TOKENS:
        return None
    return usage(*(_count(attributes, names) for names in row.tokens))


_NO_TOKENS: Final = Convention("").tokens
"""The counts of a row that has none; all such rows share it."""


_COST_KEYS: Final = frozenset(
    {keys.LLM_COST, "cost_usd", "langfuse.observation.cost_details"}
    | {"langwatch.metrics"}
    | {
        key
        for row in table
        if isinstance(row.costs, CostKeys)
        for names in row.costs
        for key in names
    }
)


def _stated_cost(attributes: Attributes, rows: Iterable[Convention]) -> Cost | None:
    if _COST_KEYS.isdisjoint(attributes):
        return None
    for row in rows:
        if isinstance(row.costs, CostKeys):
            found = cost(*(_amount(attributes, names) for names in row.costs))
        else:
            found = row.costs(attributes)
        if found is not None:
            return found
    return None


def _amount(attributes: Attributes, names: Iterable[str]) -> float | None:
    for name in names:
        if name in attributes:
            found = amount(attributes[name])
            if found is not None:
                return found
    return None


def _count(attributes: Attributes, names: Iterable[str]) -> int | None:
    for name in names:
        if name in attributes:
            count = token_count(attributes[name])
            if count is not None:
                return count
    return None


def _named(attributes: Attributes, cells: Iterable[Cell]) -> str | None:
    for cell in cells:
        for source in cell:
            if not isinstance(source, str):
                value = source(attributes)
            elif source in attributes:
                value = attributes[source]
            else:
                continue
            text = _text(value)
            if text is not None:
                return text
    return None


def _text(value: Any) -> str | None:
    """Return a name without the JSON quotes that some senders write around it."""
    if isinstance(value, str) and value.startswith('"'):
        value = decoded(value)
    return value if isinstance(value, str) and value else None


def _model_in(value: Any, text: str | None) -> str | None:
    """Return the ``model`` that inputs or outputs name."""
    if value is NOT_JSON and text is not None and '"model"' in text:
        value = loads(text)
    return _text(value.get("model")) if isinstance(value, dict) else None
