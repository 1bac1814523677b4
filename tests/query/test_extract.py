"""Fields of spans as columns: which span, which path, and what is refused."""

import json
from typing import Any

import pytest

from spanframe.errors import InvalidArgumentError
from spanframe_query.entities import Span, TraceData
from spanframe_query.extract import parse_extract_fields
from tests.plugins.sample_spans import otlp_span, stored_block

INPUTS, OUTPUTS = "mlflow.spanInputs", "mlflow.spanOutputs"


def spans() -> list[Span]:
    nested = '{"a": {"b": [10, {"c": 11}]}, "a.b": "literal", "none": null}'
    rows = [
        otlp_span(span=1, name="root", attributes={INPUTS: nested, OUTPUTS: '"text"'}),
        otlp_span(span=2, parent=1, name="step", start_ms=1),
        otlp_span(
            span=3, parent=1, name="step", start_ms=2, attributes={INPUTS: '{"x": 1}'}
        ),
        otlp_span(
            span=4,
            parent=1,
            name="step",
            start_ms=3,
            attributes={INPUTS: '{"x": 2, "y": 3}'},
        ),
        otlp_span(
            span=5, parent=1, name="a.b c", start_ms=4, attributes={OUTPUTS: "[1, 2]"}
        ),
        otlp_span(span=6, parent=1, name="", start_ms=5, attributes={OUTPUTS: "6"}),
        otlp_span(
            span=7,
            parent=1,
            name="json",
            start_ms=6,
            attributes={
                INPUTS: json.dumps(json.dumps("5")),
                OUTPUTS: json.dumps('{"a": [{"b": "in a text"}]}'),
            },
        ),
    ]
    return TraceData(stored=[stored_block(row) for row in rows]).spans


def extract(item: str) -> tuple[str, Any]:
    [field] = parse_extract_fields([item])
    return field.column, field.value_in(spans())


@pytest.mark.parametrize(
    ("item", "column", "value"),
    [
        ("root.outputs", "root.outputs", "text"),
        ("root.outputs.", "root.outputs", "text"),
        ("root.inputs.none", "root.inputs.none", None),
        ("root.inputs.missing", "root.inputs.missing", None),
        ("root.inputs.a", "root.inputs.a", {"b": [10, {"c": 11}]}),
        ("`a.b c`.outputs", "a.b c.outputs", [1, 2]),
        ("`a.b c`.outputs.1", "a.b c.outputs.1", 2),
        ("`a.b c`.outputs.2", "a.b c.outputs.2", None),
        ("nobody.inputs", "nobody.inputs", None),
        (".outputs", ".outputs", 6),
        ("``.outputs", ".outputs", 6),
        ("json.outputs", "json.outputs", {"a": [{"b": "in a text"}]}),
        ("json.outputs.a.0.b", "json.outputs.a.0.b", "in a text"),
        ("json.inputs", "json.inputs", "5"),
    ],
)
def test_an_item_names_a_column_and_a_value(
    item: str, column: str, value: object
) -> None:
    assert extract(item) == (column, value)


def test_a_field_is_a_literal_key_before_it_is_a_path() -> None:
    assert extract("root.inputs.a.b")[1] == "literal"
    assert extract("root.inputs.a.b.1.c")[1] == 11


def test_a_quoted_field_is_a_literal_key_only() -> None:
    assert extract("root.inputs.`a.b`")[1] == "literal"
    assert extract("root.inputs.`a.b.0`") == ("root.inputs.a.b.0", None)


def test_of_several_spans_of_a_name_the_first_that_has_the_field_counts() -> None:
    assert extract("step.inputs.x")[1] == 1
    assert extract("step.inputs.y")[1] == 3
    assert extract("step.inputs")[1] == {"x": 1}


def test_a_field_of_text_or_number_is_none() -> None:
    assert extract("root.outputs.upper")[1] is None
    assert extract("root.outputs.0")[1] is None


@pytest.mark.parametrize(
    "item",
    [
        "root",
        "root.Inputs",
        "root.attributes.x",
        "a.b.inputs",
        "`root.inputs",
        "`root`x.inputs",
        "root.inputs.`a",
        "root.inputs.`a`b",
        "root.inputsx",
        "",
    ],
)
def test_an_item_that_cannot_be_read_is_refused_with_the_way_to_write_it(
    item: str,
) -> None:
    with pytest.raises(InvalidArgumentError, match=r"write 'span\.inputs'"):
        parse_extract_fields([item])


def test_a_text_instead_of_a_list_is_refused() -> None:
    with pytest.raises(InvalidArgumentError, match=r"write a list, \['a\.inputs'\]"):
        parse_extract_fields("a.inputs")


def test_no_items_make_no_columns() -> None:
    assert parse_extract_fields(None) == ()
