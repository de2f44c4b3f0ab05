"""Watching against a model: whoever leaves and comes back sees the whole log, once, in order."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from random import Random

import pytest
from hypothesis import given, settings, strategies as st

from app.compose import House
from core import feed
from core.domain.events import Event
from core.domain.grants import Grant, Share
from core.domain.homes import Home
from core.domain.ports import Wanted
from core.services import events as paging
from subscriptions import watch as one_watch
from tests.conftest import Run
from tests.core.services.estate import (
    MOST,
    SCOPES,
    Estate,
    another_home,
    eventually,
    lamp,
    settle,
    viewer_of,
)

WRITES = 8
IDLE = 0.4
"""Seconds of silence after which a partner goes away."""


@dataclass(frozen=True, slots=True)
class Land:
    """Two processes on one database, and some homes of one user."""

    houses: tuple[House, House]
    estate: Estate
    homes: Sequence[Home]

    async def log(self, home_id: str, after: int) -> list[Event]:
        """What a home's log holds after a place."""
        return await self.houses[0].logs.events(home_id, after, MOST)

    async def heads(self) -> dict[str, int]:
        """The newest place of each home."""
        return await self.houses[0].logs.heads([home.id for home in self.homes])


@pytest.fixture
async def land(
    database_url: str, run_house: Run, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Land]:
    """Two houses that poll often, three homes, five lamps."""
    monkeypatch.setattr(feed, "POLL_SECONDS", 0.05)
    async with run_house(database_url) as one, run_house(database_url) as two:
        estate = await settle(one, [lamp("1"), lamp("2"), lamp("3", "Study")])
        homes = [estate.home, *[await another_home(estate, name) for name in "ab"]]
        yield Land((one, two), estate, homes)


@dataclass(slots=True)
class Partner:
    """Who reads a few events, goes away with a cursor, and comes back to any process."""

    land: Land
    grant: Grant
    random: Random
    cursor: str
    seen: list[Event] = field(default_factory=list)

    async def visit(self, most: int) -> None:
        """Watch from the last cursor until so many were seen or nothing comes."""
        house = self.random.choice(self.land.houses)
        watch = await house.hub.watch(viewer_of(house, self.grant), Wanted(), self.cursor)
        try:
            for _ in range(most):
                shown = await asyncio.wait_for(anext(watch), IDLE)
                self.seen.append(shown.event)
                self.cursor = shown.cursor
                await asyncio.sleep(self.random.choice((0, 0, 0.003)))
        except TimeoutError:
            return
        finally:
            await watch.aclose()

    async def read_all(self, expected: int) -> None:
        """Come back until everything was seen."""
        while len(self.seen) < expected:
            await self.visit(self.random.randint(1, 9))


async def write(land: Land, seed: int) -> None:
    """Change the homes and their devices from both processes at once, in bursts."""
    random = Random(seed)
    for _ in range(WRITES):
        house, home = random.choice(land.houses), random.choice(land.homes)
        devices = await house.devices_of(home.id)
        burst = random.randint(1, 4)
        works = [house.services.homes.rename(home.id, f"{n}") for n in range(burst)]
        device = random.choice(devices)
        moves = house.services.devices.describe(device, f"{seed}", None)
        await asyncio.gather(*works, moves)


@settings(max_examples=settings().max_examples // 10)
@given(seed=st.integers(0, 2**32), queue=st.sampled_from([1, 3, 256]), page=st.integers(1, 9))
async def test_replay_then_live_has_no_gap_and_no_duplicate(
    land: Land, seed: int, queue: int, page: int
) -> None:
    """However queues and pages fall, under concurrent writes each event is seen once, in order."""
    give = land.estate.house.services.grants.give
    shares = [Share(home.id) for home in land.homes]
    grant = await give(land.estate.user.id, land.estate.client.id, SCOPES, shares)
    await eventually(lambda: all(grant.id in house.access.grants for house in land.houses))
    begun = await land.heads()
    partners = [
        Partner(land, grant, Random(seed + number), land.houses[0].cursors.places(grant.id, begun))
        for number in range(3)
    ]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(one_watch, "QUEUE", queue)
        patch.setattr(paging, "PAGE", page)
        async with asyncio.TaskGroup() as group:
            for number in range(2):
                group.create_task(write(land, seed + number))
            for partner in partners:
                group.create_task(partner.visit(20))
        logs = {home.id: await land.log(home.id, begun[home.id]) for home in land.homes}
        expected = sum(map(len, logs.values()))
        await asyncio.gather(*(partner.read_all(expected) for partner in partners))
    for partner in partners:
        for home_id, log in logs.items():
            assert [event for event in partner.seen if event.home.id == home_id] == log
