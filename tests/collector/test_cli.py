"""The collector's commands, as a shell runs them."""

import re
import socket
import sqlite3
from contextlib import closing
from http.client import HTTPConnection
from pathlib import Path

import pytest

from spanframe.settings import rows
from spanframe_collector.settings import CollectorSettings
from spanframe_store.sql.migrations import HEAD
from tests.plugins.collector import Collector
from tests.plugins.forked import run
from tests.plugins.otlp import span
from tests.plugins.postgresql import Server
from tests.plugins.store import Store


def test_check_tells_the_state_of_a_store(store: Store) -> None:
    store.write(span(1), span(2, parent=1))
    done = run("db", "check", "--store", store.url)
    assert done.returncode == 0, done.stderr
    for fact in ("integrity", "ok", HEAD, "rows in spans", "2"):
        assert fact in done.stdout
    assert ("WAL" in done.stdout) == store.url.startswith("sqlite")


def test_check_finds_damage(store: Store) -> None:
    store.write(*(span(n, attributes={"x": "y" * 500}) for n in range(1, 200)))
    store.engine.dispose()
    with store.path.open("r+b") as file:
        file.seek(20 * 4096)
        file.write(b"\xff" * 4096)
    done = run("db", "check", "--store", store.url)
    assert done.returncode == 3
    assert "damaged" in done.stderr or "malformed" in done.stderr


def test_upgrade_makes_a_store_and_backup_copies_it(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'new.db'}"
    assert run("db", "upgrade", "--store", url).returncode == 0
    copy = tmp_path / ("long" * 25) / "copy.db"
    copy.parent.mkdir()
    assert run("db", "backup", str(copy), "--store", url).returncode == 0
    again = run("db", "backup", str(copy), "--store", url)
    assert again.returncode == 2
    assert again.stderr.endswith("copy.db exists; name a file that does not.\n")
    checked = run("db", "check", "--store", f"sqlite:///{copy}")
    assert checked.returncode == 0
    # A pipe gets lines as wide as they are.
    assert str(copy) in checked.stdout


def test_a_store_that_is_no_file_is_not_backed_up(
    postgresql: Server, empty_database: str, tmp_path: Path
) -> None:
    url = postgresql.url(empty_database)
    done = run("db", "backup", str(tmp_path / "copy.db"), "--store", url)
    assert done.returncode == 2
    assert done.stderr.endswith("is not a file: use pg_dump.\n")
    assert not list(tmp_path.iterdir())


def test_a_limit_of_size_is_refused_where_nobody_can_tell_it(
    postgresql: Server, empty_database: str
) -> None:
    url = postgresql.url(empty_database)
    done = run("collector", "--store", url, "--keep-size", "1GB")
    assert done.returncode == 2
    assert "keep_size needs a store on SQLite; give keep_age" in done.stderr


def test_prune_deletes_by_age(store: Store) -> None:
    store.write(span(1))
    prune = ("db", "prune", "--older-than", "1d", "--store", store.url)
    tried = run(*prune, "--dry-run")
    assert tried.stdout == "1 traces match; none is deleted.\n"
    unasked = run(*prune)
    assert unasked.returncode == 2
    assert "Nobody can be asked here: add --yes." in " ".join(unasked.stderr.split())
    done = run(*prune, "--yes")
    assert done.returncode == 0, done.stderr
    assert "Deleted 1 traces" in done.stdout
    assert (
        run("db", "prune", "--older-than", "5x", "--store", store.url).returncode == 2
    )


def test_rederive_tells_when_it_is_done(store: Store) -> None:
    store.write(span(1))
    done = run("db", "rederive", "--store", store.url)
    assert done.returncode == 0, done.stderr
    assert "again" in done.stdout


def test_print_config_prints_no_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    """Catalogue 56: neither a token nor the password of a store."""
    with monkeypatch.context() as patch:
        patch.setenv("SPANFRAME_TOKEN", "canary-1")
        patch.setenv("SPANFRAME_STORE", "postgresql+psycopg://me:canary-2@host/db")
        done = run("collector", "--print-config")
        started = run("collector")
    assert done.returncode == 0, done.stderr
    assert "postgresql+psycopg://me:***@host/db" in done.stdout
    assert started.returncode != 0
    assert "canary" not in done.stdout + done.stderr + started.stdout + started.stderr


