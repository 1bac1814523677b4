"""What `import spanframe` offers."""

import importlib
import pickle
import subprocess
import sys
from types import ModuleType

import pytest

import spanframe
import spanframe.client
import spanframe.entities
from spanframe import _lazy
from spanframe.errors import MissingExtraError


def test_every_public_name_is_there_and_every_name_there_is_public() -> None:
    for name in spanframe.__all__:
        assert getattr(spanframe, name) is not None
    assert dir(spanframe) == sorted(spanframe.__all__)
    public = {
        name
        for name, value in vars(spanframe).items()
        if not name.startswith("_") and not isinstance(value, ModuleType)
    }
    assert public - {"TYPE_CHECKING", "Final"} <= set(spanframe.__all__)


def test_a_name_that_is_not_there_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="'spanframe' has no attribute 'serch'"):
        _ = spanframe.serch  # type: ignore[attr-defined]  # the point of the test


def test_a_misspelt_name_is_told_with_the_one_that_is_meant() -> None:
    with pytest.raises(AttributeError, match=r"'serach_traces'. Did you mean search_t"):
        _ = spanframe.serach_traces  # type: ignore[attr-defined]
    client = spanframe.MlflowClient("sqlite:///unused.db")
    with pytest.raises(
        AttributeError, match=r"'get_trce'. Did you mean get_trace\?"
    ) as e:
        _ = client.get_trce  # type: ignore[attr-defined]
    assert str(pickle.loads(pickle.dumps(e.value))) == str(e.value)  # noqa: S301
    assert not hasattr(spanframe, "_serach_traces")


def test_mlflows_names_are_the_same_objects() -> None:
    assert spanframe.MlflowException is spanframe.SpanframeError
    assert spanframe.client.MlflowClient is spanframe.client.SpanframeClient
    assert spanframe.SpanType is spanframe.entities.SpanType


@pytest.mark.parametrize("library", ["pandas", "sqlalchemy", "alembic"])
def test_a_library_that_is_not_installed_names_the_install_line(
    monkeypatch: pytest.MonkeyPatch, library: str
) -> None:
    def missing(module: str) -> None:
        raise ModuleNotFoundError(f"No module named {library!r}", name=library)

    monkeypatch.setattr(importlib, "import_module", missing)
    with pytest.raises(MissingExtraError) as refused:
        _lazy.query("search_traces", "spanframe_query")
    assert "search_traces" in str(refused.value)
    assert "pip install 'spanframe[query]'" in str(refused.value)


def test_a_fault_of_ours_is_not_taken_for_a_missing_extra(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def broken(module: str) -> None:
        raise ModuleNotFoundError("no typo", name="spanframe_query.typo")

    monkeypatch.setattr(importlib, "import_module", broken)
    with pytest.raises(ModuleNotFoundError, match="typo") as raised:
        _lazy.query("search_traces", "spanframe_query")
    assert not isinstance(raised.value, MissingExtraError)


@pytest.mark.parametrize(
    "code",
    [
        "import spanframe",
        "import spanframe.client, spanframe.entities, spanframe.testing",
        """import spanframe
with spanframe.start_span('s'): pass
loaded = set(sys.modules)""",
    ],
    ids=["import", "modules", "first span"],
)
def test_recording_loads_nothing_heavy_in_the_apps_thread(code: str) -> None:
    script = f"""
import sys
{code}
loaded = loaded if "loaded" in dir() else set(sys.modules)
heavy = ["grpc", "google.protobuf", "numpy", "pandas", "pydantic", "requests"]
heavy += ["sqlalchemy", "typer", "spanframe_query", "spanframe_collector"]
print([name for name in heavy if name in loaded])
import os
os._exit(0 if sys.stdout.flush() is None else 1)
"""
    ended = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert ended.stdout == "[]\n"
