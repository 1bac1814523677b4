"""The commands beside ``search`` and ``get``, and how these two name a trace."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console
from rich.text import Text
from typer.testing import CliRunner

from spanframe.errors import FilterError, InvalidArgumentError, NotFoundError
from spanframe_query import cli, drawing
from spanframe_query.commands.looking import completed
from spanframe_query.console import output_console
from spanframe_query.entities import Trace
from spanframe_query.field_columns import chosen_columns
from spanframe_query.output import WRITERS
from spanframe_query.reader import read
from spanframe_query.said import said
from spanframe_query.stores import close_stores, reading
from spanframe_query.terminal import duration
from spanframe_store.contract.search import Search
from tests.plugins.sample_spans import otlp_span
from tests.plugins.store import Store

FIRST, SECOND = 0xABCD1111 << 96, 0xABCD2222 << 96


@pytest.fixture
def talk(searched: Store) -> Store:
    """Two traces of one session, the second one failed, in an experiment."""
    for trace, start_ms, question in ((FIRST, 0, "who?"), (SECOND, 2000, "größer?")):
        searched.write(
            otlp_span(
                trace,
                name="answer",
                start_ms=start_ms,
                status="ERROR" if trace == SECOND else "OK",
                message="no more" if trace == SECOND else "",
                attributes={
                    "mlflow.spanInputs": json.dumps({"question": question, "k": 3}),
                    "mlflow.spanOutputs": json.dumps("me"),
                    "session.id": "s-1",
                    "user.id": "ann",
                    "spanframe.experiment": "shop",
                },
            ),
            otlp_span(trace, 2, 1, name="look_up", start_ms=start_ms + 1),
        )
    return searched


def run(*words: str, store: Store) -> str:
    """Run a command and return what it printed."""
    words = (*words, "--store", store.url)
    result = CliRunner().invoke(cli.app, words, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.stdout


def test_a_trace_is_named_by_its_first_digits_or_latest(talk: Store) -> None:
    for named in ("abcd2", "tr-abcd2222", "ABCD2222", "latest", f"{SECOND:032x}"):
        assert f"tr-{SECOND:032x}" in run("get", named, store=talk)
    with pytest.raises(InvalidArgumentError, match=r"Several traces .* abcd: tr-abcd2"):
        run("get", "abcd", store=talk)
    for unknown in ("abc", "dead", "newest"):
        with pytest.raises(NotFoundError, match=f"no trace {unknown} "):
            run("get", unknown, store=talk)


def test_latest_of_an_empty_store_is_not_found(searched: Store) -> None:
    with pytest.raises(NotFoundError, match=r"There is no trace in "):
        run("get", "latest", store=searched)


def test_one_span_is_printed_whole(talk: Store) -> None:
    printed = run("get", "latest", "--span", "answer", store=talk)
    assert 'inputs: {"question": "größer?", "k": 3}' in printed
    assert "error: no more" in printed
    as_json = run("get", "latest", "--span", "look_up", "--output", "json", store=talk)
    assert json.loads(as_json)["name"] == "look_up"
    with pytest.raises(NotFoundError, match=r"no span step\. Its spans: answer, "):
        run("get", "latest", "--span", "step", store=talk)


def test_traces_are_counted_and_those_since_a_time(talk: Store) -> None:
    assert run("count", store=talk) == "2\n"
    assert run("count", "status = 'ERROR'", store=talk) == "1\n"
    for since, number in (("1h", 0), ("2025-11-23T00:00:01+00:00", 1), ("1000w", 2)):
        assert run("count", "--since", since, store=talk) == f"{number}\n"
    with pytest.raises(InvalidArgumentError, match="write an age"):
        run("count", "--since", "yesterday", store=talk)


def test_an_experiment_that_is_not_there_is_an_error_however_it_is_named(
    talk: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run("count", "--experiment", "shop", store=talk) == "2\n"
    with pytest.raises(NotFoundError, match="spanframe experiments"):
        run("count", "--experiment", "sohp", store=talk)
    monkeypatch.setenv("SPANFRAME_EXPERIMENT", "sohp")
    with pytest.raises(NotFoundError, match="SPANFRAME_EXPERIMENT"):
        run("search", store=talk)


def test_fields_experiments_and_sessions_are_listed(talk: Store) -> None:
    fields = run("fields", store=talk).splitlines()
    assert "metadata.`mlflow.trace.session`\ttext\t2\ts-1" in fields
    listed = run("experiments", store=talk).splitlines()
    assert listed == ["id\tname\ttraces", "0\tDefault\t0", "1\tshop\t2"]
    head, *rows = run("sessions", store=talk).splitlines()
    assert head.split("\t")[0] == "session"
    assert rows == ["s-1\t2\t2025-11-23 00:00:02\tann\tgrößer?"]


def test_figures_are_grouped_by_fields_and_time(talk: Store) -> None:
    assert run("stats", "--metrics", "count,error_rate", store=talk) == (
        "count\terror_rate\n2\t50.00%\n"
    )
    words = ("stats", "--by", "name,status", "--every", "1s", "--metrics", "count,p50")
    assert run(*words, store=talk).splitlines() == [
        "start (UTC)\tname\tstatus\tcount\tp50",
        "2025-11-23 00:00:00\tanswer\tOK\t1\t10 ms",
        "2025-11-23 00:00:02\tanswer\tERROR\t1\t10 ms",
    ]
    assert run("stats", "name = 'nobody'", "--by", "name", store=talk).count("\n") == 1
    with pytest.raises(FilterError, match="No such metric"):
        run("stats", "--metrics", "mean", store=talk)


def test_a_session_is_a_dialogue(talk: Store) -> None:
    lines = [line for line in run("session", "s-1", store=talk).splitlines() if line]
    assert [line for line in lines if not line.startswith("2025")] == [
        "ann: who?",
        "answer: me",
        "ann: größer?",
        "error: no more",
        "answer: me",
    ]
    with pytest.raises(NotFoundError, match="spanframe sessions"):
        run("session", "s-2", store=talk)


def test_tags_are_set_deleted_and_listed(talk: Store) -> None:
    assert "reviewed=yes=no\n" in run("tag", "latest", "reviewed=yes=no", store=talk)
    assert "reviewed" not in run("tag", "latest", "--delete", "reviewed", store=talk)
    with pytest.raises(InvalidArgumentError, match="write KEY=VALUE"):
        run("tag", "latest", "reviewed", store=talk)


def test_traces_are_deleted_after_a_question(talk: Store) -> None:
    delete = ("delete", "--filter", "status = 'ERROR'")
    assert run(*delete, "--dry-run", store=talk) == "1 traces match; none is deleted.\n"
    with pytest.raises(InvalidArgumentError, match=r"Delete 1 traces .* add --yes"):
        run(*delete, store=talk)
    with pytest.raises(InvalidArgumentError, match="Name ids of traces, or give"):
        run("delete", store=talk)
    assert run("count", store=talk) == "2\n"
    assert run(*delete, "--yes", store=talk) == "Deleted 1 traces.\n"
    assert run("delete", "abcd1", "--yes", store=talk) == "Deleted 1 traces.\n"
    assert run("count", store=talk) == "0\n"


def test_each_look_finds_what_has_ended_since(talk: Store) -> None:
    looks = completed(reading(talk.url), Search(), number=1)
    assert [trace.info.trace_id for trace in next(looks)] == [f"tr-{SECOND:032x}"]
    assert next(looks) == []
    late = otlp_span(7, start_ms=-50)
    talk.write(otlp_span(5, duration_ms=None), late)
    assert [trace.info.trace_id for trace in next(looks)] == [f"tr-{7:032x}"]
    talk.write(otlp_span(5, duration_ms=3))
    assert [trace.info.trace_id for trace in next(looks)] == [f"tr-{5:032x}"]


def test_a_tail_prints_until_it_is_interrupted(talk: Store) -> None:
    close_stores()
    words = ("tail", "-n", "1", "--every", "0.05", "--store", talk.url)
    with subprocess.Popen(
        [sys.executable, "-m", "spanframe", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert f"tr-{SECOND:032x}" in process.stdout.readline()
        talk.write(otlp_span(9, name="later"))
        assert "later" in process.stdout.readline()
        process.send_signal(signal.SIGINT)
        _, told = process.communicate()
    assert process.returncode == 130
    assert told == ""


def test_a_reader_that_has_enough_ends_a_tail_at_once(talk: Store) -> None:
    close_stores()
    words = ("tail", "-n", "1", "--every", "500", "--store", talk.url)
    with subprocess.Popen(
        [sys.executable, "-m", "spanframe", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline()
        process.stdout.close()
        try:
            assert process.wait(30) == 0
        finally:
            process.kill()
        assert process.stderr.read() == b""


@pytest.mark.parametrize("width", [50, 80])
def test_a_waterfall_fits_a_narrow_terminal(searched: Store, width: int) -> None:
    reason = "ValueError: the price of the item is not known to the shop " * 3
    searched.write(
        otlp_span(1, name="answer a question of a customer about the whole shop"),
        otlp_span(1, 2, 1, name="look_up", status="ERROR", message=reason),
    )
    [trace] = read(reading(searched.url), Search(), include_spans=True)
    console = Console(width=width, file=StringIO(), force_terminal=True)
    with console.capture() as captured:
        console.print(drawing.tree(trace))
    drawn = Text.from_ansi(captured.get()).plain.splitlines()
    root, child, *reasons = drawn[drawn.index("") + 1 :]
    assert root.startswith("answer a ")
    assert child.startswith("  look_up ")
    bars = {line.rstrip(" ").count("━") for line in (root, child)}
    assert min(bars) >= 9
    assert len(reasons) > 1
    assert all(line.startswith("    ") for line in reasons)
    assert " ".join(map(str.strip, reasons)) == reason.strip()
    assert max(map(len, drawn)) <= width


def test_a_pipe_gets_lines_as_wide_as_they_are(
    talk: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    reason = "no more " * 20 + "end"
    talk.write(otlp_span(7, start_ms=9000, status="ERROR", message=reason))
    printed = run("get", "latest", store=talk).splitlines()
    assert f"  {reason}" in printed
    assert f"error: {reason}" in printed
    clause = "tags.environment = 'x' AND " * 5
    output_console().print(drawing.clauses([(clause, "i", "every trace", True)]))
    assert len(capsys.readouterr().out.splitlines()) == 2


def test_no_traces_wanted_is_not_none_found(talk: Store) -> None:
    words = ["search", "-n", "0", "--store", talk.url]
    told = CliRunner().invoke(cli.app, words)
    assert told.stderr.startswith("2 traces match; -n 0 prints none of them.")
    none = CliRunner().invoke(cli.app, [*words, "name = 'else'"])
    assert "No traces match." in none.stderr


def test_a_reader_that_has_enough_ends_a_search_well(talk: Store) -> None:
    close_stores()
    ours, theirs = os.pipe()
    os.close(ours)
    ended = subprocess.run(
        [sys.executable, "-m", "spanframe", "search", "--store", talk.url],
        stdout=theirs,
        stderr=subprocess.PIPE,
        check=False,
    )
    os.close(theirs)
    assert (ended.returncode, ended.stderr) == (0, b"")


def test_a_terminal_of_another_encoding_gets_escapes(talk: Store) -> None:
    asked = json.dumps("größer 😀?")
    talk.write(otlp_span(8, attributes={"mlflow.spanInputs": asked}))
    close_stores()
    ended = subprocess.run(
        [sys.executable, "-m", "spanframe", "search", "--store", talk.url],
        env=os.environ | {"PYTHONIOENCODING": "latin-1"},
        stdout=subprocess.PIPE,
        check=True,
    )
    assert b"gr\xf6\xdfer \\U0001f600?" in ended.stdout


def test_a_file_is_whole_or_not_there(talk: Store, tmp_path: Path) -> None:
    file = tmp_path / "traces.json"
    file.write_text("before")

    def interrupted() -> Iterator[list[Trace]]:
        yield list(read(reading(talk.url), Search(), include_spans=False))
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        WRITERS["json"](interrupted(), chosen_columns(["name"]), file)
    assert file.read_text() == "before"
    assert list(tmp_path.glob("*traces*")) == [file]


def test_search_and_get_load_no_pandas(talk: Store) -> None:
    close_stores()
    script = f"""
