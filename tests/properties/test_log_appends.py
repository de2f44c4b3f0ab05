"""Appending against a model: whoever writes what and when, every log is one gapless truth."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import partial

import pytest
from hypothesis import given, settings, strategies as st

from app.compose import House
from core import feed
from core.domain.devices import State
from core.domain.errors import LatchkeyError
from core.domain.events import Entry
from core.domain.grants import Share
from core.domain.homes import Home
from core.domain.ports import Report
from core.services.orders import Order
from core.store.ledger import ACCESS
from tests.conftest import Run
from tests.core.services.estate import (
    MOST,
    SCOPES,
    Estate,
    another_home,
    eventually,
    gaps,
    settle,
    viewer_of,
)
from tests.core.store.work import rename

HOMES = 3


@dataclass(frozen=True, slots=True)
class Land:
    """Two processes on one database, the homes of one user, and what each process was told."""

    houses: tuple[House, House]
    estate: Estate
    homes: Sequence[Home]
    heard: tuple[dict[str, list[Entry]], dict[str, list[Entry]]]

    @property
    def logs(self) -> list[str]:
        """Every log that there is."""
        return [ACCESS, *(home.id for home in self.homes)]


Step = Callable[[Land, House, Home, int], Awaitable[object]]


async def name(land: Land, house: House, home: Home, number: int) -> object:
    """Rename a home."""
    del land
    return await house.services.homes.rename(home.id, f"{number}")


async def fail(land: Land, house: House, home: Home, number: int) -> object:
    """Append, and then raise."""
    del land
    return await house.committer.submit(rename(home, f"{number}", LatchkeyError("no")))


async def hear(land: Land, house: House, home: Home, number: int) -> object:
    """Take in a report."""
    del land
    (device, *_) = await house.devices_of(home.id)
    report = Report(device.id, number + 1, State(brightness=number))
    return await house.services.reports.take(home.id, report, frozenset())


async def ask(land: Land, house: House, home: Home, number: int) -> object:
    """Ask a device for a brightness."""
    (device, *_) = await house.devices_of(home.id)
    order = Order(device.id, State(brightness=number), key=f"{number % 3}")
    viewer = viewer_of(house, land.estate.grant)
    return await house.services.commands.accept(viewer, device, order)


async def share(land: Land, house: House, home: Home, number: int) -> object:
    """Give a grant over several homes."""
    del home
    some = land.homes[: number % HOMES + 1]
    give, estate = house.services.grants.give, land.estate
    shares = [Share(one.id) for one in some]
    return await give(estate.user.id, estate.client.id, SCOPES, shares)


async def enlarge(land: Land, house: House, home: Home, number: int) -> object:
    """Add a room, and make somebody a user."""
    del land
    room = house.services.homes.add_room(home.id, f"{number}")
    return await asyncio.gather(room, house.services.accounts.create_user(f"{number % 5}"))


STEPS: tuple[Step, ...] = (name, fail, hear, ask, share, enlarge)
turns = st.tuples(
    st.sampled_from(STEPS), st.integers(0, 1), st.integers(0, HOMES - 1), st.integers(0, 99)
)


@pytest.fixture
async def land(
    database_url: str, run_house: Run, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Land]:
    """Two houses that poll often, and listen to every log."""
    monkeypatch.setattr(feed, "POLL_SECONDS", 0.05)
    async with run_house(database_url) as one, run_house(database_url) as two:
        estate = await settle(one)
        homes = [estate.home, *[await another_home(estate, f"{n}") for n in range(HOMES - 1)]]
        shares = [Share(home.id) for home in homes]
        await one.services.grants.amend(estate.grant, SCOPES, shares)
        made = Land((one, two), estate, homes, ({}, {}))
        await eventually(lambda: two.access.grants == one.access.grants)
        for house, heard in zip(made.houses, made.heard, strict=True):
            for log_id in made.logs:
                await house.feed.follow(log_id, heard.setdefault(log_id, []).append)
        yield made


async def truth(land: Land) -> dict[str, Sequence[Entry]]:
    """Every log, whole."""
    return {log_id: await land.houses[0].logs.read(log_id, 0, MOST) for log_id in land.logs}


def told(land: Land, logs: dict[str, Sequence[Entry]]) -> bool:
    """Whether both processes were told as far as the logs go."""
    return all(
        house.feed.place(log_id) == (log[-1].place if log else 0)
        for house in land.houses
        for log_id, log in logs.items()
    )


@settings(max_examples=settings().max_examples // 8)
@given(st.lists(st.lists(turns, min_size=1, max_size=8), max_size=6))
async def test_logs_are_gapless_and_told_as_they_are(
    land: Land, rounds: list[list[tuple[Step, int, int, int]]]
) -> None:
    """Places and sequences have no gap, and each process is told the whole log in its order."""
    for works in rounds:
        steps = (
            step(land, land.houses[house], land.homes[home], number)
            for step, house, home, number in works
        )
        results = await asyncio.gather(*steps, return_exceptions=True)
        bad = [one for one in results if isinstance(one, BaseException)]
        assert [one for one in bad if not isinstance(one, LatchkeyError)] == []
    logs = await truth(land)
    await eventually(partial(told, land, logs))
    for log_id, log in logs.items():
        assert [entry.place for entry in log] == list(range(1, len(log) + 1))
        for heard in land.heard:
            assert heard[log_id] == list(log)[len(log) - len(heard[log_id]) :]
    for home in land.homes:
        assert gaps(await land.houses[0].logs.events(home.id, 0, MOST)) == []
