"""The planner meets what may happen to it: revocations, a database that is away, logs that end."""

import asyncio
from collections.abc import AsyncIterator, Collection
from typing import Any

import pytest
from sqlalchemy import delete

from app.background import background
from app.server import begin
from core.domain.devices import State
from core.domain.errors import Unavailable
from core.domain.grants import Share
from core.domain.ports import Report
from core.store import plan_statements, planning, tables
from core.store.plans import Plans
from tests.conftest import Run
from tests.core.services.estate import SCOPES, Estate, another_home, eventually, lamp, settle
from tests.core.services.repair import URL, of
from tests.webhooks.partner import KEY, endpoint_of, registered, told


@pytest.fixture
async def estate(database_url: str, run_house: Run) -> AsyncIterator[Estate]:
    """A home with a lamp, shared with a partner; nobody sends."""
    async with run_house(database_url) as house:
        begin(house)
        yield await settle(house, [lamp("lamp")])


async def planned(estate: Estate, endpoint_id: str, count: int) -> bool:
    """Whether an endpoint has so many deliveries."""
    return len(await of(estate.house, endpoint_id)) == count


async def test_a_log_that_ends_before_its_head_is_planned(
    estate: Estate, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All that was not planned is kept no longer: the planner goes on behind it, and rests."""
    held, house, times = await registered(estate, URL), estate.house, 0
    async with background(house.dead, house.services.planner.run):
        await told(estate, 2)
        await eventually(lambda: planned(estate, held.endpoint.id, 2))
    await told(estate, 3, start=20)
    async with house.database.write() as connection:
        await connection.execute(delete(tables.events))
    plan = Plans.plan

    async def counted(self: Plans, *given: Any) -> Any:
        nonlocal times
        times += 1
        return await plan(self, *given)

    monkeypatch.setattr(Plans, "plan", counted)
    async with background(house.dead, house.services.planner.run):
        await eventually(lambda: times > 0 and house.services.planner.behind == 0)
        await asyncio.sleep(0.3)
        assert times < 5
        await told(estate, 1, start=30)
        await eventually(lambda: planned(estate, held.endpoint.id, 3))
    assert house.dead == []


async def test_homes_are_followed_whatever_breaks_amid_it(
    estate: Estate, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The database was away for a moment, or a defect: they are followed again, and planned."""
    held, places = await registered(estate, URL), Plans.places
    errors: list[Exception] = [Unavailable("away"), LookupError("a defect")]

    async def broken(self: Plans, ids: Collection[str]) -> Any:
        if errors:
            raise errors.pop()
        return await places(self, ids)

    monkeypatch.setattr(Plans, "places", broken)
    house = estate.house
    async with background(house.dead, house.services.planner.run):
        await told(estate, 3)
        await eventually(lambda: planned(estate, held.endpoint.id, 3))
    assert (errors, house.dead) == ([], [])


async def test_a_home_may_be_taken_back_while_it_is_begun(
    estate: Estate, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is nobody's then, and the planner goes on with others."""
    await registered(estate, URL)
    house, newest = estate.house, Plans.newest

    async def revoking(self: Plans, ids: Collection[str]) -> Any:
        found = await newest(self, ids)
        await house.services.grants.revoke(estate.grant)
        return found

    monkeypatch.setattr(Plans, "newest", revoking)
    async with background(house.dead, house.services.planner.run):
        await eventually(lambda: house.access.grants[estate.grant.id].revoked)
        await asyncio.sleep(0.3)
    assert house.dead == []


async def test_the_first_endpoint_of_a_client_misses_nothing(estate: Estate) -> None:
    """Another process made it, of which this planner hears by looking alone."""
    house, services = estate.house, estate.house.services
    second = await services.accounts.create_client("Second")
    await services.grants.give(estate.user.id, second.id, SCOPES, [Share(estate.home.id)])
    first = await registered(estate, URL)
    async with background(house.dead, services.planner.run):
        await told(estate, 1)
        await eventually(lambda: planned(estate, first.endpoint.id, 1))
        other = await endpoint_of(house, second.id, URL, KEY)
        await told(estate, 1, start=9)
        await eventually(lambda: planned(estate, other.endpoint.id, 1))
        await eventually(lambda: planned(estate, first.endpoint.id, 2))


async def test_a_long_log_keeps_no_other_home(
    estate: Estate, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Few events and rows a transaction: whose turn was comes last, and each event is planned."""
    monkeypatch.setattr(plan_statements, "NEXT", plan_statements.NEXT.limit(4))
    monkeypatch.setattr(plan_statements, "EVENTS", 4)
    monkeypatch.setattr(planning, "ROWS", 3)
    house, services = estate.house, estate.house.services
    cabin = await another_home(estate)
    (door,) = await house.devices_of(cabin.id)
    homes = [Share(estate.home.id), Share(cabin.id)]
    await services.grants.give(estate.user.id, estate.client.id, SCOPES, homes)
    ends = [await registered(estate, URL) for _ in range(2)]
    async with background(house.dead, services.planner.run):
        await told(estate, 1)
        await eventually(lambda: planned(estate, ends[0].endpoint.id, 1))
    await told(estate, 20, start=5)
    for number in range(1, 4):
        report = Report(door.id, number, State(brightness=number))
        await services.reports.take(cabin.id, report, frozenset())
    async with background(house.dead, services.planner.run):
        for held in ends:
            await eventually(lambda held=held: planned(estate, held.endpoint.id, 24))
    rows = await of(house, ends[0].endpoint.id)
    assert [row.number for row in rows] == list(range(1, 25))
    lamps = [row.sequence for row in rows if row.device_id == estate.lamp.id]
    assert lamps == sorted(lamps)
    last = max(row.number for row in rows if row.device_id == door.id)
    assert last < 24
