"""Experiments: created, chosen, found by id, by name and by filter."""

import threading
from collections.abc import Callable
from typing import Any

import pytest

import spanframe
from spanframe.client import SpanframeClient
from spanframe.entities import Experiment
from spanframe.errors import (
    AlreadyExistsError,
    FilterError,
    InvalidArgumentError,
    NotFoundError,
    SpanframeError,
    StoreError,
)
from spanframe_store.sql.writer import SpanWriter
from tests.plugins.otlp import span
from tests.plugins.store import Store


def stating(number: int, name: str) -> Any:
    return span(
        number,
        trace_id=number.to_bytes(16, "big"),
        attributes={"spanframe.experiment": name},
    )


def names(**search: Any) -> list[str]:
    return [each.name for each in spanframe.search_experiments(**search)]


def test_a_chosen_experiment_has_its_id_at_once(searched: Store) -> None:
    chosen = spanframe.set_experiment("shop")
    assert chosen.experiment_id == "1"
    assert (chosen.name, chosen.lifecycle_stage, chosen.tags) == ("shop", "active", {})
    assert chosen.artifact_location == "spanframe:/experiments/1"
    assert chosen.creation_time == chosen.last_update_time > 0
    assert not hasattr(chosen, "other")
    # What the collector gets afterwards goes to the same experiment.
    searched.write(stating(1, "shop"), stating(2, "till"))
    assert spanframe.set_experiment("till").experiment_id == "2"
    assert names() == ["till", "shop", "Default"]
    assert len(spanframe.search_traces(["1"])) == 1
    again = spanframe.set_experiment(experiment_id="1")
    assert (again.name, again.experiment_id) == ("shop", "1")


@pytest.mark.parametrize(
    "name", ["a\0b", "a\ud800b", " shop ", "ü" * 3000, "é", "e\u0301"]
)
def test_any_name_is_one_experiment(searched: Store, name: str) -> None:
    chosen = spanframe.set_experiment(name)
    assert chosen.experiment_id == "1"
    searched.write(stating(1, chosen.name))
    assert len(spanframe.search_experiments()) == 2
    assert len(spanframe.search_traces(["1"])) == 1


@pytest.mark.parametrize(
    "look",
    [
        lambda: spanframe.get_experiment_by_name("shop"),
        lambda: SpanframeClient().get_experiment_by_name("shop"),
        lambda: spanframe.search_experiments(filter_string="name = 'shop'")[0],
        lambda: SpanframeClient().search_experiments(max_results=1)[0],
    ],
)
def test_a_chosen_experiment_is_found(
    searched: Store, look: Callable[[], Experiment]
) -> None:
    assert spanframe.get_experiment_by_name("shop") is None
    spanframe.set_experiment("shop")
    assert look().experiment_id == "1"


def test_an_experiment_keeps_what_it_is_created_with(searched: Store) -> None:
    tags: Any = {"team": "shop", "size": 3}
    created = spanframe.create_experiment("a", "s3://bucket/a", tags)
    other = SpanframeClient().create_experiment("b", tags={"team": "till"})
    found = spanframe.get_experiment(created)
    assert found == spanframe.get_experiment_by_name("a")
    assert found.artifact_location == "s3://bucket/a"
    assert found.tags == {"team": "shop", "size": "3"}
    assert SpanframeClient().get_experiment(other).tags == {"team": "till"}
    assert spanframe.get_experiment(0).name == "Default"


def test_a_taken_name_has_mlflows_code(searched: Store) -> None:
    searched.write(stating(1, "shop"))
    for create in (spanframe.create_experiment, SpanframeClient().create_experiment):
        with pytest.raises(AlreadyExistsError, match="exists already") as raised:
            create("shop")
        assert raised.value.error_code == "RESOURCE_ALREADY_EXISTS"
        assert raised.value.get_http_status_code() == 400


@pytest.mark.parametrize("name", ["", " ", None, 5, b"shop"])
def test_a_name_is_a_text_that_is_not_empty(searched: Store, name: Any) -> None:
    with pytest.raises(InvalidArgumentError, match="name"):
        spanframe.create_experiment(name)
    with pytest.raises(InvalidArgumentError, match="name"):
        spanframe.set_experiment(name)
    if not isinstance(name, str):
        with pytest.raises(InvalidArgumentError, match="name"):
            spanframe.get_experiment_by_name(name)
    with pytest.raises(InvalidArgumentError, match="tags is"):
        spanframe.create_experiment("new", tags=["a"])  # type: ignore[arg-type]
    assert names() == ["Default"]


def test_an_unknown_id_is_not_found(searched: Store) -> None:
    for find in (
        spanframe.get_experiment,
        lambda number: spanframe.set_experiment(experiment_id=number),
    ):
        with pytest.raises(NotFoundError, match="no experiment '77'") as raised:
            find("77")
        assert raised.value.error_code == "RESOURCE_DOES_NOT_EXIST"


