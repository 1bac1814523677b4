"""What a search would walk, clause by clause."""

import pandas as pd
import pytest
from typer.testing import CliRunner

import spanframe
from spanframe.errors import FilterError
from spanframe_query.cli import app
from tests.plugins.sample_spans import otlp_span
from tests.plugins.store import Store

NOBODY = "tr-" + "0" * 32


@pytest.fixture
def shop(searched: Store) -> Store:
    """Enough traces that the store's planner knows what it does."""
    searched.write(
        *(
            otlp_span(
                n,
                name=f"name {n % 3}",
                attributes={"mlflow.traceTag.env": "prod", "user.id": f"u{n}"},
            )
            for n in range(1, 200)
        )
    )
    return searched


def uses(filter_: str) -> list[tuple[str, bool]]:
    frame = spanframe.search_traces(filter_, explain=True)
    return list(zip(frame["uses"], frame["scans"], strict=True))


@pytest.mark.parametrize(
    ("filter_", "index"),
    [
        ("status = 'ERROR'", "ix_traces_status"),
        ("name = 'name 1'", "ix_traces_name"),
        ("name LIKE 'name%'", "ix_traces_name"),
        ("tags.`mlflow.traceName` = 'name 1'", "ix_traces_name"),
        ("timestamp_ms > 5", "ix_traces_newest"),
        ("execution_time_ms > 50", "ix_traces_execution_time"),
        (f"request_id = '{NOBODY}'", "sqlite_autoindex_traces_1"),
        ("tags.env = 'prod'", "attribute_index"),
        ("metadata.`mlflow.trace.user` = 'u1'", "attribute_index"),
        ("metadata.`mlflow.trace.user` LIKE 'u1%'", "attribute_index"),
    ],
)
def test_a_clause_with_an_index_names_it(shop: Store, filter_: str, index: str) -> None:
    assert uses(filter_) == [(index, False)]


@pytest.mark.parametrize(
    "filter_",
    [
        "status != 'OK'",
        "name LIKE '%n%'",
        "execution_time_ms > 5",
        "tags.env IS NULL",
        "span.name = 'x'",
        "span.content LIKE '%x%'",
        "span.attributes.k = 1",
    ],
)
def test_a_clause_without_an_index_scans(shop: Store, filter_: str) -> None:
    assert uses(filter_) == [("", True)]


def test_a_clause_beside_one_with_an_index_does_not_scan(shop: Store) -> None:
    assert uses("metadata.`mlflow.trace.user` = 'u1' AND span.content LIKE '%x%'") == [
        ("attribute_index", False),
        ("", False),
    ]


def test_the_rarer_of_two_tags_is_walked_and_the_other_probed(shop: Store) -> None:
    filter_ = "tags.env = 'prod' AND metadata.`mlflow.trace.user` = 'u1'"
    frame = spanframe.search_traces(filter_, explain=True)
    assert frame["reads"].tolist() == [
        "one entry for each trace",
        "the entries that match",
    ]


def test_a_search_without_clauses_has_nothing_to_explain(shop: Store) -> None:
    frame = spanframe.search_traces(explain=True)
    assert isinstance(frame, pd.DataFrame)
    assert list(frame.columns) == ["clause", "uses", "reads", "scans"]
    assert len(frame) == 0


def test_a_bad_filter_is_refused_as_in_a_search(shop: Store) -> None:
    with pytest.raises(FilterError):
        spanframe.search_traces("statsu = 'OK'", explain=True)


def test_the_command_line_explains(shop: Store) -> None:
    words = ["search", "name LIKE '%n%'", "--explain", "--store", shop.url]
    result = CliRunner().invoke(app, words, catch_exceptions=False)
    assert "name LIKE '%n%'" in result.stdout
    assert "scans the store" in result.stdout
