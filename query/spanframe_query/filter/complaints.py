"""The errors of the parser for text that does not fit the grammar.

Each function is for one place in the grammar. It looks at the token found there and
raises the `FilterError` that says what is expected and what to write instead. Tables
hold the errors for known kinds and words: token → (what is wrong, what to write).
"""

from collections.abc import Mapping
from typing import Final, NoReturn

from spanframe_query.filter.errors import fail, shown
from spanframe_query.filter.nodes import Key
from spanframe_query.filter.tokens import Token
from spanframe_store.contract.filter import quoted

__all__ = [
    "empty_list",
    "no_comparator",
    "no_connective",
    "no_field",
    "no_key",
    "no_list",
    "no_null",
    "no_value",
    "space_at_dot",
    "stray_not",
    "too_many",
    "unfinished_list",
]

_Table = Mapping[str, tuple[str, str]]

_ONLY_AND: Final = (
    "AND is the only connective. For several values of one field write IN ('a', 'b'); "
    "otherwise run one search for each side"
)
_NO_OR: Final = ("OR is not part of the filter language", _ONLY_AND)
_COMPARATORS: Final = (
    "Write one of = != < <= > >= LIKE ILIKE RLIKE IN (…) NOT IN (…) IS NULL IS NOT NULL"
)
_ANYWHERE: Final[_Table] = {
    "unclosed quote": (
        "This quote is never closed",
        "Write the same quote at the end of the text; a quote inside it is doubled",
    ),
    "comment": ("Comments are not part of the filter language", "Leave it out"),
    ";": ("A filter is one expression", "Leave out ; and join clauses with AND"),
    "&&": ("&& is not part of the filter language", "Write AND"),
    "||": ("|| is not part of the filter language", _ONLY_AND),
}
_INSTEAD_OF_FIELD: Final[_Table] = {
    "AND": ("A clause is missing before AND", "Write one AND between two clauses"),
    "OR": _NO_OR,
    "NOT": (
        "NOT is not part of the filter language",
        "Write != or NOT IN (…): status != 'OK'",
    ),
    "text": (
        "A field is expected here, not a value",
        "Write the field first: status = 'OK'",
    ),
    "number": (
        "A field is expected here, not a value",
        "Write the field first: status = 'OK'",
    ),
    "open": (
        "Parentheses are not part of the filter language",
        "AND is the only connective, so leave out the parentheses around clauses",
    ),
}
_INSTEAD_OF_CONNECTIVE: Final[_Table] = {
    "OR": _NO_OR,
    "comma": ("A comma does not join clauses", "Write AND"),
    **{
        word: (
            f"{word} is not part of the filter language",
            "Use the arguments max_results and order_by",
        )
        for word in ("LIMIT", "OFFSET", "ORDER", "GROUP")
    },
}
_INSTEAD_OF_COMPARATOR: Final[_Table] = {
    written: (f"No such comparator: {written}", hint)
    for written, hint in {
        "==": "Write =",
        "<>": "Write !=",
        "=~": "Write RLIKE",
        "~": "Write RLIKE",
        "!~": "Write RLIKE for what is found; a pattern cannot be negated",
        "MATCHES": "Write RLIKE",
        "REGEXP": "Write RLIKE",
        "CONTAINS": "Write LIKE with % on both sides: name LIKE '%text%'",
        "BETWEEN": "Write two clauses: timestamp_ms >= 1 AND timestamp_ms <= 2",
    }.items()
}


def no_field(source: str, token: Token) -> NoReturn:
    """Raise for a token where a clause should start."""
    if token.kind == "end":
        hint = "Leave out the last AND, or write a clause after it"
        fail("A clause is missing at the end", source, _last_word(source), hint)
    _refuse_known(source, token, _INSTEAD_OF_FIELD)
    hint = "Write, for example, status = 'OK' or tags.env = 'prod'"
    fail("A field is expected here", source, _place(token), hint)


def no_connective(source: str, token: Token) -> NoReturn:
    """Raise for a clause that neither AND nor the end follows."""
    _refuse_known(source, token, _INSTEAD_OF_CONNECTIVE)
    hint = "Join clauses with AND; nothing else may follow a clause"
    fail("AND is expected here", source, _place(token), hint)


def no_key(source: str, dot: Token, token: Token) -> NoReturn:
    """Raise for a dot without a key after it."""
    _refuse_known(source, token)
    if token.kind == "other" and token.start == dot.end:
        whole = quoted(shown(_glued(source, token.start)), "`")
        title = "This key is not in backticks"
        fail(title, source, _place(token), f"Write {whole} after the dot")
    hint = "Write, for example, tags.env, or tags.`any text`"
    fail("The key after the dot is missing", source, _place(dot), hint)


def space_at_dot(source: str, dot: Token) -> NoReturn:
    """Raise for space around a dot."""
    hint = "Write prefix and key in one word: tags.env"
    fail("No space is allowed around the dot", source, _place(dot), hint)


