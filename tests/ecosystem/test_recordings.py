"""What real clients sent, stored: a user sees what each of them says."""

import re
from collections.abc import Iterator

import pytest

from spanframe_query.stores import close_stores
from tests.ecosystem import recordings
from tests.ecosystem.clients import CLIENTS, HERE, Client
from tests.ecosystem.judged import judged
from tests.ecosystem.normal import normal
from tests.ecosystem.page import PAGE, page
from tests.ecosystem.replay import Shown, replayed, shown
from tests.plugins.once import Once

MAX_RECORDED_BYTES = 3 << 20


@pytest.fixture(scope="module")
def seen(once: Once) -> Iterator[Shown]:
    """The traces of each client, from one store that all workers share."""
    folder = once("ecosystem", lambda made: replayed(made / "spanframe.db"))
    yield shown(f"sqlite:///{folder / 'spanframe.db'}")
    close_stores()


@pytest.mark.parametrize("client", CLIENTS, ids=lambda client: client.name)
def test_a_user_sees_what_the_client_says(client: Client, seen: Shown) -> None:
    """A gap is known, and what is listed as a gap is one."""
    missing = [v for v in judged(client, seen[client.name]) if not v.holds]
    known = client.gaps.read_text().splitlines() if client.gaps.exists() else []
    assert [v for v in missing if v.id not in known] == []
    assert sorted({v.id for v in missing}) == known


def test_the_page_of_clients_is_current(seen: Shown) -> None:
    """`make ecosystem ARGS=--page` writes it."""
    assert PAGE.read_text() == page(seen)


def test_every_file_is_of_a_client_in_the_table() -> None:
    names = {client.name for client in CLIENTS}
    drivers = {client.driver for client in CLIENTS}
    assert {path.name for path in (HERE / "recordings").iterdir()} == names
    assert {path.stem for path in HERE.glob("gaps/*")} <= names
    expected = {client.expected for client in CLIENTS}
    assert {*(HERE / "expected").iterdir()} == expected
    assert {*(HERE / "pins").iterdir()} == {client.pins for client in CLIENTS}
    programs = {path.stem for path in (HERE / "drivers").iterdir() if path.is_file()}
    assert {name for name in programs if not name.startswith("scene")} == drivers


def test_a_recording_holds_nothing_of_the_run_or_the_machine() -> None:
    """What `normal` replaces is replaced: it has nothing left to do."""
    for client in CLIENTS:
        sent = recordings.read(client)
        assert normal(client.name, sent) == sent, client.name
        homes = [
            p for one in sent for p in re.findall(rb"/(?:root|home)/\w+", one.body)
        ]
        assert homes == [], client.name


def test_the_recordings_are_small() -> None:
    sizes = [path.stat().st_size for path in (HERE / "recordings").rglob("*.*")]
    assert sum(sizes) < MAX_RECORDED_BYTES