def test_without_a_store_the_id_is_unknown() -> None:
    spanframe.configure(store="sqlite:////nowhere/spanframe.db")
    chosen = spanframe.set_experiment("shop")
    assert chosen.name == "shop"
    with pytest.raises(StoreError):
        _ = chosen.experiment_id
    spanframe.set_experiment("Default")


def test_a_store_that_is_locked_still_finds_what_it_has(searched: Store) -> None:
    spanframe.set_experiment("new")
    with searched.locked():
        assert names() == ["Default"]
        assert spanframe.get_experiment_by_name("new") is None
    assert names() == ["new", "Default"]


def test_programs_and_the_collector_make_one_experiment_of_a_name(
    searched: Store,
) -> None:
    rounds = [f"e{number}" for number in range(8)]
    found: set[tuple[str, str]] = set()
    ready = threading.Barrier(4)

    def choose() -> None:
        for name in rounds:
            ready.wait()
            found.add((name, spanframe.set_experiment(name).experiment_id))

    def create() -> None:
        for name in rounds:
            ready.wait()
            try:
                spanframe.create_experiment(name)
            except AlreadyExistsError:
                continue

    threads = [threading.Thread(target=run) for run in (choose, choose, create)]
    for thread in threads:
        thread.start()
    writer = SpanWriter(searched.engine)
    for number, name in enumerate(rounds, 1):
        ready.wait()
        searched.writer = writer
        searched.write(stating(number, name))
    for thread in threads:
        thread.join()
    assert len(found) == len(rounds)
    assert len(names()) == len(rounds) + 1
    for name, experiment_id in found:
        [trace] = spanframe.search_traces([experiment_id], return_type="list")
        assert trace.info.experiment_id == experiment_id
        assert spanframe.get_experiment(experiment_id).name == name


@pytest.fixture
def three(searched: Store) -> Store:
    spanframe.create_experiment("one", tags={"a": "1"})
    spanframe.create_experiment("two", tags={"a": "2", "b c": "x"})
    spanframe.create_experiment("Three")
    return searched


@pytest.mark.parametrize(
    ("filter_string", "expected"),
    [
        (None, {"Default", "one", "two", "Three"}),
        ("", {"Default", "one", "two", "Three"}),
        ("name = 'one'", {"one"}),
        ("attribute.name != 'one'", {"Default", "two", "Three"}),
        ("name LIKE 't%'", {"two"}),
        ("name ILIKE 't%' AND tags.a != '1'", {"two"}),
        ("name RLIKE '^T'", {"Three"}),
        ("name IN ('one', 'two', 'four')", {"one", "two"}),
        ("experiment_id NOT IN ('0', '1')", {"two", "Three"}),
        ("tags.a = '1'", {"one"}),
        ("tags.a IS NULL", {"Default", "Three"}),
        ("tag.`b c` IS NOT NULL", {"two"}),
        ("creation_time > 5", {"one", "two", "Three"}),
        ("last_update_time <= 0", {"Default"}),
    ],
)
def test_experiments_are_found_by_a_filter(
    three: Store, filter_string: str | None, expected: set[str]
) -> None:
    assert set(names(filter_string=filter_string)) == expected


def test_experiments_come_in_order_and_in_pages(three: Store) -> None:
    by_name = ["Default", "Three", "one", "two"]
    assert names(order_by=["name"]) == names(order_by="name ASC") == by_name
    assert names(order_by=["experiment_id DESC"]) == ["Three", "two", "one", "Default"]
    assert names(order_by=["tags"][:0])[-1] == "Default"
    assert names(order_by="name", max_results=2) == by_name[:2]
    assert names(max_results=0) == names(view_type=2) == []
    client, found, token = SpanframeClient(), [], None
    while True:
        page = client.search_experiments(
            max_results=3, order_by=["name"], page_token=token
        )
        found += [each.name for each in page]
        token = page.token
        if token is None:
            break
    assert found == by_name
    with pytest.raises(InvalidArgumentError, match="another search"):
        client.search_experiments(page_token="77")  # noqa: S106 - no secret


@pytest.mark.parametrize(
    "search",
    [
        {"filter_string": "foo = 'x'"},
        {"filter_string": "metadata.a = 'x'"},
        {"filter_string": "name > 'x'"},
        {"filter_string": "name = 5"},
        {"filter_string": "name IS NULL"},
        {"filter_string": "tags.a > '1'"},
        {"filter_string": "creation_time LIKE '1%'"},
        {"filter_string": "creation_time = 'yesterday'"},
        {"filter_string": "name = 'a' OR name = 'b'"},
        {"filter_string": "name = 'a' -- all"},
        {"filter_string": 5},
        {"order_by": ["foo"]},
        {"order_by": ["tags.a"]},
        {"order_by": ["name DOWN"]},
        {"order_by": [""]},
        {"order_by": [5]},
        {"max_results": "many"},
    ],
)
def test_another_search_is_refused(three: Store, search: dict[str, Any]) -> None:
    with pytest.raises((FilterError, InvalidArgumentError)) as raised:
        spanframe.search_experiments(**search)
    assert isinstance(raised.value, SpanframeError)
    assert raised.value.error_code == "INVALID_PARAMETER_VALUE"
