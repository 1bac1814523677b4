"""Frameworks that look at what they are given run it, decorated."""

import os
import subprocess
import sys
import textwrap
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Annotated, Any

import click
import fastapi
import typer
from click.testing import CliRunner
from fastapi.responses import StreamingResponse
from fastapi.testclient import TestClient
from typer.testing import CliRunner as TyperRunner

import spanframe
from spanframe.testing import capture_spans


def test_click_and_typer_read_the_parameters_of_a_command() -> None:
    @click.command()
    @click.option("--number", type=int)
    @spanframe.trace
    def double(number: int) -> None:
        click.echo(2 * number)

    app = typer.Typer()

    @app.command()
    @spanframe.trace
    def show(number: int, loud: bool = False) -> None:
        typer.echo(f"{number}{'!' if loud else ''}")

    outside = spanframe.trace(double, name="outside")
    with capture_spans() as spans:
        assert CliRunner().invoke(double, ["--number", "4"]).output == "8\n"
        assert CliRunner().invoke(outside, ["--number", "5"]).output == "10\n"
        assert TyperRunner().invoke(app, ["4", "--loud"]).output == "4!\n"
    assert isinstance(outside, click.Command)
    assert [span.inputs for span in spans if span.name != "outside"] == [
        {"number": 4},
        {"number": 5},
        {"number": 4, "loud": True},
    ]


def test_pytest_runs_fixtures_that_yield_and_decorated_tests(tmp_path: Path) -> None:
    (tmp_path / "test_shop.py").write_text(
        textwrap.dedent("""
            import pytest
            import spanframe
            from spanframe.testing import capture_spans

            ended = []

            @pytest.fixture
            @spanframe.trace
            def shop(tmp_path):
                yield tmp_path
                ended.append("shop")

            @pytest.mark.parametrize("n", [1, 2])
            @spanframe.trace
            def test_with_a_fixture(shop, n):
                assert shop.exists()

            class TestOthers:
                @spanframe.trace
                def test_method(self, shop):
                    assert ended == ["shop", "shop"]
        """)
    )
    ended = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:randomly", tmp_path],
        env=os.environ | {"OTEL_TRACES_EXPORTER": "none"},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "3 passed" in ended.stdout, ended.stdout


def test_fastapi_runs_endpoints_dependencies_and_streams() -> None:
    closed: list[str] = []

    @spanframe.trace
    def session() -> Iterator[str]:
        yield "session"
        closed.append("session")

    @spanframe.trace
    async def async_session() -> AsyncIterator[str]:
        yield "async"
        closed.append("async")

    @spanframe.trace
    class Query:
        def __init__(self, q: str = "") -> None:
            self.q = q

    @spanframe.trace
    def pieces(n: int) -> Iterator[str]:
        yield from map(str, range(n))

    @spanframe.trace
    async def item(
        n: int,
        query: Annotated[Any, fastapi.Depends(Query)],
        one: Annotated[str, fastapi.Depends(session)],
        two: Annotated[str, fastapi.Depends(async_session)],
    ) -> list[Any]:
        return [n, query.q, one, two]

    @spanframe.trace
    def stream(n: int) -> Any:
        return StreamingResponse(pieces(n))

    app = fastapi.FastAPI()
    app.get("/item")(item)
    app.get("/stream")(stream)
    with capture_spans() as spans, TestClient(app) as client:
        answer = client.get("/item", params={"n": 4, "q": "tent"})
        assert answer.json() == [4, "tent", "session", "async"]
        assert sorted(closed) == ["async", "session"]
        assert client.get("/item", params={"n": "many"}).status_code == 422
        assert client.get("/stream", params={"n": 3}).text == "012"
        assert spans.named("pieces").outputs == ["0", "1", "2"]
        assert spans.named("pieces").parent_id == spans.named("stream").span_id
