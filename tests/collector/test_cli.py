"""The collector's commands, as a shell runs them."""

import re
from pathlib import Path

import pytest

from spanframe.settings import rows
from spanframe_collector.settings import CollectorSettings
from spanframe_store.sql.migrations import HEAD
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
    copy = tmp_path / "copy.db"
    assert run("db", "backup", str(copy), "--store", url).returncode == 0
    again = run("db", "backup", str(copy), "--store", url)
    assert again.returncode == 2
    assert again.stderr.endswith("copy.db exists; name a file that does not.\n")
    assert run("db", "check", "--store", f"sqlite:///{copy}").returncode == 0


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
    done = run("db", "prune", "--older-than", "1d", "--store", store.url)
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
    assert "insecure = true" in lines
    assert "grpc = 0.0.0.0:5" in lines
    assert "http = 127.0.0.1:7" in lines
    assert "mask_keys = *password*,token" in lines
    secure = run("collector", "--print-config", "--secure", SPANFRAME_INSECURE="true")
    assert "insecure = false" in secure.stdout.splitlines()


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
