"""Token usage of a trace: each token counted once, in any order of arrival."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from spanframe_store.otlp.usage import Totals
from spanframe_store.sql import recent, trace_rows, writer
from spanframe_store.sql.copying import copy_store
from spanframe_store.sql.mutations import delete_traces
from spanframe_store.sql.rederivation import rederive_portion
from spanframe_store.sql.schema import traces, usage_parts
from spanframe_store.sql.usage import totals_of_traces
from tests.plugins.examples import COSTLY
from tests.plugins.otlp import TRACE, span
from tests.plugins.store import Store


@pytest.fixture(params=["small", "large"], autouse=True)
def _size(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each trace is summed up, or changed by what its new spans add."""
    if request.param == "large":
        monkeypatch.setattr(trace_rows, "MIN_LARGE_SPANS", 1)
        monkeypatch.setattr(writer, "MIN_LARGE_SPANS", 1)
        monkeypatch.setattr(recent, "_MAX_TRACE_SPANS", 0)


def reporting(number: int, tokens: int, **fields: Any) -> Any:
    usage = {"input_tokens": tokens, "output_tokens": 1, "total_tokens": tokens + 1}
    attributes = {"mlflow.chat.tokenUsage": json.dumps(usage)}
    return span(number, attributes=attributes, **fields)


def usage(store: Store) -> dict[str, int] | None:
    with store.engine.connect() as connection:
        found = connection.execute(select(traces.c.metadata)).scalar_one()
    text = json.loads(found).get("mlflow.trace.tokenUsage")
    return None if text is None else dict(json.loads(text))


def test_the_usage_of_a_trace_is_the_sum_of_its_model_calls(store: Store) -> None:
    store.write(span(1), reporting(2, 10, parent=1), reporting(3, 20, parent=1))
    assert usage(store) == {
        "input_tokens": 30,
        "output_tokens": 2,
        "total_tokens": 32,
    }


def test_a_trace_without_model_calls_has_no_usage(store: Store) -> None:
    store.write(span(1))
    assert usage(store) is None


def test_what_an_ancestor_reports_is_not_counted_again(store: Store) -> None:
    store.write(reporting(3, 5, parent=2), reporting(4, 7, parent=9))
    assert usage(store) == {"input_tokens": 12, "output_tokens": 2, "total_tokens": 14}
    store.write(span(2, parent=1), reporting(1, 100))
    assert usage(store) == {
        "input_tokens": 107,
        "output_tokens": 2,
        "total_tokens": 109,
    }


def test_spans_that_are_each_others_parents_are_counted(store: Store) -> None:
    store.write(reporting(1, 1, parent=2), reporting(2, 1, parent=1), span(3, parent=3))
    assert usage(store) is not None


def test_the_newest_body_of_a_span_counts(store: Store) -> None:
    store.write(reporting(1, 5, ms=None))
    store.write(reporting(1, 9, ms=10))
    assert usage(store) == {"input_tokens": 9, "output_tokens": 1, "total_tokens": 10}


def test_what_the_app_says_itself_wins(store: Store) -> None:
    said = {"spanframe.metadata.mlflow.trace.tokenUsage": '{"input_tokens": 1}'}
    store.write(reporting(1, 5), span(2, parent=1, attributes=said))
    assert usage(store) == {"input_tokens": 1}


def _counted_once(parents: dict[int, int], tokens: dict[int, int]) -> int:
    total = 0
    for number, count in tokens.items():
        above, seen = parents.get(number), {number}
        while above is not None and above not in seen and above not in tokens:
            seen.add(above)
            above = parents.get(above)
        if above is None or above in seen:
            total += count
    return total


@given(st.data())
@COSTLY
def test_order_and_batching_do_not_change_the_usage(store: Store, data: Any) -> None:
    store.empty()
    numbers = range(1, 7)
    # Parents have smaller numbers: a tree, some of it missing.
    parents = {n: data.draw(st.integers(1, n - 1)) for n in numbers if n > 1}
    tokens = data.draw(
        st.dictionaries(st.sampled_from(numbers), st.integers(0, 9), min_size=1)
    )
    messages = [
        reporting(n, tokens[n], parent=parents.get(n))
        if n in tokens
        else span(n, parent=parents.get(n))
        for n in numbers
    ]
    left = data.draw(st.permutations(messages))
    while left:
        size = data.draw(st.integers(1, len(left)))
        store.write(*left[:size])
        left = left[size:]
    found = usage(store)
    assert found is not None
    assert found["input_tokens"] == _counted_once(parents, tokens)


def test_a_deep_chain_is_no_trouble(store: Store) -> None:
    depth = 3000
    chain = [span(n, parent=n - 1) for n in range(2, depth)]
    store.write(span(1), *chain, reporting(depth, 4, parent=depth - 1))
    assert usage(store) == {"input_tokens": 4, "output_tokens": 1, "total_tokens": 5}


# --- costs ----------------------------------------------------------------------------


def stating(number: int, cost: float = 0.1, **fields: Any) -> Any:
    return span(number, attributes={"operation.cost": cost}, **fields)


def computed(number: int, **fields: Any) -> Any:
    used = {"gen_ai.usage.input_tokens": 1_000_000, "gen_ai.usage.output_tokens": 0}
    model = {"gen_ai.request.model": "gpt-4o-mini"}
    return span(number, attributes={**used, **model}, **fields)


