"""A store URL that cannot be used: what is told, and that no password is shown."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import spanframe
from spanframe.__main__ import main
from spanframe._runtime import current_settings, runtime
from spanframe.client import SpanframeClient
from spanframe.errors import SettingsError, SpanframeError
from spanframe.settings import ClientSettings, redact_url, store_url
from spanframe_query.stores import reading
from spanframe_store.registry import backend_of
from tests.plugins.forked import run

# Each part of a password that a reader of an error could use.
SECRETS = ("hunter", "sekret", "cret")
MALFORMED = (
    "postgresql+psycopg://me:hunter@sekret@host/db",
    "postgresql+psycopg://me:hunter@sekret/cret@host/db",
    "postgresql+psycopg://me@corp:hunter@host/db",
    "postgresql+psycopg://me:hunter",
    "postgresql+psycopg://me:hunter/db",
    "postgresql+psycopg://me:hunter@host:port/db",
    "postgresql+psycopg://me:hunter@host:70000/db",
    "postgresql+psycopg://me:hunter@[::1/db",
    "postgresql+psycopg://me:hunter@ho st/db",
    "postgresql+psycopg://me:hun\nter@host/db",
    "postgresql+psycopg://host/db?password=hunter@sekret@x",
    "postgresql+psycopg://host/db?password=hunter&cret=1",
    "postgresql+psycopg://host/db?user=me&hunter=1",
    "postgresql+psycopg:me:hunter@host/db",
    "postgresql+psycopg:/me:hunter@host/db",
    "mysql://me:hunter@sekret@host/db",
    "://me:hunter@host/db",
    "host=h user=me password=hunter",
    "sqlite://me:hunter@host/db",
    "sqlite://spans.db",
    "sqlite:spans.db",
    "sqlite:///a\x01b.db",
    "sqlite+aiosqlite:///spans.db",
)


def told(error: str) -> str:
    assert not any(secret in error for secret in SECRETS), error
    assert "Traceback" not in error
    assert "sqlite:///FILE" in error or "//USER" in error, error
    return error


@pytest.mark.parametrize("url", MALFORMED)
def test_a_malformed_url_is_exit_2_and_a_sentence_with_the_form(
    url: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Every command that takes one."""
    monkeypatch.setenv("GRPC_VERBOSITY", "NONE")  # the collector sets it
    good = f"sqlite:///{tmp_path / 's.db'}"
    for words in (
        ["collector", "--store", url],
        ["db", "upgrade", "--store", url],
        ["db", "check", "--store", url],
        ["db", "prune", "--older-than", "1d", "--store", url],
        ["db", "rederive", "--store", url],
        ["db", "backup", str(tmp_path / "b.db"), "--store", url],
        ["db", "copy", url, good],
        ["db", "copy", good, url],
        ["search", "--store", url],
        ["get", "tr-" + "0" * 32, "--store", url],
    ):
        with pytest.raises(SystemExit) as ended:
            main(words)
        printed = capsys.readouterr()
        assert ended.value.code == 2, (words, printed.err)
        assert printed.out == ""
        told(printed.err)
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def _as_before() -> Iterator[None]:
    yield
    runtime.reset()


@pytest.mark.usefixtures("_as_before")
@pytest.mark.parametrize("url", MALFORMED)
def test_a_malformed_url_is_a_settings_error_in_python(url: str) -> None:
    def in_configure() -> None:
        spanframe.configure(store=url)
        reading(current_settings().store)

    def in_warehouses() -> None:
        reading(ClientSettings.load({"warehouses": {"w": url}}).warehouses["w"])

    calls: tuple[Callable[[], object], ...] = (
        in_configure,
        in_warehouses,
        lambda: reading(
            ClientSettings.load({"warehouses": f"w={url}"}).warehouses["w"]
        ),
        lambda: SpanframeClient(url).get_trace("tr-" + "0" * 32),
        lambda: backend_of(url).admin(url),
        lambda: backend_of(url).writer(url),
        lambda: reading(url),
    )
    for call in calls:
        with pytest.raises(SettingsError) as refused:
            call()
        told(str(refused.value))


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql+psycopg://me:hunter@h/db", "postgresql+psycopg://me:***@h/db"),
        ("postgresql+psycopg://me:hunt/e?r@h:1/d", "postgresql+psycopg://me:***@h:1/d"),
        ("postgresql+psycopg://:hunter@/db", "postgresql+psycopg://:***@/db"),
        ("postgresql+psycopg://me@[::1]:5/db", "postgresql+psycopg://me@[::1]:5/db"),
        ("postgresql+psycopg://a:1,b:2/db", "postgresql+psycopg://a:1,b:2/db"),
        (
            "postgresql+psycopg://h/db?sslmode=require&pass%77ord=hun#ter&cret",
            "postgresql+psycopg://h/db?sslmode=require&pass%77ord=***",
        ),
        ("postgresql+psycopg://me:hunter@sekret@h/db", "postgresql+psycopg://***"),
        ("http://u:hunter@h:1 https://v:cret@g", "http://u:***@h:1 https://v:***@g"),
        ("a=x://u:hunter@h,b=x://v:sekret", "***"),
        ("me:hunter@h/db", "***"),
        ("sqlite:////tmp/a@b:c#d.db?key=hunter", "sqlite:////tmp/a@b:c#d.db?key=***"),
        ("unix:/run/spanframe.sock", "unix:/run/spanframe.sock"),
        ("http://127.0.0.1:4317", "http://127.0.0.1:4317"),
    ],
)
def test_a_url_is_shown_without_its_password(url: str, shown: str) -> None:
    assert redact_url(url) == shown


def test_a_server_that_is_away_is_told_without_a_password() -> None:
    url = "postgresql+psycopg://me:hunter%40sek%2Fret@127.0.0.1:1/db?password=cret"
    with pytest.raises(SpanframeError, match=r"127\.0\.0\.1") as away:
        reading(url)
    assert not any(secret in str(away.value) for secret in SECRETS)
    done = run("db", "check", "--store", url)
    assert done.returncode == 3
    assert not any(secret in done.stderr for secret in SECRETS)


@pytest.mark.parametrize(
    ("path", "url"),
    [
        ("spans.db", "sqlite:///spans.db"),
        ("/var/lib/spans", "sqlite:////var/lib/spans"),
        ("./a b%c.sqlite3", "sqlite:///./a%20b%25c.sqlite3"),
        ("~/spans.sqlite", "sqlite:///~/spans.sqlite"),
    ],
)
def test_the_path_of_a_file_names_the_store_in_it(path: str, url: str) -> None:
    assert store_url(path) == url
