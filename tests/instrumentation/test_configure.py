"""`configure` takes every setting of the table, checked like a variable."""

import inspect
from collections.abc import Mapping, Sequence
from typing import Any, get_type_hints

import pytest

import spanframe
from spanframe._runtime import current_settings
from spanframe.errors import SettingsError
from spanframe.settings import ClientSettings, Configuration, rows

WIDER: dict[Any, Any] = {
    dict[str, str]: Mapping[str, str],
    tuple[str, ...]: Sequence[str],
}


def test_type_checkers_see_every_setting_with_its_type() -> None:
    """A keyword takes the type of its setting, or a wider one, or None."""
    settings = {row.field for row in rows(ClientSettings)}
    types = get_type_hints(ClientSettings)
    expected = {name: WIDER.get(types[name], types[name]) | None for name in settings}
    assert get_type_hints(Configuration) == expected
    assert Configuration.__required_keys__ == frozenset()


def test_help_names_every_setting() -> None:
    shown = inspect.signature(spanframe.configure).parameters
    settings = {row.field: row.sentence for row in rows(ClientSettings)}
    assert shown.keys() == settings.keys() | {"redact", "exporter"}
    for name, sentence in settings.items():
        assert f"{name}: {sentence}" in (spanframe.configure.__doc__ or "")


def test_a_keyword_that_is_no_setting_is_refused() -> None:
    with pytest.raises(TypeError, match="no keyword 'endpiont'"):
        spanframe.configure(endpiont="http://x")  # type: ignore[call-arg]
    with pytest.raises(TypeError, match=r"'stor'. Did you mean store\?"):
        spanframe.configure(stor="a.db")  # type: ignore[call-arg]


def test_none_leaves_a_setting_as_it_is() -> None:
    spanframe.configure(service_name="till")
    spanframe.configure(service_name=None, capture_limit=64)
    assert current_settings().service_name == "till"
    assert current_settings().capture_limit == 64


@pytest.mark.parametrize(
    ("name", "value", "why"),
    [
        ("capture_limit", 5, "5': write a whole number from 64"),
        ("sample_ratio", 1.5, "1.5': write a number from 0 to 1"),
        ("queue_size", 1.5, "1.5': write a whole number"),
        ("retry_for", float("inf"), "inf': write a number of seconds"),
        ("warehouses", {"a": "nonsense"}, "a=nonsense': write an SQLAlchemy URL"),
        ("sample_ratio", 7, "write a number from 0 to 1"),
        ("capture_limit", -5, "write a whole number from 64"),
        ("redact", 3, "write a function of a text"),
        ("exporter", 3, "write an OpenTelemetry span exporter"),
        ("redact_keys", 3, "write a text, or a list of texts"),
        ("redact_keys", ["pin", 3], "write a list of texts"),
        ("experiment", ["a"], "write one value, not a list"),
        ("store", ["a.db"], "write one value, not a list"),
        ("headers", {"a b": "c"}, "a secret: write name=value pairs"),
        ("headers", {"a": "two\nlines"}, "a secret: write printable ASCII"),
    ],
)
def test_a_value_is_checked_like_the_text_of_a_variable(
    name: str, value: Any, why: str
) -> None:
    with pytest.raises(SettingsError) as refused:
        spanframe.configure(**{name: value})
    assert f"{name} is " in str(refused.value)
    assert why in str(refused.value)


def test_values_of_every_kind_are_taken() -> None:
    stores = {"archive": "sqlite:///a,b.db"}
    spanframe.configure(
        warehouses=stores,
        headers={"X-Team": "a b"},
        redact_keys=["pin", "p(a,b)"],
        capture=False,
        retry_for=1,
    )
    settings = current_settings()
    assert settings.warehouses == stores
    assert settings.headers == {"x-team": "a b"}
    assert settings.redact_keys == ("pin", "p(a,b)")
    assert settings.capture is False
    assert settings.retry_for == 1.0


def test_recording_can_be_switched_off_and_on_by_a_setting() -> None:
    with spanframe.start_span("begun") as span:
        assert span.is_recording
    spanframe.configure(disabled=True)
    with spanframe.start_span("off") as span:
        assert not span.is_recording
    spanframe.configure(disabled=False)
    with spanframe.start_span("on") as span:
        assert span.is_recording
