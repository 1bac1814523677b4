"""Tokens → comparisons: the grammar, one method a rule, its EBNF in the docstring.

A filter is a conjunction. Another connective or a group would be one more rule between
`Parser.conjunction` and `Parser.clause`.
"""

from typing import Final

from spanframe_query.filter import complaints
from spanframe_query.filter.errors import fail
from spanframe_query.filter.nodes import Comparison, Key, Literal
from spanframe_query.filter.tokens import Token, tokenize
from spanframe_store.contract.filter import Comparator, SourceRange

__all__ = ["Parser", "parse"]

# SQLite allows more in one statement: an AND of 1 000 parts, and 32 766 bound values.
MAX_CLAUSES: Final = 100
"""Maximum clauses of a filter."""

MAX_VALUES: Final = 10_000
"""Maximum values of a filter, those of lists included."""

_NAMES: Final = {"path", "backticked", "text"}
_ONE_WORD: Final = {"LIKE", "ILIKE", "RLIKE", "IN"}
_SYMBOLS: Final = {"=", "!=", "<", "<=", ">", ">="}


def parse(source: str) -> tuple[Comparison, ...]:
    """Read a filter.

    Raises:
        FilterError: when the text does not fit the grammar.
    """
    return Parser(source).conjunction()


class Parser:
    """A recursive-descent parser over the tokens of one text."""

    def __init__(self, source: str) -> None:
        self.source = source
        self._tokens = tokenize(source)
        self._position = 0
        self._value_count = 0

    @property
    def token(self) -> Token:
        """The next token."""
        return self._tokens[self._position]

    @property
    def previous(self) -> Token:
        """The token before the next one."""
        return self._tokens[self._position - 1]

    def conjunction(self) -> tuple[Comparison, ...]:
        """Read a whole filter.

        ``conjunction = [ clause { "AND" clause } ] ;``
        """
        if self.token.kind == "end":
            return ()
        clauses = [self.clause()]
        while self.token.kind != "end":
            if not self.take_word("AND"):
                complaints.no_connective(self.source, self.token)
            if len(clauses) == MAX_CLAUSES:
                complaints.too_many(self.source, self.token, f"{MAX_CLAUSES} clauses")
            clauses.append(self.clause())
        return tuple(clauses)

    def clause(self) -> Comparison:
        """Read one clause.

        ``clause = key ( comparator value | null_test | membership members ) ;``
        """
        self._refuse_no_clause()
        key = self.key()
        start = self.token.start
        comparator = self.comparator(key)
        place = SourceRange(start, self.previous.end)
        values: tuple[Literal, ...]
        if comparator in {Comparator.IN, Comparator.NOT_IN}:
            values = self.members()
        elif comparator in {Comparator.IS_NULL, Comparator.IS_NOT_NULL}:
            values = ()
        else:
            values = (self.value(),)
        return Comparison(key, comparator, place, values)

    def key(self) -> Key:
        """Read the field that is compared.

        ``key = segment { "." segment } ;``, without space around the dots;
        ``segment = word | "`" text "`" | "'" text "'" | '"' text '"' ;``
        """
        first = self.token
        segments = self._segment()
        while self.token.kind == "dot":
            if self.token.start != self.previous.end:
                complaints.space_at_dot(self.source, self.token)
            dot = self.take()
            if self.token.kind not in _NAMES:
                complaints.no_key(self.source, dot, self.token)
            if self.token.start != dot.end:
                complaints.space_at_dot(self.source, dot)
            segments += self._segment()
        place = SourceRange(first.start, self.previous.end)
        if len(segments) > 1:
            return Key(segments[0], ".".join(segments[1:]), place)
        if first.text[0] == "'":
            complaints.no_field(self.source, first)
        return Key(None, segments[0], place)

    def comparator(self, key: Key) -> Comparator:
        """Read the comparator after a key.

        ``comparator = "=" | "!=" | "<" | "<=" | ">" | ">=" | pattern ;``
        ``pattern = "LIKE" | "ILIKE" | "RLIKE" ;``
        ``null_test = "IS" [ "NOT" ] "NULL" ;``
        ``membership = [ "NOT" ] "IN" ;``
        """
        token = self.token
        word = self._word()
        if token.text in _SYMBOLS or word in _ONE_WORD:
            self.take()
            return Comparator(word or token.text)
        if self.take_word("IS"):
            negated = self.take_word("NOT")
            if not self.take_word("NULL"):
                complaints.no_null(self.source, self.token)
            return Comparator.IS_NOT_NULL if negated else Comparator.IS_NULL
        if self.take_word("NOT"):
            if not self.take_word("IN"):
                complaints.stray_not(self.source, token, self.token)
            return Comparator.NOT_IN
        return complaints.no_comparator(self.source, key, token)

    def members(self) -> tuple[Literal, ...]:
        """Read the list of IN.

        ``members = "(" value { "," value } [ "," ] ")" ;``
        """
        opening = self.token
        if opening.kind != "open":
            complaints.no_list(self.source, opening)
        self.take()
        if self.token.kind == "close":
            complaints.empty_list(self.source, opening, self.token)
        values = [self.value()]
        while self.token.kind == "comma":
            self.take()
            if self.token.kind == "close":
                break
            values.append(self.value())
        if self.token.kind != "close":
            complaints.unfinished_list(self.source, opening, self.token)
        self.take()
        return tuple(values)

    def value(self) -> Literal:
        """Read one value.

        ``value = "'" text "'" | '"' text '"' | number ;``; a doubled quote
        stands for one.
        """
        token = self.token
        if token.kind not in {"text", "number"}:
            complaints.no_value(self.source, token, self.previous)
        self.take()
        self._value_count += 1
        if self._value_count > MAX_VALUES:
            complaints.too_many(self.source, token, f"{MAX_VALUES} values")
        is_number = token.kind == "number"
        text = token.text if is_number else _unquoted(token.text)
        return Literal(text, is_number, SourceRange(token.start, token.end))

    def take(self) -> Token:
        """Consume the next token and return it."""
        token = self.token
        self._position += 1
        return token

    def take_word(self, word: str) -> bool:
        """Consume a keyword, in any case, if it is next; return whether it was."""
        found = self._word() == word
        self._position += found
        return found

    def refuse_rest(self, title: str, hint: str) -> None:
        """Raise if any text is left."""
        if self.token.kind != "end":
            place = (self.token.start, self._tokens[-1].end)
            fail(title, self.source, place, hint)

    def _segment(self) -> list[str]:
        token = self.take()
        if token.kind == "path":
            return token.text.split(".")
        return [_unquoted(token.text)]

    def _word(self) -> str:
        """Return the next token as a keyword in capitals; empty when it is not one."""
        token = self.token
        # Some letters outside ASCII have a letter of a keyword as their capital.
        if token.kind == "path" and token.text.isascii():
            return token.text.upper()
        return ""

    def _refuse_no_clause(self) -> None:
        """Raise when the next token cannot start a clause."""
        if self.token.kind not in _NAMES:
            complaints.no_field(self.source, self.token)
        if self._word() in {"AND", "OR", "NOT"}:
            complaints.no_field(self.source, self.token)


def _unquoted(text: str) -> str:
    quote = text[0]
    return text[1:-1].replace(quote * 2, quote)
