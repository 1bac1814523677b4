"""The commands that search: tables, JSON, CSV, Parquet, what is told beside them."""

import contextlib
import csv
import io
import json
import os
import pty
import re
import subprocess
import sys
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from spanframe.errors import FilterError, InvalidArgumentError, NotFoundError
from spanframe_query.cli import app
from spanframe_query.stores import close_stores
from spanframe_query.terminal import shortened, visible
from tests.plugins import forked
from tests.plugins.sample_spans import START_MS, otlp_span, request_id
from tests.plugins.store import Store

HOSTILE = "\x1b[31mred\x1b]0;title\x07 \x9b2J \u202eback\r\nnext [bold]x[/bold] \ud7ff"
COLUMNS = [
    "request_id",
    "timestamp_ms",
    "status",
    "execution_time_ms",
    "request",
    "response",
    "request_metadata",
    "spans",
    "tags",
]


@pytest.fixture
def shop(searched: Store) -> Store:
    """Three traces: a failed one of an experiment, a hostile one, one in progress."""
    searched.write(
        otlp_span(
            1,
            1,
            name="answer",
            status="ERROR",
            message="it broke",
            attributes={
                "mlflow.spanInputs": '{"q": "why?"}',
                "mlflow.spanOutputs": '"=1+1"',
                "mlflow.traceTag.env": "prod",
                "user.id": "ann",
                "spanframe.experiment": "shop",
            },
        ),
        otlp_span(1, 2, 1, name="step", start_ms=2, duration_ms=4),
        otlp_span(
            2,
            name=HOSTILE,
            start_ms=10,
            attributes={
                "mlflow.spanInputs": json.dumps(HOSTILE),
                "mlflow.spanType": json.dumps(HOSTILE),
                f"mlflow.traceTag.{HOSTILE}": HOSTILE,
                "user.id": HOSTILE,
            },
            status="ERROR",
            message=HOSTILE,
        ),
        otlp_span(3, name="open", start_ms=20, duration_ms=None),
    )
    return searched


TABLE = "request_id,timestamp_ms,tags"


def run(*words: str, store: Store | None = None, width: int = 160) -> str:
    """Run a command and return what it printed."""
    options = ["--store", store.url] if store else []
    result = CliRunner().invoke(
        app, [*words, *options], catch_exceptions=False, env={"COLUMNS": str(width)}
    )
    assert result.exit_code == 0, result.output
    return result.stdout


def on_terminal(*words: str, store: Store, width: int) -> list[str]:
    """Run a command on a terminal of some width; return the lines it showed."""
    close_stores()
    terminal, end = pty.openpty()
    subprocess.run(
        [sys.executable, "-m", "spanframe", *words, "--store", store.url],
        env=os.environ | {"TERM": "xterm", "COLUMNS": str(width)},
        stdout=end,
        stderr=subprocess.PIPE,
        check=True,
    )
    os.close(end)
    shown = b""
    with contextlib.suppress(OSError):  # the end of a terminal
        while part := os.read(terminal, 100_000):
            shown += part
    os.close(terminal)
    return re.sub(r"\x1b\[[0-9;]*m", "", shown.decode()).splitlines()


def test_a_terminal_shows_whole_ids_questions_and_errors(shop: Store) -> None:
    lines = on_terminal("search", store=shop, width=80)
    assert [line.split()[0] for line in lines if line.startswith("tr-")] == [
        request_id(n) for n in (3, 2, 1)
    ]
    assert "ERROR  10 ms  answer" in lines[-2]
    assert lines[-1].split() == ["it", "broke", "why?"]
    head, *rows = on_terminal("search", store=shop, width=160)
    assert head.split()[-3:] == ["name", "request", "error"]
    assert rows[-1].split()[-5:] == ["10", "answer", "why?", "it", "broke"]


def test_a_pipe_gets_one_line_a_trace_as_wide_as_it_is(searched: Store) -> None:
    asked = json.dumps({"question": "größer? " * 20})
    searched.write(otlp_span(1, attributes={"mlflow.spanInputs": asked}))
    _, line = run("search", store=searched, width=40).splitlines()
    assert line.split()[0] == request_id(1)
    assert "größer? " * 15 in line


def test_a_table_shows_traces_newest_first_with_whole_ids(shop: Store) -> None:
    lines = run("search", "--columns", TABLE, store=shop).splitlines()
    assert [line.split()[0] for line in lines] == [
        "request_id",
        *(request_id(n) for n in (3, 2, 1)),
    ]
    assert "2025-11-23 00:00:00" in lines[3]
    assert "env=prod" in lines[3]


def test_a_filter_an_order_and_a_limit_are_taken(shop: Store) -> None:
    def found(*words: str) -> list[str]:
        printed = run("search", *words, "--output", "json", store=shop)
        return [json.loads(line)["request_id"][-1] for line in printed.splitlines()]

    assert found("tags.env = 'prod'") == ["1"]
    assert found("--order-by", "timestamp_ms ASC") == ["1", "2", "3"]
    assert found("-n", "2") == ["3", "2"]
    assert found("-n", "0") == []
    assert found("-n", "1", "--all") == ["3", "2", "1"]
    assert found("--experiment", "shop") == ["1"]
    assert found("--experiment", "0") == ["3", "2"]
    assert found("--experiment", "shop", "--experiment", "Default") == ["3", "2", "1"]


