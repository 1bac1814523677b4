"""A store that is damaged, gone or shut takes nothing: no span is lost in it."""

import os
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy.exc import InternalError

from spanframe_store.contract.errors import (
    StoreUnavailableError,
    StoreUnusableError,
)
from spanframe_store.sql import schema
from spanframe_store.sql.backend import open_engine
from spanframe_store.sql.engines import DATABASES
from tests.plugins.contents import contents
from tests.plugins.otlp import span
from tests.plugins.store import Store, stored_spans

# --- a probe --------------------------------------------------------------------------


def test_a_probe_leaves_nothing_behind(store: Store) -> None:
    store.write(span(1))
    before = contents(store)
    store.writer.probe()
    store.writer.check()
    assert contents(store) == before
    assert store.write(span(1), span(2, parent=1)) == (1, 1)


@pytest.mark.parametrize("table", ["spans", "traces", "attribute_index", "resources"])
def test_a_store_without_a_table_is_tried_again_until_it_is_back(
    store: Store, table: str
) -> None:
    rename = f"ALTER TABLE {table} RENAME TO elsewhere"
    tagged = span(1, attributes={"mlflow.traceTag.key": "value"})
    with store.engine.begin() as connection:
        connection.exec_driver_sql(rename)
    for use in (lambda: store.write(tagged), store.writer.probe):
        with pytest.raises(StoreUnavailableError, match=f"{table}.* restore a backup"):
            use()
    with store.engine.begin() as connection:
        connection.exec_driver_sql(f"ALTER TABLE elsewhere RENAME TO {table}")
    store.writer.probe()
    assert store.write(tagged) == (1, 0)


def test_equal_keys_are_a_fault_of_the_store(store: Store) -> None:
    """The writer takes the next key; an index that is damaged gives a wrong one."""
    store.write(span(1))
    with store.engine.begin() as connection:
        connection.exec_driver_sql("CREATE UNIQUE INDEX one ON traces (experiment_id)")
    with pytest.raises(StoreUnavailableError, match=r"(?i)unique"):
        store.write(span(2, trace_id=b"2" * 16))


# --- a damaged file -------------------------------------------------------------------


def overwrite(path: Path, start: int) -> None:
    with path.open("r+b") as file:
        file.seek(start)
        file.write(b"\xa5" * (path.stat().st_size - start))


@pytest.fixture
def damaged(tmp_path: Path, empty_file: Path) -> Callable[[int], Store]:
    """A store whose file is overwritten from some byte on."""

    def make(start: int) -> Store:
        path = Path(shutil.copy(empty_file, tmp_path / "damaged.db"))
        store = Store(path)
        store.engine.dispose()
        overwrite(path, start)
        return store

    return make


@pytest.mark.parametrize(
    ("start", "message"),
    [(0, "file is not a database"), (8192, "database disk image is malformed")],
)
def test_a_damaged_file_is_written_no_more(
    damaged: Callable[[int], Store], start: int, message: str
) -> None:
    store = damaged(start)
    before = store.path.read_bytes()
    for _ in range(2):
        with pytest.raises(StoreUnusableError, match=f"{message} .*restore a backup"):
            store.write(span(1))
    with pytest.raises(StoreUnusableError):
        store.writer.probe()
    assert store.path.read_bytes()[100:] == before[100:]
    store.close()


def test_a_server_that_finds_damage_is_written_no_more() -> None:
    class DamageError(Exception):
        sqlstate = "XX001"

    error = InternalError("INSERT", {}, DamageError("invalid page in block 3"))
    assert DATABASES["postgresql"].is_damaged(error)
    assert DATABASES["postgresql"].would_take_later(error)


# --- files that are deleted or replaced while they are open ---------------------------


def delete(path: Path) -> None:
    path.unlink()


def replace(path: Path) -> None:
    copy = path.with_name("copy")
    shutil.copy(path, copy)
    copy.replace(path)


def empty(path: Path) -> None:
    os.truncate(path, 0)


