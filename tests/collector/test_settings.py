"""The collector's settings: bad ones stop the start, all named at once."""

import pytest

from spanframe.errors import SettingsError
from spanframe_collector.settings import CollectorSettings
from spanframe_serving.addresses import Address


def test_the_defaults_are_local_and_safe() -> None:
    settings = CollectorSettings.load(environ={})
    assert str(settings.grpc) == "127.0.0.1:4317"
    assert settings.store == "sqlite:///spanframe.db"
    assert settings.grpc.is_local


@pytest.mark.parametrize(
    ("text", "address", "local"),
    [
        ("127.0.0.1:0", Address("127.0.0.1", 0), True),
        ("[::1]:4317", Address("::1", 4317), True),
        ("localhost:1", Address("localhost", 1), True),
        ("unix:/run/s.sock", Address("unix:/run/s.sock", 0), True),
        ("0.0.0.0:4317", Address("0.0.0.0", 4317), False),  # noqa: S104
        ("collector:4317", Address("collector", 4317), False),
    ],
)
def test_addresses(text: str, address: Address, local: bool) -> None:
    settings = CollectorSettings.load({"grpc": text, "insecure": True}, {})
    assert settings.grpc == address
    assert settings.grpc.is_local is local
    assert str(settings.grpc) == text


def test_http_can_be_off() -> None:
    assert str(CollectorSettings.load(environ={}).http) == "127.0.0.1:4318"
    assert CollectorSettings.load(environ={"SPANFRAME_HTTP": "off"}).http is None


@pytest.mark.parametrize(
    "text", ["*", "shop.example", "https://shop.example/", "null", "https://a\nb"]
)
def test_an_origin_is_a_scheme_and_a_host(text: str) -> None:
    with pytest.raises(SettingsError, match="SCHEME://HOST"):
        CollectorSettings.load({"cors_origins": f"https://ok.example {text}"}, {})


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        ("keep_size", "10KB", "at least 1MB"),
        ("keep_size", "0GB", "at least 1MB"),
        ("keep_size", "10", "MB, GB or TB"),
        ("keep_age", "0d", "keeps no trace"),
    ],
)
def test_a_limit_that_would_keep_no_trace_is_refused(
    name: str, text: str, told: str
) -> None:
    with pytest.raises(SettingsError, match=told):
        CollectorSettings.load({name: text}, {})
    assert CollectorSettings.load({"keep_size": "1mb"}, {}).keep_size == 10**6


def test_every_problem_is_told_at_once() -> None:
    with pytest.raises(SettingsError) as caught:
        CollectorSettings.load(
            {"grpc": "4317"},
            {
                "SPANFRAME_STORE": "spanframe",
                "SPANFRAME_INSECURE": "maybe",
                "SPANFRAME_MAX_REQUEST_BYTES": "lots",
            },
        )
    assert caught.value.problems == [
        (
            "SPANFRAME_STORE is 'spanframe': write an SQLAlchemy URL, "
            "sqlite:///FILE or postgresql+psycopg://USER:PASSWORD@HOST:PORT/DATABASE, "
            "with @ : / ? # and % in a user or password as %40 %3A %2F %3F %23 and %25"
        ),
        "grpc is '4317': write HOST:PORT, for example 127.0.0.1:4317, or unix:PATH",
        "SPANFRAME_INSECURE is 'maybe': write true or false",
        (
            "SPANFRAME_MAX_REQUEST_BYTES is 'lots': write a whole number from 1024 to "
            "1073741824"
        ),
    ]


def test_a_receiver_for_the_network_needs_a_token_or_insecure() -> None:
    everywhere = {"grpc": "0.0.0.0:4317"}
    with pytest.raises(SettingsError, match="set SPANFRAME_TOKEN"):
        CollectorSettings.load(everywhere, {})
    CollectorSettings.load(everywhere, {"SPANFRAME_TOKEN": "t"})
    CollectorSettings.load({**everywhere, "insecure": True}, {})
    with pytest.raises(SettingsError, match=r"http is 0\.0\.0\.0:4318"):
        CollectorSettings.load({"http": "0.0.0.0:4318"}, {})


def test_a_budget_below_one_request_is_refused() -> None:
    with pytest.raises(SettingsError, match="could never be accepted"):
        CollectorSettings.load({"max_in_flight_bytes": 2048}, {})


def test_what_is_printed_holds_no_secret() -> None:
    settings = CollectorSettings.load(
        {"store": "postgresql+psycopg://me:hunter2@db/spans"},
        {"SPANFRAME_TOKEN": "s3cret"},
    )
    printed = settings.printable()
    assert printed["store"] == "postgresql+psycopg://me:***@db/spans"
    assert printed["token"] == "***"  # noqa: S105
    assert "hunter2" not in str(printed)
