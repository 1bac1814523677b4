"""The version stamp comes first; the migrations build exactly the schema."""

import sqlite3
from pathlib import Path
from urllib.parse import quote

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import column, select, table, update
from sqlalchemy.exc import DBAPIError

from spanframe.errors import SettingsError, StoreError
from spanframe_store.sql import migrations, schema
from spanframe_store.sql.backend import open_engine
from tests.plugins.otlp import span
from tests.plugins.store import Store


def stamp(store: Store, version: str) -> None:
    versions = table("alembic_version", column("version_num"))
    with store.engine.begin() as connection:
        connection.execute(update(versions).values(version_num=version))


def test_the_migrations_build_the_schema(store: Store) -> None:
    with store.engine.connect() as connection:
        context = MigrationContext.configure(connection)
        differences = compare_metadata(context, schema.metadata)
    # Comments are for readers of the code; no migration writes them.
    assert [d for d in differences if "modify_comment" not in str(d)] == []


def test_keys_cluster_the_tables_they_should(store: Store) -> None:
    with sqlite3.connect(store.path) as connection:
        listed = connection.execute("PRAGMA table_list").fetchall()
    connection.close()
    without_rowid = {name for _, name, _, _, wr, _ in listed if wr}
    assert {"spans", "attribute_index"} <= without_rowid
    assert "traces" not in without_rowid


def test_head_is_the_newest_script() -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(migrations.__file__).parent))
    config.set_main_option("path_separator", "os")
    assert ScriptDirectory.from_config(config).get_current_head() == migrations.HEAD


def test_upgrading_again_changes_nothing(store: Store) -> None:
    store.write(span(1))
    migrations.upgrade(store.engine)
    migrations.check_version(store.engine)
    with store.engine.connect() as connection:
        assert len(connection.execute(select(schema.spans)).all()) == 1
        names = connection.execute(select(schema.experiments.c.name)).scalars().all()
    assert names == ["Default"]


def test_a_newer_store_is_refused_and_untouched(store: Store) -> None:
    stamp(store, "9999")
    for refuse in (migrations.check_version, migrations.upgrade):
        with pytest.raises(StoreError, match="version 9999, this spanframe needs 0003"):
            refuse(store.engine)


def test_an_older_store_is_refused_with_the_remedy(store: Store) -> None:
    stamp(store, "0000")
    with pytest.raises(StoreError, match=r"Run `spanframe db upgrade --store \w+"):
        migrations.check_version(store.engine)


def test_a_missing_file_is_not_made_by_a_reader(tmp_path: Path) -> None:
    path = tmp_path / "none.db"
    with pytest.raises(StoreError, match=r"There is no store at .*none\.db"):
        open_engine(f"sqlite:///{path}", read_only=True)
    assert not path.exists()


def test_an_empty_file_is_refused_with_the_remedy(tmp_path: Path) -> None:
    path = tmp_path / "empty.db"
    path.touch()
    engine = open_engine(f"sqlite:///{path}", read_only=True)
    with pytest.raises(StoreError, match="has no tables of spanframe"):
        migrations.check_version(engine)
    engine.dispose()


def test_what_is_no_database_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "letter.db"
    path.write_text("Dear sir or madam, " * 100)
    for read_only in (True, False):
        engine = open_engine(f"sqlite:///{path}", read_only=read_only)
        with pytest.raises(StoreError, match="file is not a database"):
            migrations.check_version(engine)
        engine.dispose()


@pytest.mark.parametrize(
    "url",
    [
        "nonsense://x",
        "mysql+pymysql://u:secret@h/db",
        "postgresql+psycopg2://u:secret@h/db",
        "postgresql+asyncpg://h/db?password=secret",
    ],
)
def test_an_unknown_store_is_refused_without_its_password(url: str) -> None:
    with pytest.raises(SettingsError, match="not a database of spanframe") as caught:
        open_engine(url)
    assert "secret" not in str(caught.value)


def test_readers_cannot_write(store: Store) -> None:
    reader = open_engine(store.url, read_only=True)
    with (
        reader.connect() as connection,
        pytest.raises(DBAPIError, match=r"readonly database|read-only transaction"),
    ):
        connection.execute(schema.traces.delete())
    reader.dispose()


def test_commits_survive_power_loss_by_setting(store: Store) -> None:
    with store.engine.connect() as connection:
        synchronous = connection.exec_driver_sql("PRAGMA synchronous").scalar()
        journal = connection.exec_driver_sql("PRAGMA journal_mode").scalar()
    full = 2
    assert (synchronous, journal) == (full, "wal")


def test_a_path_with_odd_characters_names_that_file(tmp_path: Path) -> None:
    path = tmp_path / "a%41 ?b#c.db"
    engine = open_engine(f"sqlite:///{quote(str(path))}")
    migrations.upgrade(engine)
    engine.dispose()
    assert {p.name for p in tmp_path.iterdir()} == {path.name, path.name + "-lock"}