def cost(store: Store) -> tuple[Any, str | None]:
    with store.engine.connect() as connection:
        found = json.loads(connection.execute(select(traces.c.metadata)).scalar_one())
    text = found.get("mlflow.trace.cost")
    return text and json.loads(text), found.get("spanframe.cost.source")


def test_the_cost_of_a_trace_is_the_sum_of_what_its_spans_state(store: Store) -> None:
    store.write(span(1), stating(2, 0.1, parent=1), stating(3, 0.2, parent=1))
    assert cost(store) == ({"total_cost": 0.3}, "stated")
    store.write(stating(4, 0.5, parent=1))
    assert cost(store) == ({"total_cost": 0.8}, "stated")


def test_what_no_span_states_is_computed_and_said_to_be(store: Store) -> None:
    store.write(span(1), computed(2, parent=1))
    whole = {"input_cost": 0.15, "output_cost": 0.0, "total_cost": 0.15}
    assert cost(store) == (whole, "computed")
    store.write(stating(3, 1.0, parent=1))
    assert cost(store) == ({"total_cost": 1.15}, "stated, computed")


def test_an_agent_that_sums_up_tokens_does_not_hide_what_its_calls_cost(
    store: Store,
) -> None:
    store.write(computed(1), stating(2, 0.1, parent=1), stating(3, 0.2, parent=1))
    assert cost(store) == ({"total_cost": 0.3}, "stated")
    assert usage(store) == {
        "input_tokens": 1_000_000,
        "output_tokens": 0,
        "total_tokens": 1_000_000,
    }


def test_a_cost_that_an_ancestor_states_is_not_counted_again(store: Store) -> None:
    store.write(stating(1, 0.3), stating(2, 0.1, parent=1), computed(3, parent=2))
    assert cost(store) == ({"total_cost": 0.3}, "stated")


def test_spans_that_are_each_others_parents_have_a_cost(store: Store) -> None:
    store.write(computed(1, parent=2), stating(2, 1.0, parent=1), span(3, parent=3))
    assert cost(store)[0] is not None


def test_a_trace_without_a_cost_says_none(store: Store) -> None:
    store.write(reporting(1, 5))
    assert cost(store) == (None, None)


# --- large traces ---------------------------------------------------------------------

_MANY = range(1, 7)


@pytest.mark.parametrize("_size", ["large"], indirect=True)
@pytest.mark.parametrize("costs", [(), (stating,), (computed,), (stating, computed)])
@given(data=st.data())
@COSTLY
def test_the_parts_add_up_to_the_sum(
    store: Store, costs: tuple[Callable[..., Any], ...], data: Any
) -> None:
    """Trees, cycles, spans that are their own parents, two bodies under one id."""
    store.empty()
    parents = st.one_of(st.none(), st.sampled_from(_MANY))
    kinds = (span, _reporting, *costs)
    sent = [
        data.draw(st.sampled_from(kinds))(
            number, parent=data.draw(parents), ms=data.draw(st.integers(1, 3))
        )
        for number in data.draw(
            st.lists(st.sampled_from(_MANY), min_size=1, max_size=9)
        )
    ]
    size = data.draw(st.integers(1, 3))
    for start in range(0, len(sent), size):
        store.write(*sent[start : start + size])
    with store.engine.connect() as connection:
        key = connection.execute(select(traces.c.trace_key)).scalar_one()
        expected = totals_of_traces(connection, [key]).get(key, Totals())
    assert usage(store) == expected.tokens
    assert cost(store) == (expected.cost, expected.cost_source or None)


def _reporting(number: int, **fields: Any) -> Any:
    return reporting(number, number, **fields)


def test_parts_are_made_anew_where_the_spans_have_changed(
    store: Store, new_store: Callable[[], Store]
) -> None:
    store.write(reporting(3, 5, parent=2, name="s"))
    store.write(reporting(4, 7, parent=2, name="s"))
    assert rederive_portion(store.engine, 0).traces == 1
    store.write(reporting(5, 1, parent=9, name="s"))
    copy = new_store()
    assert copy_store(store.engine, copy.engine, lambda *_: None) == (1, 0)
    copy.write(span(2, parent=1, name="s"), reporting(9, 100, parent=1, name="s"))
    store.write(reporting(6, 3, parent=2, name="s"))
    assert copy_store(store.engine, copy.engine, lambda *_: None) == (1, 0)
    for each in (store, copy):
        each.write(reporting(2, 40, parent=1, name="s"))
        found = usage(each)
        assert found is not None
        assert found["input_tokens"] == 41
        delete_traces(each.engine, [TRACE])
        with each.engine.connect() as connection:
            assert connection.execute(select(usage_parts)).all() == []


def test_a_trace_grows_large(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trace_rows, "MIN_LARGE_SPANS", 6)
    monkeypatch.setattr(writer, "MIN_LARGE_SPANS", 6)
    monkeypatch.setattr(recent, "_MAX_TRACE_SPANS", 4)
    for number in range(2, 14):
        store.write(reporting(number, number, parent=number // 4 + 20))
    found = usage(store)
    assert found is not None
    assert found["input_tokens"] == sum(range(2, 14))
    store.write(reporting(21, 1, parent=1))
    found = usage(store)
    assert found is not None
    assert found["input_tokens"] == sum(range(2, 14)) - (4 + 5 + 6 + 7) + 1
