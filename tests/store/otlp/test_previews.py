"""What a trace list shows of inputs and outputs."""

import json
from typing import Any

import pytest

from spanframe_store.otlp.previews import cut, preview


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ({"q": 1}, '{"q": 1}'),
        ({"messages": [{"role": "user", "content": "hi"}]}, "hi"),
        (
            {
                "messages": [
                    {"role": "user", "content": "first"},
                    {"role": "user", "content": "second"},
                    {"role": "assistant", "content": "third"},
                ]
            },
            "second",
        ),
        ({"messages": [{"role": "system", "content": "only"}]}, "only"),
        ({"request": {"input": [{"role": "user", "content": "deep"}]}}, "deep"),
        (
            {
                "messages": [
                    {
                        "role": "user",
                        "content": [
                            {"type": "image", "url": "u"},
                            {"type": "text", "text": "part"},
                        ],
                    }
                ]
            },
            "part",
        ),
        ({"messages": []}, '{"messages": []}'),
        (
            {"messages": [{"role": "user", "content": ""}]},
            '{"messages": [{"role": "user", "content": ""}]}',
        ),
        ({"messages": "not a list"}, '{"messages": "not a list"}'),
    ],
)
def test_a_request_shows_its_last_user_message(value: Any, shown: str) -> None:
    assert preview(json.dumps(value), "user") == shown


def test_a_response_shows_the_first_choice() -> None:
    value = {"choices": [{"message": {"role": "assistant", "content": "yes"}}]}
    assert preview(json.dumps(value), "assistant") == "yes"


def test_half_an_emoji_becomes_a_character_that_a_store_can_hold() -> None:
    text = '{"messages": [{"role": "user", "content": "hi \\ud83d"}]}'
    assert preview(text, "user") == "hi \ufffd"


def test_a_character_that_no_store_can_hold_is_replaced() -> None:
    text = '{"messages": [{"role": "user", "content": "a\\u0000b"}]}'
    assert preview(text, "user") == "a\ufffdb"


@pytest.mark.parametrize(
    "text",
    ["3", '"words', "{broken", "[" * 2000, '{"request":' * 900 + "1" + "}" * 900],
)
def test_what_is_no_chat_is_shown_as_it_is(text: str) -> None:
    assert preview(text, "user") == cut(text, 1000)


def test_text_has_no_quotes_unless_the_app_itself_states_it() -> None:
    assert preview('"words"', "user") == "words"
    assert preview('"words"', "user", "words") == '"words"'


def test_nothing_shows_nothing() -> None:
    assert preview(None, "user") is None


def test_long_text_ends_in_dots() -> None:
    assert cut("x" * 250, 250) == "x" * 250
    assert cut("x" * 251, 250) == "x" * 247 + "..."
