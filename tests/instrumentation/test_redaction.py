"""Secrets never leave the process."""

import json
import time
from typing import Any

import numpy as np
import pytest

import spanframe
from spanframe._capture import Capture
from spanframe._key_patterns import KeyPatterns, key_patterns
from spanframe._redaction import Redaction
from spanframe.errors import SettingsError
from spanframe.settings import ClientSettings
from tests.plugins.otlp_sink import OtlpSink

DEFAULT = Redaction(ClientSettings.load(environ={}).secret_keys)


def rendered(value: object) -> Any:
    return json.loads(Capture(10_000, DEFAULT).json_text(value))


@pytest.mark.parametrize(
    "key",
    [
        "password",
        "Password",
        "db_password",
        "passwordHash",
        "userPwd",
        "api_key",
        "apiKey",
        "API-KEY",
        "x-api-key",
        "OPENAI_API_KEY",
        "openai.api.key",
        "token",
        "access_token",
        "hfToken",
        "client_secret",
        "secret_key",
        "aws_secret_access_key",
        "private-key",
        "Authorization",
        "proxy-authorization",
        "Cookie",
        "set-cookie",
        "credentials",
        "passphrase",
        "clientSecret",
        "secretKey",
        "secretkey",
        "secrets",
    ],
)
def test_a_key_that_looks_like_a_credential_is_hidden(key: str) -> None:
    assert DEFAULT.hides(key)
    assert rendered({"outer": [{key: "hunter2"}]}) == {"outer": [{key: "[redacted]"}]}


@pytest.mark.parametrize(
    "key",
    [
        "max_tokens",
        "total_tokens",
        "input_tokens",
        "token_count",
        "tokenizer",
        "key",
        "primary_key",
        "user",
        "passenger",
        "author",
        "secretary",
        "undersecretary",
        "question",
        "",
    ],
)
def test_a_key_of_another_kind_is_shown(key: str) -> None:
    assert not DEFAULT.hides(key)
    assert rendered({key: "shown"}) == {key: "shown"}


@pytest.mark.parametrize(
    ("patterns", "hidden", "shown"),
    [
        ("pin", ["pin", "PIN", "-pin-"], ["pins", "my_pin", "spin"]),
        ("*pin", ["pin", "my_pin", "spin"], ["pins"]),
        ("api-key", ["apiKey", "API-Key", "api.key"], ["apikey", "x_api_key"]),
        ("apiKey", ["apiKey", "api_key"], ["apikey"]),
        ("http.request.header.x*", ["http.request.header.x-auth"], ["http.request"]),
        ("pin, pan ,", ["pin", "pan"], ["pen", ""]),
        ("p[ai]n", ["pin", "japan", "PAN"], ["pen"]),
        ("pin|pan", ["pin", "japan"], ["pen"]),
        ("api_?key", ["x-apikey", "apiKey", "API_KEY"], ["api"]),
        ("^x.*id$", ["x-user-id", "xUserId"], ["my-x-id", "x-ids"]),
        ("http.header.*", ["http.header.a", "my.http.header.a"], ["http.head"]),
        (r"\d{1,3}, p(a,b|c)d", ["n7", "pa,bd"], ["n", "pd"]),
        ("*", ["anything", ""], []),
        ("", [], ["anything", ""]),
    ],
)
def test_patterns(patterns: str, hidden: list[str], shown: list[str]) -> None:
    keys = KeyPatterns(key_patterns(patterns))
    assert [k for k in hidden if not keys.hides(k)] == []
    assert [k for k in shown if keys.hides(k)] == []
    for key in filter(str.isalpha, hidden):
        assert keys.may_be_in(f'{{"a": [{{"{key}": "cut')


@pytest.mark.parametrize(
    ("patterns", "why"),
    [
        ("*[ck]ey", "'*[ck]ey' is not a regular expression: nothing to repeat"),
        ("pin,(", "'(' is not a regular expression: missing )"),
        ("pin,-", "the pattern '-' has no letter or digit of a key"),
    ],
)
def test_patterns_that_cannot_be_used_are_refused(patterns: str, why: str) -> None:
    with pytest.raises(SettingsError) as refused:
        spanframe.configure(redact_keys=patterns.split(","))
    assert f"redact_keys is {patterns!r}: {why}" in str(refused.value)


def test_a_hostile_text_is_searched_in_linear_time() -> None:
    keys = KeyPatterns(("a*b*c*d", "*a_b*"))
    begin = time.perf_counter()
    assert not keys.may_be_in("a" * 1_000_000)
    assert time.perf_counter() - begin < 10


