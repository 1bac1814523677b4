"""Random stores, and random filters in random spellings of what they mean."""

import re
from collections.abc import Callable
from fractions import Fraction
from typing import Any, Final, NamedTuple

from hypothesis import strategies as st

from spanframe_query.filter import parse_filter
from spanframe_store.contract.filter import And, Node, Not, Or, SomeSpan
from tests.plugins.records import SpanRecord, TraceRecord
from tests.plugins.reference import Clause, Joined

# No line break: RE2 and Python end a text differently at one. No U+0000: no SQL text
# holds it.
_CHARACTERS = st.characters(
    codec="utf-8", exclude_categories=["Cs"], exclude_characters="\0\n\r"
)
_WORDS = """a A ab aB a%b a_b a*b a?b [a] ] é É a'b a"b '' \\ a\\% % _ * 5 05 日本 🎉"""
_LONG = ["x" * 255, "x" * 256, "x" * 257, "x" * 256 + "y"]
TEXTS = st.one_of(
    st.sampled_from(["", "\u0131", *_WORDS.split(), *_LONG]),
    st.text(_CHARACTERS, max_size=4),
)
_NAMES = """env x.y a'b a"b ` $.env $[0] % name in timestamp Env é __class__"""
_KEYS = st.one_of(
    st.sampled_from(["a b", *_NAMES.split()]),
    st.text(_CHARACTERS, min_size=1, max_size=3),
)
_COMPUTED = {
    "tags": st.sampled_from(
        ["mlflow.traceName", "mlflow.artifactLocation", "mlflow.trace.spansLocation"]
    ),
    "metadata": st.sampled_from(
        ["mlflow.traceInputs", "mlflow.trace_schema.version", "mlflow.trace.sizeBytes"]
    ),
}
_STATUSES = st.sampled_from(["OK", "ERROR", "IN_PROGRESS"])
_TIMES = st.integers(0, 6)
_ATTRIBUTES = st.one_of(
    TEXTS,
    st.booleans(),
    st.integers(-3, 3),
    st.integers(-(2**63), 2**63 - 1),
    st.sampled_from([0.5, -0.0, 1.0, 2.5, 1e300, float("inf"), float("nan")]),
    st.sampled_from(
        ['"a"', '{"a": 1}', "[1, 2]", "5", "2.5", "1e3", "-0", '"5"', '{"']
    ),
)
_EXCEPTION_KEYS = ["exception.type", "exception.message"]
_FEW_KEYS = st.sampled_from(
    ["k", "x.y", "a b", "'", "mlflow.spanInputs", *_EXCEPTION_KEYS]
)

SPANS = st.builds(
    SpanRecord,
    name=st.sampled_from(["s", "S", "step one"]),
    type=st.sampled_from(["LLM", "TOOL", "UNKNOWN"]),
    status=st.sampled_from(["OK", "ERROR", "UNSET"]),
    attributes=st.dictionaries(_FEW_KEYS, _ATTRIBUTES, max_size=3),
    exceptions=st.lists(
        st.tuples(st.sampled_from(["ValueError", "KeyError"]), TEXTS), max_size=2
    ).map(tuple),
)


@st.composite
def stores(draw: st.DrawFn) -> list[TraceRecord]:
    """Draw the traces of a store, which share few keys and values."""
    values = st.sampled_from(draw(st.lists(TEXTS, min_size=1, max_size=5)))
    keys = st.sampled_from(draw(st.lists(_KEYS, min_size=1, max_size=4)))
    entries = st.dictionaries(keys, values, max_size=3)
    runs = st.dictionaries(st.just("mlflow.sourceRun"), values, max_size=1)
    metadata = st.builds(lambda a, b: a | b, entries, runs)
    return [
        draw(
            st.builds(
                TraceRecord,
                number=st.just(number),
                timestamp_ms=_TIMES,
                execution_time_ms=st.none() | _TIMES,
                status=_STATUSES,
                name=st.none() | values,
                client_request_id=st.none() | values,
                experiment_id=st.integers(0, 2),
                trace_inputs=st.none() | values,
                tags=entries,
                metadata=metadata,
                spans=st.lists(SPANS, max_size=3).map(tuple),
            )
        )
        for number in range(1, draw(st.integers(1, 8)) + 1)
    ]


