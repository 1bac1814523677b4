"""What the preview of a trace shows of chats, in the shapes that vendors write."""

import json
from typing import Any

import pytest

from spanframe_store.otlp.previews import preview

SYSTEM = {"role": "system", "parts": [{"type": "text", "content": "be brief"}]}
CALL = 'get_weather({"city": "Paris"})'


def _lc(name: str, **kwargs: Any) -> dict[str, Any]:
    path = ["langchain", "schema", "messages", name]
    kind = name.removesuffix("Message").lower()
    inner = {"type": kind, **kwargs}
    return {"lc": 1, "type": "constructor", "id": path, "kwargs": inner}


@pytest.mark.parametrize(
    "value",
    [
        [SYSTEM, {"role": "user", "parts": [{"type": "text", "content": "hi"}]}],
        {"role": "user", "content": "hi"},
        [{"role": "user", "content": "hi"}, {"role": "tool", "content": "{}"}],
        [
            {"role": "user", "content": [{"type": "text", "text": "hi"}]},
            {"role": "assistant", "content": [{"type": "tool_use", "name": "f"}]},
            {"role": "user", "content": [{"type": "tool_result", "content": "12"}]},
        ],
        {"contents": [{"role": "user", "parts": [{"text": "hi"}]}], "config": {}},
        {"contents": [{"role": "user", "parts": ["hi"]}]},
        {
            "input": [
                {"role": "user", "content": [{"type": "input_text", "text": "hi"}]}
            ]
        },
        {
            "messages": [
                [_lc("SystemMessage", content="s"), _lc("HumanMessage", content="hi")]
            ]
        },
        {
            "messages": [
                {"type": "system", "content": "s"},
                {"type": "human", "content": "hi"},
            ]
        },
        {
            "inputs": {
                "messages": [
                    _lc("HumanMessage", content=[{"type": "text", "text": "hi"}])
                ]
            }
        },
        {
            "prompt": {
                "messages": [
                    {"role": "user", "content": [{"type": "text", "text": "hi"}]}
                ]
            }
        },
        {"messages": '[{"role": "user", "content": [{"type": "text", "text": "hi"}]}]'},
        [{"role": "user", "blocks": [{"block_type": "text", "text": "hi"}]}],
        [{"role": "user", "content": '[{"text": "hi"}]'}],
        [{"role": "user", "content": [{"text": "hi"}]}],
        {"messages": [["system", "be brief"], ["user", "hi"]]},
    ],
    ids=repr,
)
def test_a_request_shows_the_last_text_of_the_user(value: Any) -> None:
    assert preview(json.dumps(value), "user") == "hi"


@pytest.mark.parametrize(
    "value",
    [
        [{"role": "assistant", "parts": [{"type": "text", "content": "ho"}]}],
        {"role": "assistant", "content": [{"type": "text", "text": "ho"}]},
        {
            "role": "assistant",
            "content": [
                {"type": "thinking", "text": "t"},
                {"type": "text", "text": "ho"},
            ],
        },
        {"candidates": [{"content": {"role": "model", "parts": [{"text": "ho"}]}}]},
        {
            "candidates": [
                {
                    "content": {
                        "role": "model",
                        "parts": [{"text": "t", "thought": True}, {"text": "ho"}],
                    }
                }
            ]
        },
        {"content": {"role": "model", "parts": [{"text": "ho"}]}, "partial": False},
        {
            "output": [
                {"type": "reasoning", "summary": []},
                {
                    "type": "message",
                    "role": "assistant",
                    "content": [{"type": "output_text", "text": "ho"}],
                },
                {"type": "function_call", "name": "f", "arguments": "{}"},
            ]
        },
        {"generations": [[{"text": "ho", "message": _lc("AIMessage", content="ho")}]]},
        {
            "messages": [
                {"type": "human", "content": "hi"},
                {
                    "type": "ai",
                    "content": "",
                    "tool_calls": [{"name": "f", "args": {}}],
                },
                {"type": "tool", "content": "12"},
                {"type": "ai", "content": "ho"},
            ]
        },
        {
            "choices": [
                {"message": {"role": "assistant", "content": "ho"}},
                {"message": {"role": "assistant", "content": "or"}},
            ]
        },
        [{"text": "ho"}],
        {"content": [{"type": "text", "text": "ho"}], "isError": False},
    ],
    ids=repr,
)
def test_a_response_shows_the_text_of_the_assistant(value: Any) -> None:
    assert preview(json.dumps(value), "assistant") == "ho"


