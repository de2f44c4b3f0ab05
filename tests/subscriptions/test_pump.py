"""The pump: homes take turns, whoever has most to write."""

import asyncio
from functools import partial

from hypothesis import given, strategies as st

from subscriptions.pump import SLICE, TURN, Pump


async def test_a_crowd_does_not_keep_another_home_waiting() -> None:
    """A socket of another home waits for one slice, not for a thousand sockets."""
    pump, wrote = Pump(), list[str]()
    for _ in range(1_000):
        pump.add("crowd", partial(wrote.append, "crowd"))
    pump.add("one", partial(wrote.append, "one"))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert wrote.index("one") == SLICE
    for _ in range(1_000 // TURN + 1):
        await asyncio.sleep(0)
    assert len(wrote) == 1_001


async def test_the_loop_has_its_turn_in_between() -> None:
    """Not more than a turn's worth is written at a stretch."""
    pump, wrote, looks = Pump(), list[int](), list[int]()
    for number in range(5 * TURN):
        pump.add("crowd", partial(wrote.append, number))
    while len(wrote) < 5 * TURN:
        await asyncio.sleep(0)
        looks.append(len(wrote))
    assert max(after - before for before, after in zip([0, *looks], looks, strict=False)) <= TURN
    assert wrote == list(range(5 * TURN))


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