def _known(records: list[TraceRecord], field: str, key: str) -> set[str]:
    """Return texts a store holds for a field, so that filters find something."""
    known: set[Any] = set()
    for record in records:
        known |= {record.name, record.status, record.request_id, record.trace_inputs}
        known |= {record.client_request_id, *record.tags.values()}
        known |= set(record.metadata.values())
        if field.startswith("span."):
            for span in record.spans:
                known |= {span.name, span.type, span.status}
                known.add(span.attributes.get(key))
                known |= {text for event in span.events for text in event.values()}
    return {value for value in known if isinstance(value, str)}


@st.composite
def patterns(draw: st.DrawFn, texts: st.SearchStrategy[str]) -> str:
    """Draw a text with some characters turned into wildcards."""
    return "".join(
        draw(st.sampled_from([c, c, c.swapcase(), "%", "_", ""]))
        for c in draw(texts)[:20]
    ) + draw(st.sampled_from(["", "", "%"]))


_EXPRESSIONS = st.sampled_from(
    [
        "^a",
        "b$",
        "(?i)A",
        "a.b",
        "[a-c]+",
        ".",
        r"\\",
        "é|日",
        "^$",
        "x{200}",
        r"\d",
        "%",
    ]
)
_EQUALITY = ["=", "!=", "IN", "NOT IN"]
_ORDERING = ["<", "<=", ">", ">="]
_PATTERNS = ["LIKE", "ILIKE", "RLIKE"]
_NULL = ["IS NULL", "IS NOT NULL"]
_TEXT_FIELDS = "status request_id client_request_id span.name span.type span.status"
_ENTRY_FIELDS = "name run_id tags metadata"
_COMPARATORS = (
    dict.fromkeys(_TEXT_FIELDS.split(), _EQUALITY + _PATTERNS)
    | dict.fromkeys(
        ("name", "run_id", "tags", "metadata"), _EQUALITY + _PATTERNS + _NULL
    )
    | {
        field: ["=", "!=", *_ORDERING]
        for field in ("timestamp_ms", "execution_time_ms", "end_time_ms")
    }
    | {
        "span.attributes": _EQUALITY + _ORDERING + _PATTERNS,
        "span.content": ["LIKE", "ILIKE"],
    }
)
_NUMBERS = ["0", "3", "-1", "2.5", "3.0", "5.", ".5", "1e30", "-1e400", "1e-400"]
_NUMBERS += ["9223372036854775807", "9223372036854775808", "-9223372036854775809"]


@st.composite
def clauses(
    draw: st.DrawFn, records: list[TraceRecord], *, of_spans: bool | None = None
) -> Clause:
    """Draw a clause about a store; of spans, of traces, or (None) of either."""
    fields = [
        field
        for field in sorted(_COMPARATORS)
        if of_spans in {None, field.startswith("span.")}
    ]
    field = draw(st.sampled_from(fields))
    comparator = draw(st.sampled_from(_COMPARATORS[field]))
    key = draw(_key(records, field))
    texts = st.sampled_from(sorted(_known(records, field, key))) | TEXTS
    numbers = st.sampled_from(_NUMBERS).map(Fraction)
    value: Any = None
    if comparator in _NULL:
        value = None
    elif comparator == "RLIKE":
        value = draw(_EXPRESSIONS)
    elif comparator in _PATTERNS:
        value = draw(patterns(texts))
    elif field.endswith("_ms") or comparator in _ORDERING:
        value = draw(numbers)
    else:
        values = texts | numbers if field == "span.attributes" else texts
        several = comparator in {"IN", "NOT IN"}
        value = tuple(draw(st.lists(values, min_size=1, max_size=3)))
        value = value if several else value[0]
    return Clause(field, key, comparator, value)


class Tree(NamedTuple):
    """A tree, as the oracle reads it and as stores do."""

    meant: Clause | Joined
    node: Node


_JOINED: Final[dict[str, Callable[[tuple[Node, ...]], Node]]] = {"and": And, "or": Or}


