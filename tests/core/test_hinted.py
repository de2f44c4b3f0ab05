"""Two processes on PostgreSQL and Valkey: who hears a hint does not wait for the poll."""

import time
from collections.abc import AsyncIterator
from functools import partial

import pytest

from app.compose import House
from bench.valkey import Valkey
from core import feed
from core.broadcast import redial
from tests.conftest import Postgres, Run
from tests.core.services.estate import Estate, eventually, settle
from tests.core.test_feed import change, follow


@pytest.fixture(params=["valkey", "postgres"])
def broadcast_url(request: pytest.FixtureRequest, database_url: str) -> str:
    """A broadcast between processes; that of PostgreSQL is on the store's own database."""
    if request.param == "postgres":
        return database_url
    server: Valkey = request.getfixturevalue("valkey")
    return server.url


@pytest.fixture
def database_url(postgres: Postgres) -> str:
    """The store that several processes have."""
    return postgres.fresh()


@pytest.fixture
async def estate(database_url: str, broadcast_url: str, run_house: Run) -> AsyncIterator[Estate]:
    """A home with a lamp, in the first process."""
    async with run_house(database_url, broadcast_url=broadcast_url) as house:
        yield await settle(house)


@pytest.fixture
async def second(
    database_url: str, broadcast_url: str, estate: Estate, run_house: Run
) -> AsyncIterator[House]:
    """Another process, which is connected as the first one is."""
    async with run_house(database_url, broadcast_url=broadcast_url) as other:
        await eventually(lambda: other.hints.tally.connected)
        await eventually(lambda: estate.house.hints.tally.connected)
        yield other


async def test_a_hint_reaches_the_other_process(
    estate: Estate, second: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Event after event is told there at once, though nobody looks for a minute."""
    place, ear = await follow(second, estate)
    monkeypatch.setattr(feed, "POLL_SECONDS", 60)
    await eventually(lambda: second.feed.age > feed.POLL_SECONDS / 100)  # the last look is over
    waits = []
    for number in range(1, 11):
        began = time.monotonic()
        await change(estate)
        await eventually(partial(ear.has, number))
        waits.append(time.monotonic() - began)
    assert ear.places == list(range(place + 1, place + 11))
    assert sorted(waits)[5] < 0.25  # some milliseconds on a quiet machine


@pytest.mark.parametrize("broadcast_url", ["valkey"], indirect=True)
async def test_an_event_arrives_without_the_server(
    estate: Estate, second: House, valkey: Valkey, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While it is dead, and while it is only paused; and a process starts without it."""
    monkeypatch.setattr(redial, "MOST_SECONDS", 0.2)
    monkeypatch.setattr(redial, "SILENT_SECONDS", 0.5)
    place, ear = await follow(second, estate)
    valkey.pause()
    await change(estate)
    assert await eventually(partial(ear.has, 1)) < 1.5
    valkey.kill()
    await change(estate, 3)
    assert await eventually(partial(ear.has, 4)) < 1.5
    valkey.start()
    for house in (second, estate.house):
        await eventually(lambda house=house: house.hints.tally.connected)
    await change(estate)
    await eventually(partial(ear.has, 5))
    assert ear.places == list(range(place + 1, place + 6))
    assert second.dead == estate.house.dead == []


async def test_a_house_starts_while_the_broadcast_is_dead(
    database_url: str, valkey: Valkey, run_house: Run
) -> None:
    """It serves, follows and writes, and nothing of it waits for the server."""
    valkey.kill()
    async with run_house(database_url, broadcast_url=valkey.url) as house:
        began = time.monotonic()
        estate = await settle(house)
        _, ear = await follow(house, estate)
        await change(estate, 3)
        assert ear.has(3)
        assert time.monotonic() - began < 3
        assert not house.hints.tally.connected
