"""The files of a store are for their owner alone, unless somebody says otherwise."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from spanframe.errors import InvalidArgumentError, StoreError
from spanframe_store.sql.admin import SqlAdmin
from spanframe_store.sql.backend import BACKEND
from tests.plugins.otlp import span
from tests.plugins.store import Store


@pytest.fixture(params=[0o022, 0o000, 0o077])
def umask(request: pytest.FixtureRequest) -> Iterator[None]:
    before = os.umask(request.param)
    yield
    os.umask(before)


def modes(folder: Path) -> dict[str, int]:
    return {path.name: path.stat().st_mode & 0o777 for path in folder.iterdir()}


@pytest.mark.usefixtures("umask")
def test_every_file_is_for_its_owner(tmp_path: Path) -> None:
    with Store(tmp_path / "s.db") as store:
        store.write(span(1))
        assert set(modes(tmp_path)) == {"s.db", "s.db-wal", "s.db-shm", "s.db-lock"}
        admin = SqlAdmin(store.engine)
        admin.backup(tmp_path / "backup.db", lambda *_: None)
        copy = f"sqlite:///{tmp_path / 'copy.db'}"
        assert BACKEND.copy(store.url, copy, lambda *_: None) == (1, 0)
        assert set(modes(tmp_path).values()) == {0o600}
    reader = BACKEND.reader(copy)
    reader.check_version()
    assert set(modes(tmp_path).values()) == {0o600}
    reader.close()


def test_a_mode_that_is_there_is_left(tmp_path: Path) -> None:
    path = tmp_path / "s.db"
    path.touch()
    path.chmod(0o640)
    with Store(path) as store:
        store.write(span(1))
        assert set(modes(tmp_path).values()) == {0o640}


def test_a_backup_that_fails_leaves_no_file(tmp_path: Path) -> None:
    with Store(tmp_path / "s.db") as store:
        admin = SqlAdmin(store.engine)
        with pytest.raises(StoreError, match="cannot be copied to"):
            admin.backup(tmp_path / "none" / "b.db", lambda *_: None)
        with pytest.raises(InvalidArgumentError, match="exists"):
            admin.backup(store.path, lambda *_: None)
        store.engine.dispose()
        store.path.write_bytes(b"no database" * 1000)
        with pytest.raises(StoreError, match="not a database"):
            admin.backup(tmp_path / "b.db", lambda *_: None)
    assert not (tmp_path / "b.db").exists()