def test_a_folder_that_does_not_exist_is_told(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'none' / 's.db'}"
    done = run("collector", "--store", url, "--grpc", "127.0.0.1:0", "--http", "")
    assert done.returncode == 3
    told = " ".join(done.stderr.split())
    assert "unable to open database file (does its folder exist, and may" in told
    assert "Traceback" not in done.stderr


def test_the_help_names_every_setting_with_its_option() -> None:
    done = run("collector", "--help", COLUMNS="250")
    assert done.returncode == 0
    shown = " ".join(done.stdout.split())
    listed = [row for row in rows(CollectorSettings) if not row.secret]
    assert len(listed) >= 20
    for row in listed:
        option = row.option.replace("/", " ")
        of = rf"{option} <\w+> {re.escape(row.sentence)} \[{', '.join(row.env)}; "
        assert re.search(of, shown), option


def test_a_secret_has_no_option() -> None:
    """An argument with a token would show in ``ps``."""
    secrets = [row.option for row in rows(CollectorSettings) if row.secret]
    assert secrets == ["--token", "--forward-token"]
    for option in secrets:
        done = run("collector", option, "canary")
        assert done.returncode == 2
        assert "No such option" in done.stderr


@pytest.mark.parametrize(
    "words", [["--no-such-option", "1"], ["--grpc"], ["--insecure=yes"]]
)
def test_a_mistyped_option_is_refused(words: list[str]) -> None:
    assert run("collector", *words).returncode == 2


def test_options_reach_the_settings() -> None:
    done = run(
        "collector",
        "--print-config",
        "--insecure",
        "--grpc=0.0.0.0:5",
        "--mask-keys=*password*, token",
        SPANFRAME_GRPC="127.0.0.1:6",
        SPANFRAME_HTTP="127.0.0.1:7",
    )
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert "insecure = true  # option" in lines
    assert "grpc = 0.0.0.0:5  # option" in lines
    assert "http = 127.0.0.1:7  # SPANFRAME_HTTP" in lines
    assert "mask_keys = *password*,token  # option" in lines
    assert "drain_seconds = 3  # default" in lines
    secure = run("collector", "--print-config", "--secure", SPANFRAME_INSECURE="true")
    assert "insecure = false  # option" in secure.stdout.splitlines()


def test_a_file_of_settings_is_read_below_options_and_variables(tmp_path: Path) -> None:
    file = tmp_path / "spanframe.toml"
    file.write_text(
        'store = "a.db"\ngrpc = "127.0.0.1:1"\nhttp = "127.0.0.1:2"\n'
        'drain_seconds = 7\ninsecure = true\nmask_keys = ["pin", "*code*"]\n'
    )
    words = ("--config", str(file), "--print-config", "--grpc", "127.0.0.1:8")
    done = run("collector", *words, SPANFRAME_HTTP="127.0.0.1:9")
    assert done.returncode == 0, done.stderr
    assert {
        "store = sqlite:///a.db  # store of spanframe.toml",
        "grpc = 127.0.0.1:8  # option",
        "http = 127.0.0.1:9  # SPANFRAME_HTTP",
        "drain_seconds = 7  # drain_seconds of spanframe.toml",
        "insecure = true  # insecure of spanframe.toml",
        "mask_keys = pin,*code*  # mask_keys of spanframe.toml",
    } <= set(done.stdout.splitlines())


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("stroe = 'a.db'", "has 'stroe', which is not a setting; did you mean store?"),
        ("[store]\nurl = 'a'", "has a table 'store': write store = VALUE"),
        ("store = a.db", "line 1"),
        ("drain_seconds = -1", "drain_seconds of s.toml is '-1': write a whole number"),
        (None, "No such file"),
    ],
)
def test_a_file_of_settings_with_a_mistake_is_refused(
    tmp_path: Path, text: str | None, told: str
) -> None:
    file = tmp_path / "s.toml"
    if text is not None:
        file.write_text(text)
    done = run("collector", "--config", str(file), "--print-config")
    assert done.returncode == 2
    assert told in " ".join(done.stderr.split())


