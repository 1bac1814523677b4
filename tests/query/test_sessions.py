"""Sessions: newest first, their traces oldest first, never cut."""

import pytest

import spanframe
from tests.plugins.sample_spans import otlp_span
from tests.plugins.store import Store


@pytest.fixture
def talks(searched: Store) -> Store:
    """Sessions a (traces 1, 4), b (2) and c (3); trace 5 belongs to none."""
    for number, session in ((1, "a"), (2, "b"), (3, "c"), (4, "a"), (5, "")):
        attributes = {
            "spanframe.metadata.mlflow.modelId": f"m{number % 2}",
            "spanframe.experiment": "talk" if number < 4 else "other",
        }
        if session:
            attributes["session.id"] = session
        searched.write(otlp_span(number, start_ms=number * 10, attributes=attributes))
    return searched


def found(**arguments: object) -> dict[str, list[int]]:
    sessions = spanframe.search_sessions(**arguments)  # type: ignore[arg-type]
    return {s.id: [int(trace.trace_id[-2:]) for trace in s] for s in sessions}


def test_sessions_come_newest_first_and_their_traces_oldest_first(
    talks: Store,
) -> None:
    sessions = found()
    assert list(sessions) == ["a", "c", "b"]
    assert sessions == {"a": [1, 4], "c": [3], "b": [2]}


def test_a_limit_counts_sessions_and_keeps_them_whole(talks: Store) -> None:
    assert found(max_results=1) == {"a": [1, 4]}
    assert found(max_results=2) == {"a": [1, 4], "c": [3]}
    assert found(max_results=0) == {}


def test_sessions_are_narrowed_by_model_and_experiment(talks: Store) -> None:
    assert found(model_id="m1") == {"c": [3], "a": [1]}
    assert found(locations=["1"]) == {"c": [3], "b": [2], "a": [1]}
    assert found(run_id="r") == {}


def test_spans_are_read_only_when_asked_for(talks: Store) -> None:
    [with_spans] = spanframe.search_sessions(max_results=1)
    [without] = spanframe.search_sessions(max_results=1, include_spans=False)
    assert [len(trace.data.spans) for trace in with_spans] == [1, 1]
    assert [len(trace.data.spans) for trace in without] == [0, 0]


def test_an_empty_store_has_no_sessions(searched: Store) -> None:
    assert spanframe.search_sessions() == []
