"""What a filter and an order mean, in plain Python over plain values: the oracle.

It shares no code with the stores. A clause is (field, comparator, value), where a field
is a pair of a name and a key; a tree joins clauses.
"""

import json
import math
import re
from collections.abc import Callable, Iterable, Sequence
from fractions import Fraction
from functools import cmp_to_key
from typing import Any, NamedTuple

from tests.plugins.records import SpanRecord, TraceRecord

Number = int | Fraction


class Clause(NamedTuple):
    """One clause: ``field`` is a name such as ``tags`` or ``span.type``."""

    field: str
    key: str
    comparator: str
    value: Any


def matches(record: TraceRecord, clauses: Iterable[Clause]) -> bool:
    """Tell whether a trace fulfils every clause, all span clauses on one span."""
    of_spans = [clause for clause in clauses if clause.field.startswith("span.")]
    of_trace = [clause for clause in clauses if not clause.field.startswith("span.")]
    return all(
        _holds(_trace_value(record, clause), clause) for clause in of_trace
    ) and (
        not of_spans
        or any(
            all(_span_holds(span, clause) for clause in of_spans)
            for span in record.spans
        )
    )


class Joined(NamedTuple):
    """Trees under ``and``, ``or`` or ``not``, or under ``span``: on one span."""

    by: str
    parts: tuple["Clause | Joined", ...]


def fulfils(record: TraceRecord, tree: Clause | Joined) -> bool:
    """Tell whether a trace fulfils a tree of clauses; an absent field fulfils none."""
    if isinstance(tree, Clause):
        return _holds(_trace_value(record, tree), tree)
    if tree.by == "span":
        [part] = tree.parts
        return any(_span_fulfils(span, part) for span in record.spans)
    return _join(tree.by, [fulfils(record, part) for part in tree.parts])


def _span_fulfils(span: SpanRecord, tree: Clause | Joined) -> bool:
    if isinstance(tree, Clause):
        return _span_holds(span, tree)
    return _join(tree.by, [_span_fulfils(span, part) for part in tree.parts])


def _join(by: str, truths: Sequence[bool]) -> bool:
    match by:
        case "and":
            return all(truths)
        case "or":
            return any(truths)
        case _:
            [truth] = truths
            return not truth


def in_order(
    records: Iterable[TraceRecord], terms: Sequence[tuple[str, str, bool]]
) -> list[TraceRecord]:
    """Sort traces by (field, key, descending) terms, absent values last."""

    def compare(left: TraceRecord, right: TraceRecord) -> int:
        for field, key, descending in terms:
            clause = Clause(field, key, "", None)
            a, b = _trace_value(left, clause), _trace_value(right, clause)
            if a is None or b is None:
                if (a is None) != (b is None):
                    return 1 if a is None else -1
                continue
            x: Any = a.encode() if isinstance(a, str) else a
            y: Any = b.encode() if isinstance(b, str) else b
            if x != y:
                return -1 if (x < y) != descending else 1
        return 0

    return sorted(records, key=cmp_to_key(compare))


def _trace_value(  # noqa: C901, PLR0911  # one case for each kind of field
    record: TraceRecord, clause: Clause
) -> str | int | None:
    match clause.field, clause.key:
        case "end_time_ms", _:
            return record.timestamp_ms + (record.execution_time_ms or 0)
        case "tags", "mlflow.traceName":
            return record.name
        case "tags", "name":
            return record.tags.get("name", record.name)
        case "tags", "mlflow.artifactLocation":
            return f"spanframe:/traces/{record.request_id}"
        case "tags", "mlflow.trace.spansLocation":
            return "TRACKING_STORE"
        case "metadata", "mlflow.traceInputs":
            return record.trace_inputs
        case "metadata", "mlflow.trace_schema.version":
            return "3"
        case "metadata", "mlflow.trace.sizeBytes":
            return str(sum(len(span.body()) for span in record.spans))
        case "run_id", _:
            return record.metadata.get("mlflow.sourceRun")
        case ("tags" | "metadata") as entries, key:
            value: str | None = getattr(record, entries).get(key)
            return value
        case name, _:
            plain: str | int | None = getattr(record, name)
            return plain


def _holds(value: str | int | None, clause: Clause) -> bool:
    comparator, wanted = clause.comparator, clause.value
    if comparator == "IS NULL":
        return value is None
    if value is None:
        return False
    if comparator == "IS NOT NULL":
        return True
    if comparator in _PATTERNS:
        return _PATTERNS[comparator](str(value), wanted)
    return _COMPARED[comparator](value, wanted)


def _span_holds(span: SpanRecord, clause: Clause) -> bool:
    if clause.field == "span.content":
        return _PATTERNS[clause.comparator](_content(span), clause.value)
    if clause.field != "span.attributes":
        value: str = getattr(span, clause.field.removeprefix("span."))
        return _holds(value, clause)
    attributes = {**(span.events[-1] if span.events else {}), **span.attributes}
    if clause.key not in attributes:
        return False
    attribute = _decoded(attributes[clause.key])
    comparator, wanted = clause.comparator, clause.value
    if comparator in _PATTERNS:
        return _PATTERNS[comparator](_text(attribute), wanted)
    if comparator in {"=", "!=", "IN", "NOT IN"}:
        values = wanted if isinstance(wanted, tuple) else (wanted,)
        found = any(_same(attribute, value) for value in values)
        return found == (comparator in {"=", "IN"})
    number = _number(attribute)
    return number is not None and _COMPARED[comparator](number, wanted)


def _same(attribute: Any, value: str | Number) -> bool:
    if isinstance(value, str):
        return _text(attribute) == _text(_decoded(value))
    return _number(attribute) == value


def _decoded(value: Any) -> Any:
    if isinstance(value, str) and value[:1] in {'"', "{", "["}:
        try:
            return json.loads(value)
        except ValueError:
            return value
    return value


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _number(value: Any) -> Number | float | None:
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except ValueError:
            return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    if isinstance(value, float):
        if math.isnan(value):
            return None
        return value if math.isinf(value) else Fraction(value)
    return value


def _content(span: SpanRecord) -> str:
    attributes = {key: _decoded(value) for key, value in span.attributes.items()}
    return json.dumps(
        {
            "name": span.name,
            "status": {"code": "STATUS_CODE_UNSET", "message": ""},
            "attributes": attributes,
            "events": [
                {
                    "name": "exception",
                    "attributes": {key: _decoded(text) for key, text in event.items()},
                }
                for event in span.events
            ],
        },
        ensure_ascii=False,
    )


def _like(text: str, pattern: str) -> bool:
    wildcards = {"%": ".*", "_": "."}
    regex = "".join(wildcards.get(c, re.escape(c)) for c in pattern)
    return re.fullmatch(regex, text, re.DOTALL) is not None


def _folded(text: str) -> str:
    return "".join(c.lower() if c.isascii() else c for c in text)


_PATTERNS: dict[str, Callable[[str, str], bool]] = {
    "LIKE": _like,
    "ILIKE": lambda text, pattern: _like(_folded(text), _folded(pattern)),
    "RLIKE": lambda text, pattern: re.search(pattern, text) is not None,
}
_COMPARED: dict[str, Callable[[Any, Any], bool]] = {
    "=": lambda a, b: a == b,
    "!=": lambda a, b: a != b,
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
    "IN": lambda a, b: a in b,
    "NOT IN": lambda a, b: a not in b,
}