def test_a_store_is_not_copied_to_itself(tmp_path: Path) -> None:
    path = tmp_path / "s.db"
    assert run("db", "upgrade", "--store", str(path)).returncode == 0
    link = tmp_path / "link.db"
    link.symlink_to(path)
    for other in (path, link):
        done = run("db", "copy", str(path), str(other))
        assert done.returncode == 2
        assert "would be copied to itself" in done.stderr


def test_a_file_of_another_program_is_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "theirs.db"
    with closing(sqlite3.connect(path)) as theirs, theirs:
        theirs.execute("CREATE TABLE places (url TEXT)")
    before = path.read_bytes()
    options = ("--store", str(path), "--grpc", "127.0.0.1:0", "--http", "off")
    for words in (("collector", *options), ("db", "upgrade", "--store", str(path))):
        done = run(*words)
        assert done.returncode == 3
        told = " ".join(done.stderr.split())
        assert "not a store of spanframe: it has the tables of another" in told
        assert "places" in told
    assert path.read_bytes() == before
    assert [each.name for each in tmp_path.iterdir()] == [path.name]


def test_a_port_that_is_taken_is_told_before_a_store_is_made(tmp_path: Path) -> None:
    path = tmp_path / "s.db"
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        for options in (("--grpc", address), ("--http", address)):
            ports = {"--grpc": "127.0.0.1:0", "--http": "127.0.0.1:0"}
            ports |= dict([options])
            words = [word for pair in ports.items() for word in pair]
            done = run("collector", "--store", str(path), *words)
            assert done.returncode == 3
            assert f"cannot listen on {address}" in " ".join(done.stderr.split())
    assert list(tmp_path.iterdir()) == []


def test_a_start_tells_the_store_and_a_denial_is_told_and_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SPANFRAME_TOKEN", "right")
    with Collector.running(tmp_path, "--keep-age", "36h") as collector:
        connection = HTTPConnection(collector.http_endpoint.removeprefix("http://"))

        def asked(method: str, path: str, **headers: str) -> tuple[int, bytes]:
            connection.request(method, path, headers=headers)
            response = connection.getresponse()
            return response.status, response.read()

        assert b"POST /v1/traces" in asked("GET", "/")[1]
        assert asked("POST", "/v1/traces")[0] == 401
        assert asked("POST", "/v1/traces", authorization="Bearer wrong")[0] == 401
        assert asked("PRI", "*")[0] == 404
        _, counted = asked("GET", "/metrics", authorization="Bearer right")
        connection.close()
        assert b'otelcol_receiver_requests_total{outcome="denied"} 2.0' in counted
        assert b'otelcol_receiver_requests_total{outcome="wrong_port"} 1.0' in counted
        assert collector.terminate() == 0
    log = collector.log
    store = rf"Store {re.escape(collector.store)}: version {HEAD}, 0\.\d MB; "
    assert re.search(rf"{store}keeps traces of 36 h", log)
    assert "A request was denied: it has no token" in log
    assert "A request was denied: it has a wrong token" in log
    assert "A sender speaks gRPC to the port of OTLP over HTTP" in log
    time = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}[+-]\d\d:\d\d "
    assert all(re.match(time, line) for line in log.splitlines())


@pytest.mark.parametrize("command", [["prune", "--older-than", "1d"], ["rederive"]])
def test_no_command_but_upgrade_makes_a_store(
    tmp_path: Path, command: list[str]
) -> None:
    path = tmp_path / "mistyped.db"
    done = run("db", *command, "--store", f"sqlite:///{path}")
    assert done.returncode == 3
    assert "There is no store at" in done.stderr
    assert not path.exists()


def test_numbers_among_the_options_are_checked_with_the_rest() -> None:
    done = run("collector", "--max-request-bytes", "16MB", "--drain-seconds", "601")
    assert done.returncode == 2
    told = " ".join(done.stderr.split())
    assert "max_request_bytes is '16MB': write a whole number" in told
    assert "drain_seconds is '601': write a whole number from 0 to 600" in told
