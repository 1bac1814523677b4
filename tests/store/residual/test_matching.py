"""A text is compared in Python as the engines compare it in SQL."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from sqlalchemy import create_engine, literal, select

from spanframe_store.contract.filter import Comparator
from spanframe_store.residual.matching import matcher
from spanframe_store.sql.compile import compare_text
from spanframe_store.sql.engines import DATABASES
from spanframe_store.sql.plans import WALK_TRACES

SQLITE = create_engine("sqlite://")
LAYOUT = DATABASES["sqlite"].layout(WALK_TRACES)

# Few letters, so that patterns fit now and then; all that means something somewhere.
texts = st.text("aAbBäÄ%_*?[]\\^$.\n é", max_size=6)
COMPARATORS = [
    Comparator.EQ,
    Comparator.NE,
    Comparator.IN,
    Comparator.NOT_IN,
    Comparator.LIKE,
    Comparator.ILIKE,
]


@given(texts, st.sampled_from(COMPARATORS), st.lists(texts, min_size=1, max_size=3))
@example("ab\nab", Comparator.LIKE, ["a%_b"])
def test_python_and_sql_agree(
    text: str, comparator: Comparator, values: list[str]
) -> None:
    several = comparator in {Comparator.IN, Comparator.NOT_IN}
    compared = tuple(values if several else values[:1])
    expression = compare_text(literal(text), comparator, compared, LAYOUT)
    with SQLITE.connect() as connection:
        found = connection.execute(select(expression)).scalar_one()
    assert matcher(comparator, compared)(text) == bool(found)


def test_an_expression_is_found_anywhere() -> None:
    assert matcher(Comparator.RLIKE, ("b.$",))("abc")
    assert not matcher(Comparator.RLIKE, ("^b",))("abc")


@pytest.mark.parametrize("pattern", ["%a" * 60 + "%b", "%_" * 60 + "b"])
def test_no_pattern_runs_away(pattern: str) -> None:
    """One that went back would take longer than the tests may, by far."""
    assert not matcher(Comparator.LIKE, (pattern,))("a" * 5_000)
