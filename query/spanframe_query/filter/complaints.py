"""What the parser says when a text does not fit the grammar.

Each function stands for one place in the grammar, looks at the token found there, and
raises the `FilterError` that says what was expected and what to write instead.
"""

from typing import Final, NoReturn

from spanframe_query.filter.errors import fail, shown
from spanframe_query.filter.nodes import Key, quoted
from spanframe_query.filter.tokens import Token

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

_COMPARATORS: Final = (
    "Write one of = != < <= > >= LIKE ILIKE RLIKE IN (…) NOT IN (…) IS NULL IS NOT NULL"
)
_ONLY_AND: Final = (
    "AND is the only connective. For several values of one field write IN ('a', 'b'); "
    "otherwise run one search for each side"
)
_INSTEAD: Final = {
    "==": "Write =",
    "<>": "Write !=",
    "=~": "Write RLIKE",
    "~": "Write RLIKE",
    "!~": "Regular expressions are compared by RLIKE, and no clause can be negated",
    "BETWEEN": "Write two clauses: timestamp_ms >= 1 AND timestamp_ms <= 2",
    "CONTAINS": "Write LIKE with % on both sides: name LIKE '%text%'",
    "MATCHES": "Write RLIKE",
    "REGEXP": "Write RLIKE",
}


def no_field(source: str, token: Token) -> NoReturn:
    """A clause should start here."""
    word = token.text.upper()
    span = (token.start, token.end)
    if token.kind == "end":
        fail(
            "A clause is missing at the end",
            source,
            _last_word(source),
            "Leave out the last AND, or write a clause after it",
        )
    if token.kind == "path" and word == "AND":
        fail(
            "A clause is missing before AND",
            source,
            span,
            "Write one AND between two clauses",
        )
    if token.kind == "path" and word == "OR":
        fail("OR is not part of the filter language", source, span, _ONLY_AND)
    if token.kind == "path" and word == "NOT":
        fail(
            "NOT is not part of the filter language",
            source,
            span,
            "Write != or NOT IN (…): status != 'OK'",
        )
    if token.kind in {"text", "number"}:
        fail(
            "A field is expected here, not a value",
            source,
            span,
            "Write the field first: status = 'OK'",
        )
    if token.kind == "open":
        fail(
            "Parentheses are not part of the filter language",
            source,
            span,
            "AND is the only connective, so leave out the parentheses around clauses",
        )
    _anywhere(source, token)
    fail(
        "A field is expected here",
        source,
        span,
        "Write, for example, status = 'OK' or tags.env = 'prod'",
    )


def no_connective(source: str, token: Token) -> NoReturn:
    """A clause has ended, and neither AND nor the end follows."""
    word = token.text.upper()
    span = (token.start, token.end)
    if token.kind == "path" and word == "OR":
        fail("OR is not part of the filter language", source, span, _ONLY_AND)
    if token.kind == "comma":
        fail("A comma does not join clauses", source, span, "Write AND")
    if token.kind == "path" and word in {"LIMIT", "ORDER", "OFFSET", "GROUP"}:
        fail(
            f"{word} is not part of the filter language",
            source,
            span,
            "Use the arguments max_results and order_by",
        )
    _anywhere(source, token)
    fail(
        "AND is expected here",
        source,
        span,
        "Join clauses with AND; nothing else may follow a clause",
    )


def no_key(source: str, dot: Token, token: Token) -> NoReturn:
    """A dot has no key after it."""
    _anywhere(source, token)
    if token.kind == "other" and token.start == dot.end:
        whole = shown(_glued(source, token.start))
        fail(
            "This key is not in backticks",
            source,
            (token.start, token.end),
            f"Write {quoted(whole, '`')} after the dot",
        )
    fail(
        "The key after the dot is missing",
        source,
        (dot.start, dot.end),
        "Write, for example, tags.env, or tags.`any text`",
    )


def space_at_dot(source: str, dot: Token) -> NoReturn:
    """A dot stands apart from what it joins."""
    fail(
        "No space is allowed around the dot",
        source,
        (dot.start, dot.end),
        "Write prefix and key in one word: tags.env",
    )


def no_comparator(source: str, key: Key, token: Token) -> NoReturn:
    """A key has no comparator after it."""
    word = token.text.upper()
    field = shown(source[key.span.start : key.span.end])
    if token.kind == "end":
        fail(
            f"A comparator is missing after {field}",
            source,
            key.span,
            f"{_COMPARATORS}, then a value",
        )
    span = (token.start, token.end)
    if token.kind in {"path", "comparator"} and word in _INSTEAD:
        fail(f"No such comparator: {word}", source, span, _INSTEAD[word])
    rest = _glued(source, key.span.end)
    if rest and token.kind not in {"open", "close", "comma"}:
        scope = "" if key.scope is None else f"{shown(key.scope)}."
        whole = quoted(shown(key.name + rest), "`")
        fail(
            "This character ends a key that is not in backticks",
            source,
            span,
            f"Write the whole key in backticks: {scope}{whole}",
        )
    _anywhere(source, token)
    fail(f"A comparator is expected after {field}", source, span, _COMPARATORS)


