"""Slots for requests that arrive over gRPC: as many as fit, and none is lost."""

import asyncio
from contextlib import AsyncExitStack

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spanframe_collector.admission import Admission, BudgetSpentError
from spanframe_collector.receivers import message_slots
from spanframe_collector.receivers.message_slots import MessageSlots


class Arriving:
    """Requests in the middle of their arrival, by name, in the order of their turn."""

    def __init__(self, budget: int, largest: int = 10) -> None:
        self.admission = Admission(budget)
        self._slots = MessageSlots(self.admission, largest)
        self.there: list[str] = []
        self._whole: dict[str, asyncio.Event] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}

    async def come(self, *names: str) -> None:
        for name in names:
            self._whole[name] = asyncio.Event()
            self._tasks[name] = asyncio.create_task(self._arrive(name))
            await settle()

    async def _arrive(self, name: str) -> None:
        async with self._slots.acquire():
            self.there.append(name)
            await self._whole[name].wait()

    async def end(self, *names: str) -> None:
        for name in names:
            self._whole[name].set()
            await settle()

    async def hang_up(self, name: str) -> None:
        self._tasks[name].cancel()
        await settle()

    def error(self, name: str) -> BaseException | None:
        return self._tasks[name].exception()


async def settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


def test_as_many_arrive_as_fit_if_all_are_large() -> None:
    async def main() -> None:
        arriving = Arriving(budget=35)
        await arriving.come("a", "b", "c", "d", "e")
        assert arriving.there == ["a", "b", "c"]
        await arriving.end("b")
        assert arriving.there == ["a", "b", "c", "d"]

    asyncio.run(main())


def test_what_is_worked_on_leaves_fewer_slots_but_always_one() -> None:
    async def main() -> None:
        arriving = Arriving(budget=35)
        with arriving.admission.reserve() as reservation:
            reservation.grow_to(30)
            await arriving.come("a", "b", "c")
            assert arriving.there == ["a"]
        await arriving.end("a")
        assert arriving.there == ["a", "b", "c"]

    asyncio.run(main())


def test_the_first_goes_first_and_every_fourth_time_the_last() -> None:
    async def main() -> None:
        arriving = Arriving(budget=10)
        await arriving.come(*"abcdefgh")
        for turn in range(8):
            await arriving.end(arriving.there[turn])
        assert "".join(arriving.there) == "abcdhefg"

    asyncio.run(main())


def test_a_slow_one_loses_its_slot(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(message_slots, "_MAX_HOLD_SECONDS", 0.01)

    async def main() -> None:
        arriving = Arriving(budget=10)
        await arriving.come("slow", "next")
        await asyncio.sleep(0.1)
        assert arriving.there == ["slow", "next"]
        monkeypatch.setattr(message_slots, "_MAX_HOLD_SECONDS", 60)
        await arriving.come("third", "waits")
        # What it has lost it does not give back a second time.
        await arriving.end("slow")
        assert arriving.there == ["slow", "next", "third"]

    asyncio.run(main())


def test_who_waits_behind_too_many_is_sent_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(message_slots, "_MAX_WAITING_REQUESTS", 1)

    async def main() -> None:
        arriving = Arriving(budget=10)
        await arriving.come("a", "waits", "one too many")
        assert isinstance(arriving.error("one too many"), BudgetSpentError)
        await arriving.end("a")
        assert arriving.there == ["a", "waits"]

    asyncio.run(main())


def test_who_waits_too_long_is_sent_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(message_slots, "_MAX_WAIT_SECONDS", 0.01)

    async def main() -> None:
        arriving = Arriving(budget=10)
        await arriving.come("a", "waits")
        await asyncio.sleep(0.05)
        assert isinstance(arriving.error("waits"), BudgetSpentError)

    asyncio.run(main())


@given(
    st.lists(st.tuples(st.sampled_from(["come", "end", "hang up"]), st.floats(0, 1)))
)
def test_no_slot_is_lost(steps: list[tuple[str, float]]) -> None:
    """Whoever hangs up whenever: at the end as many arrive as at the beginning."""

    async def main() -> None:
        arriving = Arriving(budget=30)
        open_ones: list[str] = []
        for number, (step, where) in enumerate(steps):
            if step == "come":
                open_ones.append(str(number))
                await arriving.come(str(number))
            elif open_ones:
                name = open_ones.pop(int(where * (len(open_ones) - 1)))
                if step == "end":
                    await arriving.end(name)
                else:
                    await arriving.hang_up(name)
        for name in open_ones:
            await arriving.end(name)
        await arriving.come("x", "y", "z", "one too many")
        assert arriving.there[-3:] == ["x", "y", "z"]

    with pytest.MonkeyPatch.context() as patched:
        # A busy machine must not free a slot by the clock.
        patched.setattr(message_slots, "_MAX_HOLD_SECONDS", 60.0)
        asyncio.run(main())


def test_a_slot_that_comes_as_its_sender_hangs_up_goes_on() -> None:
    async def main() -> None:
        slots = MessageSlots(Admission(10), 10)
        async with AsyncExitStack() as first:
            await first.enter_async_context(slots.acquire())
            gone = asyncio.create_task(_once(slots))
            await settle()
        gone.cancel()  # its slot was given a moment ago, and it has not run since
        with pytest.raises(asyncio.CancelledError):
            await gone
        await asyncio.wait_for(_once(slots), 5)

    async def _once(slots: MessageSlots) -> None:
        async with slots.acquire():
            pass

    asyncio.run(main())