def no_comparator(source: str, key: Key, token: Token) -> NoReturn:
    """Raise for a key without a comparator after it."""
    field = shown(source[key.place.start : key.place.end])
    if token.kind == "end":
        title = f"A comparator is missing after {field}"
        fail(title, source, key.place, f"{_COMPARATORS}, then a value")
    _refuse_known(source, token, _INSTEAD_OF_COMPARATOR)
    rest = _glued(source, key.place.end)
    if rest and token.kind not in {"open", "close", "comma"}:
        scope = "" if key.scope is None else f"{shown(key.scope)}."
        whole = quoted(shown(key.name + rest), "`")
        title = "This character ends a key that is not in backticks"
        hint = f"Write the whole key in backticks: {scope}{whole}"
        fail(title, source, _place(token), hint)
    title = f"A comparator is expected after {field}"
    fail(title, source, _place(token), _COMPARATORS)


def no_value(source: str, token: Token, before: Token) -> NoReturn:
    """Raise for a comparator, parenthesis or comma without a value after it."""
    text, hint = shown(token.text), "Write a text in quotes or a number"
    _refuse_known(source, token)
    match token.kind:
        case "end":
            title = f"A value is missing after {shown(before.text)}"
            fail(title, source, _place(before), hint)
        case "path" if token.text.upper() == "NULL":
            title, hint = "NULL is not a value", "Write IS NULL or IS NOT NULL"
        case "path":
            title, hint = f"{text} is not quoted", f"Write it in quotes: {quoted(text)}"
        case "backticked":
            title = "Backticks are for keys, not for values"
            hint = f"Write a text in quotes: {quoted(shown(token.text[1:-1]))}"
        case "malformed number":
            title = f"Not a number: {text}"
            hint = "Write numbers as 5, -5, 0.5 or 1.7e12, and a text in quotes"
        case "comparator":
            title = f"Two comparators: {shown(before.text)} and {text}"
            hint = "Write only one"
        case _:
            title = "A value is expected here"
    fail(title, source, _place(token), hint)


def no_null(source: str, token: Token) -> NoReturn:
    """Raise for IS without NULL after it."""
    hint = "Write IS NULL, IS NOT NULL, or = and a value"
    fail("IS compares with NULL only", source, _visible(source, token), hint)


def stray_not(source: str, negation: Token, token: Token) -> NoReturn:
    """Raise for NOT without IN after it."""
    place = (negation.start, max(token.end, negation.end))
    hint = "Write NOT IN (…), != or IS NOT NULL; a pattern cannot be negated"
    fail("NOT is followed by IN only", source, place, hint)


def no_list(source: str, token: Token) -> NoReturn:
    """Raise for IN without an opening parenthesis after it."""
    hint = "Write IN ('OK') or IN ('OK', 'ERROR')"
    fail("IN needs a list in parentheses", source, _visible(source, token), hint)


def empty_list(source: str, opening: Token, closing: Token) -> NoReturn:
    """Raise for a list without values."""
    hint = "Write at least one value: IN ('OK')"
    fail("The list is empty", source, (opening.start, closing.end), hint)


def unfinished_list(source: str, opening: Token, token: Token) -> NoReturn:
    """Raise for a value in a list without a comma or the end of the list after it."""
    _refuse_known(source, token)
    if token.kind == "end":
        hint = "Write ) after the last value"
        fail("The list is never closed", source, (opening.start, token.end), hint)
    hint = "Write commas between the values and ) after the last"
    fail("A comma is expected here", source, _place(token), hint)


def too_many(source: str, token: Token, limit: str) -> NoReturn:
    """Raise for a filter that is too large for one statement."""
    hint = "Use IN (…) for several values of one field, or run several searches"
    fail(f"More than {limit}", source, _place(token), hint)


def _refuse_known(source: str, token: Token, *tables: _Table) -> None:
    """Raise for a token that one of the tables has."""
    for table in (*tables, _ANYWHERE):
        # Kinds are in lower case, so no word or sign in capitals is a kind.
        for name in (token.kind, token.text.upper()):
            if name in table:
                title, hint = table[name]
                fail(title, source, _place(token), hint)


def _glued(source: str, start: int) -> str:
    """Return the text from ``start`` to the next space or comparator."""
    end = start
    while end < len(source) and not (source[end].isspace() or source[end] in "=!<>'\""):
        end += 1
    return source[start:end]


def _place(token: Token) -> tuple[int, int]:
    return token.start, token.end


def _visible(source: str, token: Token) -> tuple[int, int]:
    """Return the place of a token; at the end, the place of the last word."""
    return _last_word(source) if token.kind == "end" else _place(token)


def _last_word(source: str) -> tuple[int, int]:
    end = len(source.rstrip())
    return max(source.rfind(" ", 0, end), source.rfind("\n", 0, end)) + 1, end
