"""Readers come and go in every order, and the backend is slow."""

import asyncio
from collections import Counter
from dataclasses import dataclass

from hypothesis import given, strategies as st

from core.broadcast import Hints, Inbox
from tests.fakes import Wire, turns

CHANNELS = "ab"
LAGS = st.integers(0, 5)


@dataclass(frozen=True)
class Stay:
    """One stay on a channel: after how many turns it begins, and how many it lasts."""

    channel: str
    before: int
    during: int


STAYS = st.builds(Stay, st.sampled_from(CHANNELS), st.integers(0, 12), st.integers(0, 12))
GUESTS = st.lists(st.lists(STAYS, max_size=4), min_size=1, max_size=8)


async def visit(inbox: Inbox, wire: Wire, stays: list[Stay]) -> None:
    """Come and go; whoever is on a channel can be reached on it, from the first turn on."""
    for stay in stays:
        for _ in range(stay.before):
            await asyncio.sleep(0)
        await inbox.join(stay.channel)
        for _ in range(stay.during):
            assert stay.channel in wire.subscribed
            await asyncio.sleep(0)
        assert stay.channel in wire.subscribed
        await inbox.leave(stay.channel)


@given(GUESTS, LAGS)
async def test_whoever_is_there_hears(guests: list[list[Stay]], lag: int) -> None:
    """Subscribed as long as anybody is on the channel; asked for and given back in turn."""
    hints = Hints(wire := Wire(lag))
    async with hints, asyncio.TaskGroup() as group:
        for stays in guests:
            group.create_task(visit(hints.inbox(), wire, stays))
    assert not wire.subscribed
    for channel in CHANNELS:
        calls = [what for what, where in wire.calls if where == channel]
        assert calls == ["subscribe", "unsubscribe"] * (len(calls) // 2)


@given(GUESTS, LAGS)
async def test_a_storm_leaves_nothing_behind(guests: list[list[Stay]], lag: int) -> None:
    """Once all have gone the broadcast is as it was made."""
    hints = Hints(wire := Wire(lag))
    made = {name: value.copy() for name, value in vars(hints).items() if isinstance(value, dict)}
    async with asyncio.TaskGroup() as group:
        for stays in guests:
            group.create_task(visit(hints.inbox(), wire, stays))
    assert made
    assert {name: vars(hints)[name] for name in made} == made


@given(GUESTS, LAGS, st.integers(0, 40))
async def test_guests_who_give_up_do_no_harm(
    guests: list[list[Stay]], lag: int, patience: int
) -> None:
    """However many are cancelled half-way, who comes then hears."""
    hints = Hints(wire := Wire(lag))
    async with hints:
        tasks = [asyncio.create_task(visit(hints.inbox(), wire, stays)) for stays in guests]
        for _ in range(patience):
            await asyncio.sleep(0)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        async with hints.subscribe("a") as inbox:
            await hints.publish("a", "1")
            await turns()
            async with asyncio.timeout(1):
                assert (await inbox.get()).message == "1"


@given(st.lists(st.tuples(st.sampled_from(CHANNELS), st.integers(0, 3)), max_size=30))
async def test_every_reader_ends_with_the_newest(said: list[tuple[str, int]]) -> None:
    """Whoever reads at whatever pace has read the last message of each channel in the end."""
    hints = Hints(Wire())
    newest: dict[str, str] = {}
    read: dict[str, str] = {}
    counted: Counter[str] = Counter()

    async def reading(inbox: Inbox) -> None:
        async for event in inbox:
            assert int(event.message) > int(read.get(event.channel, "-1"))
            read[event.channel] = event.message
            counted[event.channel] += 1
            await asyncio.sleep(0)

    async with hints, hints.subscribe("a") as inbox:
        await inbox.join("b")
        reader = asyncio.create_task(reading(inbox))
        for number, (channel, pause) in enumerate(said):
            newest[channel] = str(number)
            await hints.publish(channel, str(number))
            for _ in range(pause):
                await asyncio.sleep(0)
        await turns()
        reader.cancel()
        await asyncio.gather(reader, return_exceptions=True)
    assert read == newest
    assert counted.total() <= len(said)