import sys
from spanframe.__main__ import main
for words in (["search"], ["get", "latest"], ["count"]):
    try:
        main([*words, "--store", {talk.url!r}])
    except SystemExit:
        print("pandas" in sys.modules, file=sys.stderr)
"""
    ended = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert ended.stderr.split() == ["False"] * 3


@pytest.mark.parametrize(
    ("preview", "shown"),
    [
        (None, ""),
        ("plain", "plain"),
        ('"quoted"', "quoted"),
        ('{"any": "only text"}', "only text"),
        ('{"k": 3, "question": "why?"}', "why?"),
        ('{"a": "ä", "b": 1}', '{"a": "ä", "b": 1}'),
        ('{"a": "\\u00e4\\ud83d\\ude00 is cut', '{"a": "ä😀 is cut'),
        ("[1, 2]", "[1, 2]"),
    ],
)
def test_what_was_said_is_shown_without_its_json(
    preview: str | None, shown: str
) -> None:
    assert said(preview) == shown


def test_a_duration_has_the_unit_that_shows_it() -> None:
    shown = [duration(each) for each in (None, 0, 0.0004, 0.25, 1, 4.26, 12, 12345.6)]
    assert shown == [
        *("…", "0 ms", "0 µs", "250 µs", "1 ms", "4.3 ms", "12 ms", "12,346 ms")
    ]


def test_the_head_of_a_trace_and_its_root_show_one_duration(searched: Store) -> None:
    root = otlp_span(1, name="root")
    root.end_time_unix_nano = root.start_time_unix_nano + 12_700_000
    searched.write(root)
    head, *_, row = run("get", "latest", store=searched).rstrip().splitlines()
    assert " 13 ms " in head
    assert " 13 ms " in row
