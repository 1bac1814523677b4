"""The fields that a store holds: counted, typed, each can be searched by."""

import pandas as pd
import pytest

import spanframe
from spanframe_query.filter import parse_filter
from spanframe_query.known_fields import misspellings
from spanframe_query.stores import reading
from tests.plugins.sample_spans import otlp_span
from tests.plugins.store import Store


@pytest.fixture
def known(searched: Store) -> pd.DataFrame:
    """What two traces can be searched by, by field."""
    searched.write(
        otlp_span(
            1,
            attributes={
                "mlflow.traceTag.env": "prod",
                "user.id": "ann",
                "tokens": 7,
                "odd `key`": "x" * 200,
            },
        ),
        otlp_span(2, attributes={"mlflow.traceTag.env": "dev", "tokens": 7.5}),
    )
    return spanframe.fields().set_index("field")


def test_tags_and_metadata_count_traces_and_show_a_value(known: pd.DataFrame) -> None:
    rows = known.to_dict("index")
    tag = {"type": "text", "count": 2, "example": "dev"}
    user = {"type": "text", "count": 1, "example": "ann"}
    assert rows["tags.`env`"] == tag
    assert rows["metadata.`mlflow.trace.user`"] == user


def test_span_attributes_have_the_type_of_their_values(known: pd.DataFrame) -> None:
    assert known.loc["span.attributes.`tokens`", "type"] == "number"
    assert known.loc["span.attributes.`tokens`", "count"] == 2
    assert known.loc["span.attributes.`user.id`", "type"] == "text"


def test_token_usage_is_searched_by_and_not_listed(searched: Store) -> None:
    """It is read from the trace row: the index does without."""
    usage = '{"input_tokens": 3, "output_tokens": 4, "total_tokens": 7}'
    attributes = {"mlflow.chat.tokenUsage": usage}
    searched.write(otlp_span(1, attributes=attributes), otlp_span(2))
    field = "metadata.`mlflow.trace.tokenUsage`"
    for condition, found in [
        (f"= '{usage}'", 1),
        ("LIKE '%\"total_tokens\": 7%'", 1),
        ("IS NOT NULL", 1),
        ("IS NULL", 1),
        ("!= 'x'", 1),
        ("= 'x'", 0),
    ]:
        assert len(spanframe.search_traces(f"{field} {condition}")) == found
        assert spanframe.count_traces(f"{field} {condition}") == found
    assert field not in set(spanframe.fields()["field"])
    assert misspellings(reading(searched.url), parse_filter(f"{field} = 'x'")) == []


def test_examples_are_short(known: pd.DataFrame) -> None:
    assert known["example"].str.len().max() == 80


def test_every_field_can_be_searched_by(known: pd.DataFrame) -> None:
    for field, row in known.iterrows():
        value = "0" if row["type"] == "number" else "''"
        assert len(spanframe.search_traces(f"{field} != {value}")) > 0


def test_an_empty_store_has_the_same_columns(searched: Store) -> None:
    nothing = spanframe.fields()
    searched.write(otlp_span(1, attributes={"k": 1}))
    assert nothing.columns.equals(spanframe.fields().columns)
    assert len(nothing) == 0
    assert str(nothing.dtypes["count"]) == "int64"


def test_a_key_that_nothing_has_is_told_with_what_it_may_have_meant(
    known: pd.DataFrame, searched: Store
) -> None:
    assert "tags.`env`" in known.index
    source = (
        "tags.evn = 'prod' AND metadata.zzz = 'x' AND tags.env = 'nowhere' "
        "AND span.attributes.token > 1"
    )
    assert misspellings(reading(searched.url), parse_filter(source)) == [
        "No trace has tags.`evn`. Did you mean tags.`env`?",
        "No trace has metadata.`zzz`.",
        (
            "None of the newest spans has span.attributes.`token`. "
            "Did you mean span.attributes.`tokens`?"
        ),
    ]


@pytest.mark.parametrize(
    "source",
    [
        "",
        "status = 'X'",
        "tags.`mlflow.artifactLocation` = 'x'",
        "metadata.`mlflow.traceInputs` = 'x'",
        "tags.env = 'nowhere'",
        "span.attributes.`mlflow.spanType` = 'x'",
    ],
)
def test_keys_that_are_there_are_not_told(
    known: pd.DataFrame, searched: Store, source: str
) -> None:
    assert misspellings(reading(searched.url), parse_filter(source)) == []
