"""Facts of the process: its script names the service, Git names the commit."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

import spanframe
from spanframe._process import process_metadata, script_name
from tests.plugins.otlp_sink import OtlpSink

GIT = "spanframe.metadata.mlflow.source.git."
IDENTITY = ("-c", "user.name=a", "-c", "user.email=a@b", "-c", "commit.gpgsign=false")


def git(folder: Path, *arguments: str) -> str:
    command = ["git", *IDENTITY, *arguments]
    done = subprocess.run(
        command, cwd=folder, check=True, capture_output=True, text=True
    )
    return done.stdout.strip()


def known_in(folder: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    monkeypatch.chdir(folder)
    metadata = process_metadata.__wrapped__()
    return {k.removeprefix(GIT): v for k, v in metadata.items() if k.startswith(GIT)}


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    folder = tmp_path / "shop"
    folder.mkdir()
    git(folder, "init", "--quiet", "--initial-branch=feature/till")
    git(folder, "commit", "--quiet", "--allow-empty", "--message=first")
    return folder


def test_git_names_the_commit_the_branch_and_the_remote(
    repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit = git(repository, "rev-parse", "HEAD")
    assert known_in(repository, monkeypatch) == {
        "commit": commit,
        "branch": "feature/till",
    }
    git(repository, "remote", "add", "origin", "https://ada:s3cret@host/shop.git")
    below = repository / "a/b"
    below.mkdir(parents=True)
    expected = {
        "commit": commit,
        "branch": "feature/till",
        "repoURL": "https://host/shop.git",
    }
    assert known_in(below, monkeypatch) == expected
    git(repository, "pack-refs", "--all")
    assert known_in(repository, monkeypatch) == expected
    git(repository, "remote", "set-url", "origin", "git@host:shop.git")
    git(repository, "worktree", "add", "--quiet", "-b", "other", "../tree")
    assert known_in(repository.parent / "tree", monkeypatch) == {
        "commit": commit,
        "branch": "other",
        "repoURL": "git@host:shop.git",
    }
    git(repository, "checkout", "--quiet", "--detach")
    assert known_in(repository, monkeypatch)["commit"] == commit
    assert "branch" not in known_in(repository, monkeypatch)


@pytest.mark.parametrize(
    "files",
    [
        {},
        {".git": "gitdir: nowhere"},
        {".git/HEAD": ""},
        {".git/HEAD": "ref: refs/../../secret", ".git/config": ""},
        {".git/HEAD": "\0" * 100_000, ".git/config": "[remote"},
        {".git/HEAD": "ref: refs/heads/x", "secret": "key", ".git/packed-refs": "a b"},
    ],
)
def test_damaged_files_of_git_give_no_commit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, files: dict[str, str]
) -> None:
    (tmp_path / "secret").write_text("a" * 40)
    for name, text in files.items():
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    assert known_in(tmp_path, monkeypatch).keys() <= {"branch"}


@pytest.mark.parametrize(
    ("argv", "name"),
    [
        (["/srv/till.py", "x"], "till.py"),
        (["till"], "till"),
        (["/srv/shop/__main__.py"], "shop"),
        (["-c"], ""),
        ([""], ""),
        ([], ""),
    ],
)
def test_the_script_has_a_name(
    monkeypatch: pytest.MonkeyPatch, argv: list[str], name: str
) -> None:
    monkeypatch.setattr(sys, "argv", argv)
    assert script_name() == name


def service_of(sink: OtlpSink) -> str:
    with spanframe.start_span("a"):
        pass
    spanframe.flush()
    return str(sink.span("a").resource["service.name"])


def test_the_script_names_the_service_unless_the_app_does(
    sink: OtlpSink, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", ["/srv/till.py"])
    assert service_of(sink) == "till.py"


@pytest.mark.parametrize(
    "variables",
    [
        {"OTEL_SERVICE_NAME": "shop"},
        {"SPANFRAME_SERVICE_NAME": "shop", "OTEL_SERVICE_NAME": "other"},
        {"OTEL_RESOURCE_ATTRIBUTES": "service.name=shop,a=b"},
    ],
)
def test_a_variable_names_the_service(
    sink: OtlpSink, monkeypatch: pytest.MonkeyPatch, variables: dict[str, str]
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert service_of(sink) == "shop"


def test_a_program_without_a_script_has_no_name_of_a_script() -> None:
    program = (
        "import json, spanframe\n"
        "spanframe.start_span_no_context('a').end()\n"
        "found = spanframe.tracing.get_tracer_provider().resource.attributes\n"
        "print(json.dumps(dict(found)))\n"
    )
    run = subprocess.run(
        [sys.executable, "-c", program],
        check=True,
        capture_output=True,
        text=True,
        env={
            "PYTHONPATH": ":".join(sys.path),
            "OTEL_TRACES_EXPORTER": "none",
            "PATH": "/usr/bin:/bin",
        },
    )
    assert json.loads(run.stdout)["service.name"].startswith("unknown_service")