def test_headers_written_as_pairs_are_hidden_as_well() -> None:
    headers = [("accept", "json"), ("Authorization", "Bearer x"), (b"cookie", b"y")]
    assert rendered(headers) == [
        ["accept", "json"],
        ["Authorization", "[redacted]"],
        ["b'cookie'", "[redacted]"],
    ]


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("password", None),
        ("password_reset", True),
        ("completion_token", 4),
        ("token", 0.5),
        ("token", np.int64(4)),
        ("token", np.float32(0.5)),
    ],
)
def test_numbers_and_booleans_are_no_secrets(key: str, value: object) -> None:
    capture = Capture(10_000, DEFAULT)
    shown = rendered({"shown": value})["shown"]
    assert rendered({key: value}) == {key: shown}
    assert rendered([(key, value)]) == [[key, shown]]
    if value is not None:
        assert capture.attribute(key, value) == value
        assert type(capture.attribute(key, value)) in {int, float, bool}


def test_an_argument_called_password_is_not_stored(sink: OtlpSink) -> None:
    @spanframe.trace
    def login(user: str, password: str, **options: str) -> str:
        spanframe.update_current_trace(
            tags={"api_key": "hunter2", "shown": "tag"},
            metadata={"auth_token": "hunter2", "shown": "metadata"},
        )
        spanframe.update_current_span(attributes={"client.secret": "hunter2"})
        with spanframe.tracing.context(tags={"cookie": "hunter2"}):
            pass
        return user

    login("ada", "hunter2", session_token="hunter2")  # noqa: S106 - no password
    spanframe.flush()
    span = sink.span("login")
    assert json.loads(span.attributes["mlflow.spanInputs"]) == {
        "user": "ada",
        "password": "[redacted]",
        "options": {"session_token": "[redacted]"},
    }
    assert span.attributes["mlflow.traceTag.shown"] == "tag"
    assert span.attributes["spanframe.metadata.shown"] == "metadata"
    sent = b"".join(request.SerializeToString() for request in sink.requests)
    assert b"hunter2" not in sent


@pytest.mark.parametrize("patterns", ["*colour*", ["*colour*"], ("*colour*",)])
def test_more_keys_are_hidden_beside_the_built_in_ones(
    sink: OtlpSink, patterns: str | list[str] | tuple[str]
) -> None:
    @spanframe.trace
    def paint(colour: str, token: str, size: str) -> None:
        pass

    def recorded() -> Any:
        paint("red", "secret", "large")
        spanframe.flush()
        inputs = sink.span("paint").attributes["mlflow.spanInputs"]
        sink.requests.clear()
        return json.loads(inputs)

    spanframe.configure(redact_keys=patterns)
    hidden = {"colour": "[redacted]", "token": "[redacted]", "size": "large"}
    assert recorded() == hidden
    spanframe.configure(redact_defaults=False)
    assert recorded() == {**hidden, "token": "secret"}


def test_the_apps_own_redaction_sees_every_text(sink: OtlpSink) -> None:
    def no_mail(text: str) -> str:
        return text.replace("ada@example.com", "[mail]")

    spanframe.configure(redact=no_mail)

    @spanframe.trace(attributes={"owner": "ada@example.com"})
    def write(to: str) -> dict[str, list[str]]:
        spanframe.update_current_trace(
            tags={"to": to}, user=to, request_preview=f"to {to}"
        )
        return {"sent": [to]}

    @spanframe.trace
    def fail(to: str) -> None:
        raise ValueError(f"{to} bounced")

    write("ada@example.com")
    with pytest.raises(ValueError, match="bounced"):
        fail("ada@example.com")
    spanframe.flush()
    sent = b"".join(request.SerializeToString() for request in sink.requests)
    assert b"ada@example.com" not in sent
    assert sink.span("write").attributes["mlflow.spanOutputs"] == '{"sent": ["[mail]"]}'


@pytest.mark.parametrize("broken", [len, int])
def test_a_redaction_that_fails_hides_the_text(broken: Any) -> None:
    assert Redaction((), broken).text("a secret") == "[redaction failed]"


def test_the_token_for_the_collector_is_not_printed() -> None:
    with pytest.raises(SettingsError) as refused:
        spanframe.configure(endpoint="http://user:hunter2@:x", token="hunter2")  # noqa: S106
    assert "hunter2" not in str(refused.value)


def test_keys_from_data_do_not_fill_the_memory() -> None:
    redaction = Redaction(("secret",))
    for i in range(10_000):
        redaction.hides(f"key {i}")
    assert len(redaction.known) <= 4096
    assert redaction.hides("x" * 100_000 + "_SECRET") is False
    assert max(map(len, redaction.known)) <= 256
