"""Retention as it runs: homes are found by time and by number; a lost database is waited for."""

import asyncio
from functools import partial

import pytest
from sqlalchemy import delete, select

from app.compose import House
from core.domain.errors import Unavailable
from core.domain.homes import Home
from core.services import retention as room
from core.services.retention import Retention
from core.store import tables
from core.store.database import Database
from core.store.retention import Bounds, KeptRows, Pruned
from tests.conftest import Run
from tests.core.services.estate import Estate, LeapClock, another_home, eventually, settle
from tests.core.store.keep import EVERYTHING, HOUR, left


async def cut(house: House, *homes: Home) -> bool:
    """Whether nothing but its beginning is known of each of these homes' logs."""
    found = [await left(house, home) for home in homes]
    return all(floor.place > 0 and not log for floor, log in found)


async def rows_of(database: Database) -> set[str]:
    """The homes that are looked at."""
    return {row.home_id for row in await database.rows(select(tables.kept.c.home_id))}


@pytest.fixture
def service(estate: Estate, monkeypatch: pytest.MonkeyPatch) -> Retention:
    """A service that keeps ten events of a home, beside that of the house, which rests."""
    monkeypatch.setattr(room, "BEAT_SECONDS", 3_600)
    house = estate.house
    return Retention(KeptRows(house.database), house.relay, house.clock, Bounds(HOUR, 10))


async def test_a_process_prunes_what_is_too_old(
    database_url: str, run_house: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By itself, of homes that were there before it and of those made since; the rest stays."""
    monkeypatch.setattr(room, "BEAT_SECONDS", 0.05)
    clock = LeapClock()
    clock.leap(-2 * HOUR)
    async with run_house(database_url, clock) as house:  # which keeps them for three days
        estate = await settle(house)
        clock.leap(2 * HOUR)
        cabin = await another_home(estate)
        await asyncio.sleep(0.2)
        assert (await left(house, estate.home))[0].place == 0
    async with run_house(database_url, retention_hours=1) as house:
        retention = house.services.retention
        await eventually(lambda: retention._walked_at is not None)  # noqa: SLF001 - no walk goes on
        async with house.database.write() as connection:
            await connection.execute(delete(tables.kept))  # as an upgrade finds it
        retention._walked_at = None  # noqa: SLF001 - or six hours later
        await eventually(partial(cut, house, estate.home))
        floor, log = await left(house, cabin)
        assert (floor.place, bool(log)) == (0, True)
        assert house.services.retention.pruned > 0
        await eventually(lambda: house.services.retention.late == 0.0)
        assert house.dead == []


async def test_a_home_that_grows_is_looked_at(estate: Estate, service: Retention) -> None:
    """Without being due by time; one that does not grow is not."""
    cabin = await another_home(estate)
    await service.look()
    before = len((await left(estate.house, cabin))[1])
    for number in range(25):
        await estate.house.services.homes.rename(estate.home.id, f"{number}")
        if number % 10 == 0:
            await service.look()
    await service.look()
    assert len((await left(estate.house, estate.home))[1]) == 10
    assert len((await left(estate.house, cabin))[1]) == before
    assert service.pruned == (await left(estate.house, estate.home))[0].place
    await service.look()  # nothing to do


async def test_a_new_home_is_known_by_its_first_event(estate: Estate, service: Retention) -> None:
    """Nobody reads through all homes to find it."""
    await service.look()
    new = [await another_home(estate, f"{number}") for number in range(3)]
    await service.look()
    assert {home.id for home in new} <= await rows_of(estate.house.database)


async def test_what_is_too_much_for_one_turn_is_done_in_many(
    estate: Estate, service: Retention, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A few events at a time, with a rest for others in between."""
    monkeypatch.setattr(room, "BATCH", 3)
    monkeypatch.setattr(room, "REST_SECONDS", 0.001)
    for number in range(30):
        await estate.house.services.homes.rename(estate.home.id, f"{number}")
    prune, turns = KeptRows.prune, list[int]()

    async def counted(self: KeptRows, bounds: Bounds, most: int) -> Pruned:
        done = await prune(self, bounds, most)
        turns.append(done.events)
        return done

    monkeypatch.setattr(KeptRows, "prune", counted)
    await service.look()
    assert len((await left(estate.house, estate.home))[1]) == 10
    assert max(turns) == 3
    assert sum(turns) == service.pruned > 20


async def test_two_services_share_the_work(estate: Estate, service: Retention) -> None:
    """Each event goes once, whoever looks at the same time."""
    house = estate.house
    other = Retention(KeptRows(house.database), house.relay, house.clock, Bounds(HOUR, 10))
    for number in range(40):
        await house.services.homes.rename(estate.home.id, f"{number}")
    await asyncio.gather(service.look(), other.look(), service.look())
    await service.look()
    floor, log = await left(house, estate.home)
    assert (service.pruned + other.pruned, len(log)) == (floor.place, 10)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_a_database_that_is_away_is_waited_for(
    estate: Estate, service: Retention, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is to be looked at is not forgotten, and the process lives."""
    await service.look()
    for number in range(20):
        await estate.house.services.homes.rename(estate.home.id, f"{number}")
    hurry, lost = KeptRows.hurry, list[set[str]]()
    assert service.pruned == 0

    async def away(self: KeptRows, home_ids: set[str]) -> None:
        if len(lost) < 3:
            lost.append(home_ids)
            raise Unavailable("no")
        await hurry(self, home_ids)

    monkeypatch.setattr(KeptRows, "hurry", away)
    monkeypatch.setattr(room, "BEAT_SECONDS", 0.01)
    task = asyncio.create_task(service.run())
    await eventually(lambda: service.pruned > 0)
    task.cancel()
    assert lost[0] == lost[2] == {estate.home.id}
    assert (await left(estate.house, estate.home))[0].place == service.pruned


async def test_nothing_is_pruned_that_need_not_be(estate: Estate) -> None:
    """With bounds that nothing reaches."""
    await estate.house.services.retention.look()
    assert await rows_of(estate.house.database) == {estate.home.id}
    before = await left(estate.house, estate.home)
    rows = KeptRows(estate.house.database)
    await rows.hurry([estate.home.id])
    assert (await rows.prune(EVERYTHING, 500)).events == 0
    assert await left(estate.house, estate.home) == before
