"""The pump: homes take turns, whoever has most to write."""

import asyncio
from collections.abc import Callable
from functools import partial

from hypothesis import given, strategies as st

from subscriptions.outlet import EVENTS
from subscriptions.pump import SLICE, TURN, Pump


def writes(pump: Pump, happened: list[str], name: str, count: int = 1) -> Callable[[], None]:
    """A socket that writes so many messages in its turn."""

    def write() -> None:
        happened.extend([name] * count)
        pump.written += count

    return write


async def test_a_crowd_does_not_keep_another_home_waiting() -> None:
    """A socket of another home waits for one slice, not for a thousand sockets."""
    pump, wrote = Pump(), list[str]()
    for _ in range(1_000):
        pump.add("crowd", writes(pump, wrote, "crowd", EVENTS))
    pump.add("one", writes(pump, wrote, "one"))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert wrote.index("one") < SLICE + EVENTS
    for _ in range(1_000 * EVENTS // TURN + 1):
        await asyncio.sleep(0)
    assert len(wrote) == 1_000 * EVENTS + 1


async def test_the_loop_has_its_turn_in_between() -> None:
    """Not much more than a turn's worth is written at a stretch, be it of many or of few."""
    pump, wrote, looks = Pump(), list[str](), list[int]()
    for number in range(5 * TURN):
        pump.add(f"{number % 3}", writes(pump, wrote, f"{number}", 1 + number % 2 * EVENTS))
    while looks[-2:] != [len(wrote)] * 2:
        await asyncio.sleep(0)
        looks.append(len(wrote))
    stretches = [after - before for before, after in zip([0, *looks], looks, strict=False)]
    assert max(stretches) <= TURN + SLICE + EVENTS


async def test_what_is_settled_in_a_turn_is_sent_when_that_ends() -> None:
    """In the order in which it was written, whatever the home; outside of one at once."""
    pump, happened = Pump(), list[str]()
    for name in ("one", "two"):

        def write(name: str = name) -> None:
            happened.append(name)
            pump.settle(partial(happened.append, f"{name} sent"))

        pump.add(name, write)
    await asyncio.sleep(0)
    assert happened == ["one", "two", "one sent", "two sent"]
    pump.settle(partial(happened.append, "at once"))
    assert happened[4:] == ["at once"]


async def test_no_more_sockets_than_a_slice_wait_to_be_sent_to() -> None:
    """However long a turn is; when it ends nobody waits."""
    pump, waiting, most = Pump(), list[int](), list[int]()

    def write(number: int) -> None:
        waiting.append(number)
        most.append(len(waiting))
        pump.settle(partial(waiting.remove, number))

    for number in range(TURN):
        pump.add(f"{number % 7}", partial(write, number))
    await asyncio.sleep(0)
    assert (len(most), max(most), waiting) == (TURN, SLICE, [])


async def test_one_that_fails_costs_nobody_a_turn() -> None:
    """It is logged, and the others write."""
    pump, wrote = Pump(), list[str]()

    def fails() -> None:
        raise LookupError

    def settles() -> None:
        pump.settle(fails)
        pump.settle(partial(wrote.append, "sent"))

    pump.add("home", fails)
    pump.add("home", settles)
    pump.add("home", writes(pump, wrote, "one"))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    pump.add("home", writes(pump, wrote, "two"))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert wrote == ["one", "sent", "two"]


@given(st.lists(st.tuples(st.sampled_from("abc"), st.booleans()), max_size=200))
def test_each_has_its_turn_once_in_the_order_of_its_home(adds: list[tuple[str, bool]]) -> None:
    """Also those who come while others write, and those who come back."""

    async def work() -> None:
        pump, wrote, expected = Pump(), list[tuple[str, int]](), len(adds)

        def write(home: str, number: int, *, again: bool) -> None:
            wrote.append((home, number))
            if again:
                pump.add(home, partial(write, home, number + 1_000, again=False))

        for number, (home, again) in enumerate(adds):
            expected += again
            pump.add(home, partial(write, home, number, again=again))
            if number % 7 == 0:
                await asyncio.sleep(0)
        for _ in range(expected + 1):
            await asyncio.sleep(0)
        assert len(wrote) == expected == len(set(wrote))
        for one in "abc":
            first = [number for home, number in wrote if home == one and number < 1_000]
            assert first == sorted(first)

    asyncio.run(work())