def no_value(source: str, token: Token, before: Token) -> NoReturn:
    """A comparator, an opening parenthesis or a comma has no value after it."""
    span = (token.start, token.end)
    if token.kind == "end":
        fail(
            f"A value is missing after {shown(before.text)}",
            source,
            (before.start, before.end),
            "Write a text in quotes or a number",
        )
    if token.kind == "path" and token.text.upper() == "NULL":
        fail("NULL is not a value", source, span, "Write IS NULL or IS NOT NULL")
    if token.kind == "path":
        fail(
            f"{shown(token.text)} is not quoted",
            source,
            span,
            f"Write a text in quotes: {quoted(shown(token.text))}",
        )
    if token.kind == "backticked":
        fail(
            "Backticks are for keys, not for values",
            source,
            span,
            f"Write a text in quotes: {quoted(shown(token.text[1:-1]))}",
        )
    if token.kind == "malformed number":
        fail(
            f"Not a number: {shown(token.text)}",
            source,
            span,
            "Write numbers as 5, -5, 0.5 or 1.7e12, and a text in quotes",
        )
    if token.kind == "comparator":
        fail(
            f"Two comparators: {shown(before.text)} and {token.text}",
            source,
            span,
            _INSTEAD.get(before.text + token.text, "Write only one"),
        )
    _anywhere(source, token)
    fail("A value is expected here", source, span, "Write a text in quotes or a number")


def no_null(source: str, token: Token) -> NoReturn:
    """IS is followed by something else than NULL."""
    fail(
        "IS compares with NULL only",
        source,
        _visible(source, token),
        "Write IS NULL, IS NOT NULL, or = and a value",
    )


def stray_not(source: str, negation: Token, token: Token) -> NoReturn:
    """NOT stands between a key and something else than IN."""
    span = (negation.start, max(token.end, negation.end))
    fail(
        "NOT is followed by IN only",
        source,
        span,
        "Write NOT IN (…), != or IS NOT NULL; a pattern cannot be negated",
    )


def no_list(source: str, token: Token) -> NoReturn:
    """IN has no opening parenthesis after it."""
    fail(
        "IN needs a list in parentheses",
        source,
        _visible(source, token),
        "Write IN ('OK') or IN ('OK', 'ERROR')",
    )


def empty_list(source: str, opening: Token, closing: Token) -> NoReturn:
    """A list has no values."""
    fail(
        "The list is empty",
        source,
        (opening.start, closing.end),
        "Write at least one value: IN ('OK')",
    )


def unfinished_list(source: str, opening: Token, token: Token) -> NoReturn:
    """A value in a list is followed by neither a comma nor the end of the list."""
    if token.kind == "end":
        fail(
            "The list is never closed",
            source,
            (opening.start, token.end),
            "Write ) after the last value",
        )
    _anywhere(source, token)
    fail(
        "A comma is expected here",
        source,
        (token.start, token.end),
        "Write commas between the values and ) after the last",
    )


def too_many(source: str, token: Token, limit: str) -> NoReturn:
    """A filter is larger than one statement may be."""
    fail(
        f"More than {limit}",
        source,
        (token.start, token.end),
        "Use IN (…) for several values of one field, or run several searches",
    )


def _anywhere(source: str, token: Token) -> None:
    """Raise for what is wrong in any place."""
    span = (token.start, token.end)
    if token.kind == "unclosed quote":
        fail(
            "This quote is never closed",
            source,
            span,
            f"Write {token.text[0]} at the end of the text too; inside it is doubled",
        )
    if token.kind == "comment":
        fail(
            "Comments are not part of the filter language", source, span, "Leave it out"
        )
    if token.kind == "connective":
        fail(
            f"{token.text} is not part of the filter language",
            source,
            span,
            "Write AND" if token.text == "&&" else _ONLY_AND,
        )
    if token.text == ";":
        fail(
            "A filter is one expression",
            source,
            span,
            "Leave out ; and join clauses with AND",
        )


def _glued(source: str, start: int) -> str:
    """Return what stands at ``start`` up to the next space or comparator."""
    end = start
    while end < len(source) and not (source[end].isspace() or source[end] in "=!<>'\""):
        end += 1
    return source[start:end]


def _last_word(source: str) -> tuple[int, int]:
    end = len(source.rstrip())
    return max(source.rfind(" ", 0, end), source.rfind("\n", 0, end)) + 1, end


def _visible(source: str, token: Token) -> tuple[int, int]:
    """Return where a token stands, or what stands before it at the end."""
    return _last_word(source) if token.kind == "end" else (token.start, token.end)