def test_more_matches_are_mentioned_beside_the_output(shop: Store) -> None:
    result = CliRunner().invoke(app, ["search", "-n", "1", "--store", shop.url])
    assert "More traces match than these 1" in result.stderr
    result = CliRunner().invoke(app, ["search", "-n", "3", "--store", shop.url])
    assert result.stderr == ""


def test_json_is_a_record_a_line(shop: Store) -> None:
    printed = run("search", "tags.env = 'prod'", "--output", "json", store=shop)
    record = json.loads(printed)
    assert list(record) == COLUMNS
    assert [span["name"] for span in record["spans"]] == ["answer", "step"]
    assert record["timestamp_ms"] == START_MS
    assert (record["status"], record["execution_time_ms"]) == ("ERROR", 10)
    assert (record["request"], record["response"]) == ({"q": "why?"}, "=1+1")
    assert record["tags"]["env"] == "prod"


def test_csv_has_a_head_and_json_text_for_objects(shop: Store) -> None:
    printed = run("search", "--output", "csv", store=shop)
    head, *rows = csv.reader(io.StringIO(printed))
    assert head == COLUMNS
    record = dict(zip(head, rows[2], strict=True))
    assert json.loads(record["request"]) == {"q": "why?"}
    assert json.loads(record["tags"])["env"] == "prod"
    assert dict(zip(head, rows[0], strict=True))["execution_time_ms"] == ""


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r"])
def test_csv_defuses_what_a_spreadsheet_would_run(searched: Store, start: str) -> None:
    outputs = json.dumps(f"{start}cmd()")
    searched.write(otlp_span(1, attributes={"mlflow.spanOutputs": outputs}))
    words = ("search", "--output", "csv", "--columns", "response,timestamp_ms")
    [_, [response, timestamp]] = csv.reader(
        io.StringIO(run(*words, store=searched), newline="")
    )
    assert response == f"'{start}cmd()"
    assert timestamp == str(START_MS)


def test_parquet_keeps_types_and_json_text(shop: Store, tmp_path: Path) -> None:
    file = tmp_path / "traces.parquet"
    run("search", "--output", "parquet", "--file", str(file), store=shop)
    table = pq.read_table(file)
    assert table.column_names == COLUMNS
    assert str(table.schema.field("timestamp_ms").type) == "int64"
    assert table["execution_time_ms"].to_pylist() == [None, 10, 10]
    assert json.loads(table["request"][2].as_py()) == {"q": "why?"}
    assert [len(cell) for cell in table["spans"].to_pylist()] == [1, 1, 2]


def test_parquet_of_nothing_has_the_columns(shop: Store, tmp_path: Path) -> None:
    file = tmp_path / "none.parquet"
    words = ("search", "name = 'nobody'", "--output", "parquet", "--file", str(file))
    run(*words, store=shop)
    assert pq.read_table(file).column_names == COLUMNS


def test_columns_are_chosen_and_ordered(shop: Store) -> None:
    words = ("search", "--output", "csv", "--columns", "status, request_id")
    assert run(*words, store=shop).splitlines()[0] == '"status","request_id"'


def test_an_unknown_column_is_refused_with_the_known(shop: Store) -> None:
    with pytest.raises(FilterError, match="Did you mean trace_id"):
        run("search", "--columns", "trace", store=shop)
    with pytest.raises(InvalidArgumentError, match="write spans"):
        run("search", "--columns", "span.content", store=shop)


def test_any_field_is_a_column(shop: Store) -> None:
    names = "name,tags.env,error,user,session,service,total_tokens,cost_usd,span.name,"
    names += "metadata.`mlflow.trace.user`,span.attributes.`user.id`,end_time_ms"
    words = ("search", "tags.env = 'prod'", "--columns", names, "--output", "json")
    assert list(json.loads(run(*words, store=shop)).values()) == [
        *("answer", "prod", "it broke", "ann", None, None, None, None),
        *(["answer", "step"], "ann", ["ann"], START_MS + 10),
    ]


def test_a_table_goes_to_no_file(shop: Store, tmp_path: Path) -> None:
    with pytest.raises(InvalidArgumentError, match="--file needs a format"):
        run("search", "--file", str(tmp_path / "f"), store=shop)


def test_a_file_that_cannot_be_written_is_an_error(shop: Store, tmp_path: Path) -> None:
    with pytest.raises(InvalidArgumentError, match="cannot be written"):
        run("search", "--output", "json", "--file", str(tmp_path), store=shop)


def test_errors_of_the_search_are_ours(shop: Store) -> None:
    with pytest.raises(FilterError):
        run("search", "statsu = 'OK'", store=shop)
    for name in ("nowhere", "77", "9" * 5000):
        with pytest.raises(NotFoundError, match="no experiment"):
            run("search", "--experiment", name, store=shop)