@pytest.mark.parametrize(
    "value",
    [
        [
            {
                "role": "assistant",
                "parts": [
                    {
                        "type": "tool_call",
                        "id": "1",
                        "name": "get_weather",
                        "arguments": {"city": "Paris"},
                    }
                ],
            }
        ],
        {
            "choices": [
                {
                    "message": {
                        "role": "assistant",
                        "content": None,
                        "tool_calls": [
                            {
                                "function": {
                                    "name": "get_weather",
                                    "arguments": '{"city":"Paris"}',
                                }
                            }
                        ],
                    }
                }
            ]
        },
        [
            {
                "role": "assistant",
                "tool_calls": [
                    {"name": "get_weather", "arguments": '{"city":"Paris"}'}
                ],
            }
        ],
        {
            "role": "assistant",
            "content": [
                {"type": "tool_use", "name": "get_weather", "input": {"city": "Paris"}}
            ],
        },
        {
            "candidates": [
                {
                    "content": {
                        "role": "model",
                        "parts": [
                            {
                                "functionCall": {
                                    "name": "get_weather",
                                    "args": {"city": "Paris"},
                                }
                            }
                        ],
                    }
                }
            ]
        },
        {
            "output": [
                {
                    "type": "function_call",
                    "name": "get_weather",
                    "arguments": '{"city":"Paris"}',
                }
            ]
        },
        {
            "generations": [
                [
                    {
                        "text": "",
                        "message": _lc(
                            "AIMessage",
                            content="",
                            tool_calls=[
                                {"name": "get_weather", "args": {"city": "Paris"}}
                            ],
                        ),
                    }
                ]
            ]
        },
        [
            {
                "role": "assistant",
                "content": [
                    {
                        "type": "tool-call",
                        "toolName": "get_weather",
                        "input": {"city": "Paris"},
                    }
                ],
            }
        ],
        [
            {
                "role": "assistant",
                "content": [
                    {"toolUse": {"name": "get_weather", "input": {"city": "Paris"}}}
                ],
            }
        ],
        {
            "role": "assistant",
            "function_call": {"name": "get_weather", "arguments": '{"city":"Paris"}'},
        },
        [
            {"role": "user", "content": "hi"},
            {"role": "assistant", "content": "stale"},
            {"role": "user", "content": "and now?"},
            {
                "role": "assistant",
                "content": None,
                "tool_calls": [
                    {
                        "function": {
                            "name": "get_weather",
                            "arguments": '{"city":"Paris"}',
                        }
                    }
                ],
            },
        ],
        {
            "finishReason": "tool-calls",
            "toolCalls": [{"toolName": "get_weather", "input": '{"city": "Paris"}'}],
        },
        {
            "finish_reason": "function_calls",
            "content": [
                {"id": "c", "arguments": '{"city": "Paris"}', "name": "get_weather"}
            ],
        },
    ],
    ids=repr,
)
def test_an_answer_without_text_shows_its_calls(value: Any) -> None:
    assert preview(json.dumps(value), "assistant") == CALL


def test_several_calls_are_all_shown() -> None:
    calls = [
        {"type": "function_call", "name": n, "arguments": "not json"} for n in "ab"
    ]
    assert (
        preview(json.dumps({"output": calls}), "assistant")
        == "a(not json), b(not json)"
    )


@pytest.mark.parametrize(
    "value",
    [
        {"role": "admin", "name": "Ann"},
        {"type": "function", "name": "f"},
        {"data": {"content": "text"}},
        [{"role": "user", "content": [{"type": "image", "url": "u"}]}],
        [{"role": "user", "content": 3}],
        {"messages": [{"role": ["user"], "content": "x"}]},
        {"message": {"type": 3, "content": {}, "id": []}},
        {"tool_calls": [{"name": 3}, 4, {"function": "f"}]},
        {"type": ["text"], "content": [{"type": {}, "text": "x"}]},
        [{"text": "a", "score": 1.0}],
    ],
    ids=repr,
)
def test_what_only_resembles_a_chat_is_shown_as_it_is(value: Any) -> None:
    text = json.dumps(value)
    assert preview(text, "user") == text
    assert preview(text, "assistant") == text