def move_folder(path: Path) -> None:
    path.parent.rename(path.parent.with_name("moved"))


@pytest.fixture
def open_store(tmp_path: Path, empty_file: Path) -> Store:
    (tmp_path / "folder").mkdir()
    store = Store(shutil.copy(empty_file, tmp_path / "folder" / "spans.db"))
    assert store.write(span(1)) == (1, 0)
    return store


@pytest.mark.parametrize("fate", [delete, replace, empty, move_folder])
def test_a_file_that_is_gone_takes_nothing(
    open_store: Store, fate: Callable[[Path], None]
) -> None:
    path = open_store.path
    fate(path)
    with pytest.raises(StoreUnusableError, match=r"spans\.db was "):
        open_store.write(span(2))
    size = path.stat().st_size if path.exists() else None
    open_store.engine.dispose()
    with pytest.raises(StoreUnusableError):
        open_store.writer.probe()
    assert (path.stat().st_size if path.exists() else None) == size  # it made none
    open_store.close()


@pytest.mark.parametrize("fate", [delete, replace])
@pytest.mark.parametrize("suffix", ["-wal", "-shm"])
def test_a_log_that_is_gone_takes_nothing_and_loses_nothing(
    open_store: Store, suffix: str, fate: Callable[[Path], None]
) -> None:
    log = open_store.path.with_name(open_store.path.name + suffix)
    open_store.writer.check()
    fate(log)
    with pytest.raises(StoreUnusableError, match=f"spans.db{suffix} was "):
        open_store.writer.check()
    with pytest.raises(StoreUnusableError):
        open_store.write(span(2))
    # As after `kill -9`: what is in no file any more is lost.
    saved = shutil.copy(open_store.path, open_store.path.with_name("saved.db"))
    with closing(sqlite3.connect(saved)) as connection:
        assert connection.execute("SELECT span_id FROM spans").fetchall() == [(1,)]
    open_store.close()


def test_a_file_that_is_moved_takes_its_log_along(open_store: Store) -> None:
    moved = open_store.path.rename(open_store.path.with_name("moved.db"))
    with pytest.raises(StoreUnusableError, match="was deleted"):
        open_store.writer.check()
    open_store.close()
    with Store(moved) as store:
        assert [each.span_id for each in stored_spans(store.engine)] == [1]


def test_connections_may_come_and_go(open_store: Store) -> None:
    """The last one deletes the log, and the next one makes another."""
    for number in range(2, 5):
        open_store.writer.release()
        open_store.writer.check()
        assert open_store.write(span(number)) == (1, 0)
    assert open_store.write_beside(span(9)) == (1, 0)
    open_store.close()


def test_a_new_writer_uses_what_is_there(open_store: Store) -> None:
    open_store.path.unlink()
    with pytest.raises(StoreUnusableError):
        open_store.writer.check()
    open_store.close()
    with Store(open_store.path) as store:
        assert store.write(span(1)) == (1, 0)


def test_a_link_to_a_file_is_watched_like_the_file(
    open_store: Store, tmp_path: Path
) -> None:
    link = tmp_path / "link.db"
    link.symlink_to(open_store.path)
    with Store(link) as store:
        assert store.write(span(2)) == (1, 0)
        log = open_store.path.with_name(open_store.path.name + "-wal")
        log.unlink()
        with pytest.raises(StoreUnusableError, match="-wal was deleted"):
            store.write(span(3))
    open_store.close()


def test_a_store_that_is_made_anew_between_two_sessions_is_met_anew(
    store: Store,
) -> None:
    """Keys that a writer remembers of the old one would point nowhere."""
    store.write(span(1), resource={"service.name": "a"})
    store.engine.dispose()  # the server has ended the session
    other = open_engine(store.url)
    with other.begin() as connection:
        for table in schema.metadata.tables.values():
            if table is not schema.experiments:
                connection.execute(table.delete())
    other.dispose()
    assert store.write(span(1), resource={"service.name": "a"}) == (1, 0)
    assert [each.span_id for each in stored_spans(store.engine)] == [1]
