"""The table of MLflow's names is what `import spanframe as mlflow` meets."""

import ast
import importlib
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import spanframe
from spanframe._mlflow_names import Name, libraries, line_of, modules, names
from spanframe.client import SpanframeClient
from spanframe.entities import Session

HERE = [name for name in names() if name.state != "absent"]
ABSENT = [name for name in names() if name.state == "absent"]
MODULES = {name.name for name in names() if not name.owner}
OBJECTS: dict[str, object] = {
    "mlflow.entities.Session": Session("s", []),
    "mlflow.exceptions.MlflowException": spanframe.MlflowException("…"),
}


def found(whole: str) -> Any:
    """Return what a dotted name of MLflow's is in spanframe, as a program writes it."""
    path = whole.replace("mlflow", "spanframe", 1).split(".")
    for end in range(len(path), 0, -1):
        try:
            value: Any = importlib.import_module(".".join(path[:end]))
        except ModuleNotFoundError:
            continue
        for attribute in path[end:]:
            value = getattr(value, attribute)
        return value
    raise AssertionError(whole)


def imported(name: Name) -> Any:
    return importlib.import_module(name.name.replace("mlflow", "spanframe", 1))


def is_here(name: Name) -> bool:
    if not name.owner:
        return bool(found(name.name))
    owner = found(name.owner)
    # A field without a default is an attribute of objects alone.
    fields = {*getattr(owner, "__dataclass_fields__", {}), *vars(owner)}
    made = OBJECTS.get(name.owner)
    return name.name in fields or hasattr(made or owner, name.name)


def test_a_name_that_the_table_has_is_here() -> None:
    assert [name.whole for name in HERE if not is_here(name)] == []


def test_an_absent_name_says_what_it_is_here() -> None:
    for name in ABSENT:
        with pytest.raises((AttributeError, ModuleNotFoundError)) as missing:
            getattr(found(name.owner), name.name) if name.owner else imported(name)
        assert str(missing.value).endswith(name.line), name
        assert name.line.endswith(".")


def test_an_import_of_an_absent_name_says_so_too() -> None:
    for name in ABSENT:
        if name.owner in MODULES:
            module = name.owner.replace("mlflow", "spanframe", 1)
            with pytest.raises(ImportError) as missing:
                exec(f"from {module} import {name.name}", {})  # noqa: S102 - of the table
            assert str(missing.value).endswith(name.line)


def test_a_difference_says_how_and_why() -> None:
    different = [name for name in names() if name.state == "differs"]
    assert different
    assert all(name.line.endswith(".") for name in different)


def test_a_name_stands_once_in_the_table() -> None:
    every = [name.whole for name in names()]
    assert sorted(every) == sorted(set(every))


def test_an_object_says_it_as_its_class_does() -> None:
    client = SpanframeClient("sqlite:///unused.db")
    with pytest.raises(AttributeError, match=r"no attribute 'log_batch': runs, with"):
        _ = client.log_batch  # type: ignore[attr-defined]
    span = spanframe.entities.SpanStatus("OK")  # type: ignore[arg-type]
    with pytest.raises(AttributeError, match=r"'SpanStatus' object has no attribute"):
        _ = span.serch  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("log_metrics", "runs, with"),
        ("log_model", "models and their registry"),
        ("register_prompt", "prompts stay"),
        ("sklearn", "models and their registry"),
        ("tracing.context", "write `from spanframe.tracing import context`"),
        ("tracing.export.mlflow_v3", "belongs to the inside"),
        ("tracing.constant.GenAiSemconvKey", "spanframe does not use this constant"),
        ("MlflowClient.log_assessment", "spanframe does not keep assessments yet"),
        ("MlflowClient.log_feedback", "spanframe does not keep assessments yet"),
        ("MlflowClient.create_webhook", "belongs to MLflow's server"),
        ("entities.EvaluationDataset", "spanframe does not keep datasets yet"),
        ("exceptions.ExecutionException", "every error of spanframe"),
    ],
)
def test_other_parts_of_mlflow_say_where_they_are(name: str, line: str) -> None:
    *owner, last = f"mlflow.{name}".split(".")
    assert (line_of(".".join(owner), last) or "").startswith(line)


def test_a_name_of_nobody_is_missing_as_ever() -> None:
    with pytest.raises(ImportError, match="cannot import name 'serch'"):
        exec("from spanframe import serch", {})  # noqa: S102 - the point of the test
    with pytest.raises(
        ModuleNotFoundError, match=r"No module named 'spanframe\.serch'"
    ):
        importlib.import_module("spanframe.serch")
    assert not hasattr(spanframe, "__wrapped__")
    assert line_of("mlflow", "_private") is None


def test_a_module_shows_the_names_of_the_modules_it_stands_for() -> None:
    for name, module in modules().items():
        alias = importlib.import_module(name.replace("mlflow", "spanframe", 1))
        for at in module.at:
            for shown in set(importlib.import_module(at).__all__) - {"__version__"}:
                assert hasattr(alias, shown), (name, shown)
        for called in module.also:
            assert hasattr(alias, called), (name, called)
        assert dir(alias) == sorted(alias.__all__)
    everything: dict[str, object] = {}
    exec("from spanframe.tracing.fluent import *", everything)  # noqa: S102 - its point
    assert everything["start_span"] is spanframe.start_span
    assert dir(spanframe.openai) == ["autolog"]


def test_every_library_has_its_autolog() -> None:
    for library in libraries():
        assert callable(getattr(spanframe, library).autolog)
    shown = [n for n, kind in shown_to_type_checkers() if kind.endswith(".Library")]
    assert shown == sorted(libraries())


def shown_to_type_checkers() -> list[tuple[str, str]]:
    source = Path(str(spanframe.__file__)).read_text("utf-8")
    return [
        (ast.unparse(node.target), ast.unparse(node.annotation))
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.AnnAssign)
    ]


def test_an_app_that_misses_no_name_does_not_read_the_table() -> None:
    code = """
import sys
import spanframe, spanframe.client, spanframe.entities
with spanframe.start_span("s"):
    pass
print([name for name in ("tomllib", "importlib.metadata") if name in sys.modules])
"""
    ended = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert ended.stdout == "[]\n"
