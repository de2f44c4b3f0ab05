"""Two processes that write to the same homes: places and sequences stay gapless, nobody waits."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from random import Random

import pytest

from app.compose import House
from core.domain.devices import State
from core.domain.grants import Share
from core.domain.homes import Home
from core.domain.ports import Report
from core.store.ledger import ACCESS
from tests.conftest import Run
from tests.core.services.estate import (
    MOST,
    SCOPES,
    Estate,
    another_home,
    eventually,
    gaps,
    lamp,
    settle,
)
from tests.core.store.work import rename, settled

ROUNDS = 12


@pytest.fixture
async def two(database_url: str, run_house: Run) -> AsyncIterator[tuple[Estate, Estate]]:
    """One estate, in two houses on one database."""
    async with run_house(database_url) as one, run_house(database_url) as other:
        estate = await settle(one, [lamp(f"{number}") for number in range(4)])
        await eventually(lambda: estate.grant.id in other.access.grants)
        yield estate, replace(estate, house=other)


async def broken(house: House, homes: Sequence[Home]) -> list[str]:
    """What is wrong with these homes' logs, or with the access log."""
    wrong = [gap for home in homes for gap in gaps(await house.logs.events(home.id, 0, MOST))]
    places = [entry.place for entry in await house.logs.read(ACCESS, 0, MOST)]
    return wrong if places == list(range(1, len(places) + 1)) else [*wrong, "access"]


async def report_all(estate: Estate, shift: int) -> list[object]:
    """Let every device report again and again, all at once and then all anew."""
    found = []
    for turn in range(1, ROUNDS + 1):
        order, state = 2 * turn + shift, State(brightness=2 * turn + shift)
        works = (estate.take(Report(device.id, order, state)) for device in estate.devices)
        found += await settled(*works)
    return found


async def test_reports_of_the_same_devices(two: tuple[Estate, Estate]) -> None:
    """Two processes that store reports of the same devices leave one gapless log."""
    results = await asyncio.gather(report_all(two[0], 0), report_all(two[1], 1))
    assert [one for one in [*results[0], *results[1]] if isinstance(one, Exception)] == []
    assert await broken(two[0].house, [two[0].home]) == []


async def roam(estate: Estate, homes: Sequence[Home], seed: int) -> list[object]:
    """Work on any number of the homes at a time, in any order."""
    random, found, services = Random(seed), [], estate.house.services
    for turn in range(ROUNDS):
        some = random.sample(homes, random.randint(1, len(homes)))
        shares = [Share(home.id) for home in some]
        works = [estate.house.committer.submit(rename(home, f"{seed} {turn}")) for home in some]
        give = services.grants.give(estate.user.id, estate.client.id, SCOPES, shares)
        found += await settled(*works, give)
    return found


async def test_work_on_several_homes(two: tuple[Estate, Estate]) -> None:
    """Locks of many homes and of the access log are taken in one order, so nothing is stuck."""
    homes = [two[0].home, *[await another_home(two[0], f"{number}") for number in range(4)]]
    roams = (roam(estate, homes, seed) for seed, estate in enumerate(two))
    results = await asyncio.wait_for(asyncio.gather(*roams), 30)
    assert [one for one in [*results[0], *results[1]] if isinstance(one, Exception)] == []
    assert await broken(two[0].house, homes) == []


async def test_commands_for_one_device(two: tuple[Estate, Estate]) -> None:
    """Of commands from two processes the newest holds the attribute, and all others have ended."""
    works = [estate.ask(brightness=number) for number in range(15) for estate in two]
    commands = await settled(*works)
    pending = await two[0].house.reads.pending([two[0].lamp.id])
    assert len(pending[two[0].lamp.id]) == 1
    ends = [status for _, status in await two[0].ends()]
    assert ends == ["SUPERSEDED"] * (len(commands) - 1)
    assert await broken(two[0].house, [two[0].home]) == []


async def test_a_process_that_dies_holding_a_lock_holds_up_nobody(
    two: tuple[Estate, Estate],
) -> None:
    """A transaction that is cut off lets go of its homes."""
    one, other = two
    async with asyncio.timeout(5):
        task = asyncio.create_task(hold(one))
        await asyncio.sleep(0.05)
        waits = asyncio.create_task(other.house.committer.submit(rename(one.home, "free")))
        await asyncio.sleep(0.05)
        task.cancel()
        assert await waits == "free"


async def hold(estate: Estate) -> None:
    """Lock the home, and never let go."""
    async with estate.house.database.write() as connection:
        await connection.exec_driver_sql("UPDATE homes SET place = place")
        await asyncio.Event().wait()