@pytest.mark.parametrize(
    "words",
    [
        ("search",),
        ("search", "--columns", "request_metadata,tags,spans,request,response"),
        ("search", "--output", "json"),
        ("get", request_id(2)),
        ("get", request_id(2), "--output", "json"),
    ],
)
def test_no_terminal_obeys_what_is_stored(shop: Store, words: tuple[str, ...]) -> None:
    printed = run(*words, store=shop)
    assert "red" in printed
    assert all(c.isprintable() or c == "\n" for c in printed)


def test_markup_is_not_obeyed(shop: Store) -> None:
    assert "[bold]x[/bold]" in run("get", request_id(2), store=shop)


def test_a_trace_is_drawn_with_its_facts_and_spans(shop: Store) -> None:
    printed = run("get", request_id(1), store=shop)
    head, *lines = printed.splitlines()
    assert head.split()[:4] == ["answer", request_id(1), "ERROR", "10"]
    assert "user: ann" in lines
    assert "env: prod" in lines
    assert 'request: {"q": "why?"}' in lines
    assert any(line.startswith("  step") and "4 ms" in line for line in lines)
    assert "it broke" in printed


def test_a_trace_in_progress_is_drawn(shop: Store) -> None:
    assert "IN_PROGRESS  …" in run("get", request_id(3), store=shop)


def test_what_redaction_hid_is_listed_with_the_reason(searched: Store) -> None:
    headers = [["accept", "json"], ["Authorization", "[redacted]"]]
    hidden = {"password": "[redacted]", "name": "ada", "headers": headers}
    searched.write(
        otlp_span(
            4,
            name="login",
            attributes={
                "mlflow.spanInputs": json.dumps(hidden),
                "mlflow.traceTag.shop": "[redacted]",
                "client.token": "[redacted]",
            },
        )
    )
    printed = run("get", request_id(4), store=searched).splitlines()
    key = "the key matches the built-in pattern {}".format
    assert sorted(line for line in printed if line.startswith("hidden")) == [
        f"hidden: login client.token: {key('token')}",
        f"hidden: login inputs.headers.1.Authorization: {key('*authorization*')}",
        f"hidden: login inputs.password: {key('*password*')}",
        "hidden: tags.shop: by a setting of the app or of the collector",
    ]


def test_a_trace_is_printed_as_json(shop: Store) -> None:
    printed = run("get", request_id(1), "--output", "json", store=shop)
    assert json.loads(printed)["info"]["trace_id"] == request_id(1)


def test_a_trace_that_is_not_there_is_not_found(shop: Store) -> None:
    with pytest.raises(NotFoundError, match=r"no trace \\x1b\[2J in \w+"):
        run("get", "\x1b[2J", store=shop)


def test_the_program_prints_machine_clean_json_to_a_file(shop: Store) -> None:
    close_stores()
    environment = {"SPANFRAME_STORE": shop.url, "FORCE_COLOR": "1"}
    ended = forked.run("search", "--output", "json", **environment)
    assert ended.returncode == 0
    assert len([json.loads(line) for line in ended.stdout.splitlines()]) == 3
    assert "\x1b" not in ended.stdout


def test_the_program_says_what_is_wrong_with_a_filter(shop: Store) -> None:
    ended = forked.run("search", "statsu = 'OK'", SPANFRAME_STORE=shop.url)
    assert ended.returncode == 2
    assert "\n  ^^^^^^\n" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_no_match_is_said_beside_the_output(shop: Store) -> None:
    words = ["search", "name = 'nobody'", "--store", shop.url]
    result = CliRunner().invoke(app, words, catch_exceptions=False)
    assert result.stdout == ""
    assert "No traces match." in result.stderr


def test_a_slow_search_shows_on_the_terminal_that_it_reads(shop: Store) -> None:
    script = f"""
import time
from spanframe_query import cli, reader

def slow(*arguments, **options):
    for page in pages(*arguments, **options):
        time.sleep(0.5)
        yield page

pages, reader.read_pages = reader.read_pages, slow
cli._PROGRESS_DELAY_SECONDS = 0.1
cli.app(["search", "--output", "json", "--store", {shop.url!r}])
"""
    terminal, end = pty.openpty()
    ended = subprocess.run(
        [sys.executable, "-c", script],
        env=os.environ | {"TERM": "xterm", "COLUMNS": "80"},
        stdout=subprocess.PIPE,
        stderr=end,
        check=True,
    )
    os.close(end)
    shown = os.read(terminal, 100_000)
    os.close(terminal)
    assert b"reading" in shown
    assert len([json.loads(line) for line in ended.stdout.splitlines()]) == 3


def test_visible_text_is_spelled_out() -> None:
    assert visible("a b\u00e9") == "a b\u00e9"
    assert visible("\x1b[0m\u202e\n") == "\\x1b[0m\\u202e\\n"


def test_a_cut_is_marked_and_bounds_escapes_too() -> None:
    assert shortened("abcdef", 6) == "abcdef"
    assert shortened("abcdefg", 6) == "abcde…"
    assert len(shortened("\x1b" * 1000, 6)) == 6
