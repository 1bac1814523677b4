"""Programs write to a file, and copy its log into it, one at a time."""

import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from spanframe_store.sql.admin import SqlAdmin
from spanframe_store.sql.backend import open_engine
from spanframe_store.sql.engines import database_of
from spanframe_store.sql.engines.sqlite.turns import LOCK_SUFFIX, TurnConnection
from tests.plugins.otlp import TRACE, span
from tests.plugins.store import Store

_HOLD = """
import fcntl, sys
file = open(sys.argv[1])
fcntl.flock(file, fcntl.LOCK_EX)
print("held", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def kept(tmp_path: Path) -> Iterator[Store]:
    """A store with one trace."""
    with Store(tmp_path / "s.db") as store:
        store.write(span(1))
        yield store


def connection_of(path: Path, timeout: float) -> TurnConnection:
    connected = sqlite3.connect(path, timeout=timeout, factory=TurnConnection)
    assert isinstance(connected, TurnConnection)
    connected.lock_beside(path)
    return connected


def test_a_program_waits_for_the_turn_of_another_and_for_its_death(kept: Store) -> None:
    lock = f"{kept.path}{LOCK_SUFFIX}"
    connected = connection_of(kept.path, timeout=0.05)
    with subprocess.Popen(
        [sys.executable, "-c", _HOLD, lock],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as holder:
        assert holder.stdout is not None
        holder.stdout.readline()
        with pytest.raises(sqlite3.OperationalError, match="database is locked"):
            connected.take_turn()
        holder.kill()
        holder.wait()
        connected.take_turn()
    connected.close()


def holds_turn(path: Path) -> bool:
    """Return whether somebody has the turn."""
    other = connection_of(path, timeout=0)
    try:
        other.take_turn()
    except sqlite3.OperationalError:
        return True
    finally:
        other.close()
    return False


def test_a_transaction_has_the_turn_until_it_ends(kept: Store) -> None:
    with kept.engine.begin():
        assert holds_turn(kept.path)
    assert not holds_turn(kept.path)
    with kept.engine.connect() as connection:
        transaction = connection.begin()
        assert holds_turn(kept.path)
        transaction.rollback()
        assert not holds_turn(kept.path)


def test_a_transaction_that_cannot_begin_has_no_turn(
    kept: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = "spanframe_store.sql.engines.sqlite.connections._BUSY_TIMEOUT_SECONDS"
    monkeypatch.setattr(name, 0.05)
    foreign = sqlite3.connect(kept.path, isolation_level=None)
    foreign.execute("BEGIN IMMEDIATE")
    engine = open_engine(kept.url)
    with pytest.raises(OperationalError, match="locked"), engine.begin():
        pass
    assert not holds_turn(kept.path)
    foreign.close()
    held = connection_of(kept.path, timeout=0)
    held.take_turn()
    with pytest.raises(OperationalError, match="locked"), engine.begin():
        pass
    held.close()
    engine.dispose()


def test_a_checkpoint_has_the_turn(kept: Store) -> None:
    with kept.engine.connect() as connection:
        driver = connection.connection.driver_connection
        seen: list[bool] = []
        assert isinstance(driver, TurnConnection)
        driver.set_trace_callback(lambda _: seen.append(holds_turn(kept.path)))
        database_of(kept.engine).save_log(connection)
        driver.set_trace_callback(None)
    assert seen == [True]
    assert not holds_turn(kept.path)


def test_readers_need_no_turn_and_make_no_file(kept: Store) -> None:
    lock = Path(f"{kept.path}{LOCK_SUFFIX}")
    lock.unlink()
    engine = open_engine(kept.url, read_only=True)
    with engine.connect() as connection:
        connection.execute(text("SELECT 1"))
    engine.dispose()
    assert not lock.exists()


def test_a_lock_file_that_was_deleted_is_made_anew(kept: Store) -> None:
    with kept.engine.begin():
        Path(f"{kept.path}{LOCK_SUFFIX}").unlink()
    with kept.engine.begin():
        assert holds_turn(kept.path)


def test_a_link_to_a_store_has_its_lock(kept: Store, tmp_path: Path) -> None:
    link = tmp_path / "link.db"
    link.symlink_to(kept.path)
    with open_engine(f"sqlite:///{link}").begin():
        assert holds_turn(kept.path)
    assert not Path(f"{link}{LOCK_SUFFIX}").exists()


def test_a_forked_process_leaves_the_lock_to_its_parent(kept: Store) -> None:
    with kept.engine.begin():
        child = os.fork()
        if not child:
            os._exit(0 if holds_turn(kept.path) else 1)
        _, status = os.waitpid(child, 0)
        assert os.waitstatus_to_exitcode(status) == 0
        assert holds_turn(kept.path)


def test_an_edit_beside_a_writer_takes_its_turn(kept: Store) -> None:
    admin = SqlAdmin(open_engine(kept.url))
    admin.set_trace_tag(TRACE, "reviewed", "yes")
    admin.close()
    assert not holds_turn(kept.path)
