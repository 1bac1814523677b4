"""Stamps as bytes: every one comes back, however many there are."""

from hypothesis import given
from hypothesis import strategies as st

from spanframe_store.contract.spans import Source
from spanframe_store.otlp.precedence import UNSET_START
from spanframe_store.otlp.trace_state import Stamp
from spanframe_store.sql.stamps import dump_stamps, load_stamps

KNOWN = ["name", "status", "tags.a", "tags.b", "metadata.c"]

_int64 = st.integers(-(1 << 63), (1 << 63) - 1)
_times = st.integers(0, (1 << 63) - 1)
_heads = st.builds(
    Stamp,
    st.just(Source.SPAN),
    st.integers(0, 2),
    st.one_of(st.just(UNSET_START), _times.filter(bool).map(int.__neg__)),
    _times,
    _int64,
    _int64,
)
_facts = st.builds(
    Stamp,
    st.sampled_from([s for s in Source if s is not Source.SPAN]),
    st.integers(0, 2),
    _times,
    _times,
    _int64,
    _int64,
)
_fields = st.sampled_from([*KNOWN, "tags.deleted", "metadata.\N{SNOWMAN}"])


@given(st.dictionaries(_fields, st.one_of(_heads, _facts)))
def test_every_stamp_comes_back(owned: dict[str, Stamp]) -> None:
    assert load_stamps(dump_stamps(owned, KNOWN), KNOWN) == owned


@given(st.dictionaries(_fields, st.one_of(_heads, _facts)), st.randoms())
def test_equal_stamps_make_equal_bytes(owned: dict[str, Stamp], chance: object) -> None:
    assert hasattr(chance, "shuffle")
    items = list(owned.items())
    chance.shuffle(items)
    assert dump_stamps(dict(items), KNOWN) == dump_stamps(owned, KNOWN)


def test_more_owners_than_a_byte_can_count_come_back() -> None:
    owned = {f"tags.{n}": Stamp(Source.EXPLICIT, 0, n, 0, n, n) for n in range(1, 1000)}
    for known in (list(owned), KNOWN):
        assert load_stamps(dump_stamps(owned, known), known) == owned


def test_most_traces_take_less_than_a_hundred_bytes() -> None:
    span = (2, 1_767_225_600_000_000_000, 1_767_225_601_000_000_000, 5, 7)
    head = Stamp(Source.SPAN, 2, -span[1], span[2], 5, 7)
    said = Stamp(Source.EXPLICIT, 2, span[2], span[1], 5, 7)
    owned = {f"column{n}": head for n in range(10)} | {
        f"tags.{n}": said for n in range(14)
    }
    assert len(dump_stamps(owned, list(owned))) < 100
