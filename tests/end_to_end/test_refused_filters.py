"""A filter that cannot be used is refused before the store is touched."""

from pathlib import Path

import pytest

import spanframe
from spanframe.errors import FilterError

REFUSED = [
    "attributes.status = 'OK' OR attributes.status = 'ERROR'",
    "NOT attributes.status = 'OK'",
    "(attributes.status = 'OK')",
    "attributes.status = 'OK' AND AND name = 'x'",
    "attributes.status = 'OK' LIMIT 5",
    "attributes.status = 'OK'; DROP TABLE traces",
    "attributes.status = 'OK' -- and no more",
    "attributes.status = OK",
    "attributes.status = 'OK",
    "attributes.status == 'OK'",
    "attributes.statsu = 'OK'",
    "foo.bar = 'x'",
    "tags.environment > 'a'",
    "tags.retries = 5",
    "attributes.timestamp_ms > abc",
    "attributes.execution_time_ms LIKE '1%'",
    "attributes.execution_time_ms BETWEEN 1 AND 2",
    "1 = 1",
]


@pytest.mark.parametrize("text", REFUSED)
def test_a_bad_filter_is_one_error_with_a_caret(
    text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = tmp_path / "never-opened.db"
    monkeypatch.setenv("SPANFRAME_STORE", f"sqlite:///{store}")

    with pytest.raises(FilterError) as caught:
        spanframe.search_traces(text)

    assert text in str(caught.value)
    assert "^" in str(caught.value)
    assert caught.value.error_code == "INVALID_PARAMETER_VALUE"
    assert not store.exists()
