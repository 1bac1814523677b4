"""The hand-written parser and the stated grammar accept and refuse the same texts."""

import tomllib
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from hypothesis.extra.lark import from_lark
from lark import Lark
from lark.exceptions import LarkError

from spanframe.errors import FilterError
from spanframe_query.filter import parse_filter
from spanframe_query.filter.parser import parse

FOLDER = Path(__file__).parent
GRAMMAR = Lark((FOLDER / "grammar.lark").read_text("utf-8"), parser="earley")
CORPUS = tomllib.loads((FOLDER / "corpus.toml").read_text("utf-8"))

DRAWN = from_lark(
    GRAMMAR, alphabet=st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"])
)
SIGNS = " '\"`.=!<>(),-;\n\0\xa0x5eé\u0131"
PIECES = st.sampled_from([*SIGNS, "AND", " OR ", "NOT ", "NULL", " IN ", "--", "''"])


def _is_stated(text: str) -> bool:
    try:
        GRAMMAR.parse(text)
    except LarkError:
        return False
    return True


def _is_parsed(text: str) -> bool:
    try:
        parse(text)
    except FilterError:
        return False
    return True


@st.composite
def damaged(draw: st.DrawFn) -> str:
    """Draw a filter with a few pieces put in, cut out, doubled or moved."""
    texts = st.sampled_from([entry["filter"] for entry in CORPUS["valid"]])
    text = draw(texts | DRAWN)
    for _ in range(draw(st.integers(1, 3))):
        start = draw(st.integers(0, len(text)))
        end = draw(st.integers(start, min(len(text), start + 4)))
        middle = draw(st.one_of(PIECES, st.just(""), st.just(text[start:end] * 2)))
        text = text[:start] + middle + text[end:]
    return text


@given(DRAWN)
def test_both_take_what_the_grammar_draws(text: str) -> None:
    assert _is_parsed(text) == _is_stated(text)


@given(damaged())
@example("status = 'a'ANDname = 'b'")
@example("status LIKE'a'")
@example("status LIKE-5")
@example("status LIKE.5")
@example("tags .x = 'a'")
@example("AND LIKE 'x'")
@example("not = 'x'")
@example("timestamp > 5AND status = 'OK'")
@example("timestamp > 5.")
@example("status l\u0131ke 'x'")
def test_both_agree_on_damaged_filters(text: str) -> None:
    assert _is_parsed(text) == _is_stated(text)


@pytest.mark.parametrize("name", ["valid", "check_error", "refused"])
def test_the_grammar_states_every_filter_the_corpus_parses(name: str) -> None:
    refused = [e["filter"] for e in CORPUS[name] if not _is_stated(e["filter"])]

    assert refused == []


def test_the_grammar_states_no_filter_the_corpus_refuses() -> None:
    stated = [e["filter"] for e in CORPUS["parse_error"] if _is_stated(e["filter"])]

    assert stated == []


@given(st.text())
def test_any_text_is_a_filter_or_a_filter_error(text: str) -> None:
    try:
        filter_ = parse_filter(text)
    except FilterError as error:
        raised = error
    else:
        assert parse_filter(str(filter_)) == filter_
        return
    assert 0 <= raised.start < max(1, raised.end)
    assert "^" in str(raised)
    assert raised.hint


@given(st.sampled_from([entry["filter"] for entry in CORPUS["valid"]]), st.data())
def test_every_beginning_of_a_filter_is_a_filter_or_a_filter_error(
    text: str, data: st.DataObject
) -> None:
    beginning = text[: data.draw(st.integers(0, len(text)))]

    assert _is_parsed(beginning) == _is_stated(beginning)