@st.composite
def trees(
    draw: st.DrawFn,
    records: list[TraceRecord],
    *,
    depth: int = 3,
    of_spans: bool = False,
) -> Tree:
    """Draw a tree of clauses: AND, OR, NOT, and groups of spans."""
    kinds = ["clause", *([] if of_spans else ["span"])]
    if depth:
        kinds += ["and", "or", "not"]
    by = draw(st.sampled_from(kinds))
    if by == "clause":
        clause = draw(clauses(records, of_spans=of_spans))
        [condition] = parse_filter(draw(spelled([clause]))).leaves()
        return Tree(clause, condition)
    deeper = trees(records, depth=max(0, depth - 1), of_spans=of_spans or by == "span")
    if by in {"not", "span"}:
        part = draw(deeper)
        node = Not(part.node) if by == "not" else SomeSpan(part.node)
        return Tree(Joined(by, (part.meant,)), node)
    parts = draw(st.lists(deeper, min_size=0 if depth < 3 else 1, max_size=3))
    joined = _JOINED[by](tuple(part.node for part in parts))
    return Tree(Joined(by, tuple(part.meant for part in parts)), joined)


def _key(records: list[TraceRecord], field: str) -> st.SearchStrategy[str]:
    if field == "span.attributes":
        return _FEW_KEYS
    if field not in _COMPUTED:
        return st.just("")
    held = sorted({key for record in records for key in getattr(record, field)})
    known = st.sampled_from(held) if held else _KEYS
    return st.one_of(known, known, _KEYS, _COMPUTED[field])


# --- spellings ----------------------------------------------------------------------

_ALIASES = {
    "timestamp_ms": ["timestamp_ms", "timestamp", "request_time"],
    "execution_time_ms": ["execution_time_ms", "execution_time", "latency"],
    "end_time_ms": ["end_time_ms", "end_time"],
    "status": ["status", "state"],
    "request_id": ["request_id", "trace_id"],
    "span.content": ["span.content", "trace.text", "text"],
}
_PREFIXES = {
    "tags": ["tags", "tag", "`tags`"],
    "metadata": ["metadata", "request_metadata"],
    "span.attributes": ["span.attributes"],
}


@st.composite
def spelled(draw: st.DrawFn, meant: list[Clause]) -> str:
    """Draw a filter text that means these clauses."""
    space = st.sampled_from([" ", " ", "  ", "\n", "\t"])
    keyword = st.sampled_from([str.upper, str.lower, str.title])
    parts = []
    for clause in meant:
        field = draw(_spelled_field(clause))
        comparator = draw(keyword)(clause.comparator).replace(" ", draw(space))
        gap = "" if clause.comparator in {*_ORDERING, "=", "!="} else draw(space)
        part = f"{field}{gap}{comparator}{gap}"
        if isinstance(clause.value, tuple):
            values = [draw(_spelled_value(clause, value)) for value in clause.value]
            part += f"({draw(st.sampled_from([',', ', ', ' ,'])).join(values)}"
            part += draw(st.sampled_from([")", ",)", " )"]))
        elif clause.value is not None:
            part += draw(_spelled_value(clause, clause.value))
        parts.append(part)
    return f"{draw(space)}{draw(keyword)('AND')}{draw(space)}".join(parts)


@st.composite
def _spelled_field(draw: st.DrawFn, clause: Clause) -> str:
    if clause.field in _PREFIXES:
        prefix = draw(st.sampled_from(_PREFIXES[clause.field]))
        if prefix == "span.attributes" and clause.key in _EXCEPTION_KEYS:
            prefix = draw(st.sampled_from([prefix, "span"]))
        return f"{prefix}.{draw(_spelled_key(clause.key))}"
    name = draw(st.sampled_from(_ALIASES.get(clause.field, [clause.field])))
    if "." in name:
        return name
    return draw(st.sampled_from(["", "attributes.", "attribute.", "trace."])) + name


@st.composite
def _spelled_key(draw: st.DrawFn, key: str) -> str:
    if (
        re.fullmatch(r"\w+(\.\w+)*", key)
        and not key[0].isnumeric()
        and draw(st.booleans())
    ):
        return key
    return _quoted(key, draw(st.sampled_from("`'\"")))


@st.composite
def _spelled_value(draw: st.DrawFn, clause: Clause, value: str | Fraction) -> str:
    if isinstance(value, str):
        return _quoted(value, draw(st.sampled_from("'\"")))
    number = next(text for text in _NUMBERS if Fraction(text) == value)
    if clause.field == "span.attributes" and clause.comparator not in _ORDERING:
        return number
    return draw(st.sampled_from([number, number, f"'{number}'"]))


def _quoted(text: str, quote: str) -> str:
    return quote + text.replace(quote, quote * 2) + quote
