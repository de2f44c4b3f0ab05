"""Workers share the endpoints that they are behind at, and lose nothing by it."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from datetime import timedelta
from functools import partial

import pytest
from sqlalchemy import select, update

from app.compose import House
from app.ending import Ending
from app.working import working
from core.domain.devices import State
from core.domain.ports import Report
from core.domain.sending import Colleague
from core.store.outbox import endpoints, workers as table
from core.store.sends import Sends
from core.store.types import database_time
from core.store.workers import Workers
from tests.conftest import Run
from tests.core.services.estate import Estate, eventually
from tests.core.services.repair import plan, waiting
from tests.webhooks.conftest import HASTY
from tests.webhooks.partner import Partner, partner, told
from webhooks import courier, worker as workers
from webhooks.worker import Worker

COUNT = 40
"""Deliveries that wait at each endpoint."""
PAUSE = 0.5
"""Seconds that each receiver takes for one, while it is slow: then they last."""


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Workers tell each other more often."""
    monkeypatch.setattr(workers, "RENEW_SECONDS", 0.1)
    monkeypatch.setattr(workers, "SHARE_SECONDS", 1.0)


def known(house: House, count: int) -> Callable[[], Awaitable[bool]]:
    """Whether so many workers are there."""

    async def look() -> bool:
        return len(await house.database.rows(select(table.c.id))) == count

    return look


async def senders(house: House) -> dict[str, str]:
    """Who sends to which endpoint."""
    query = select(endpoints.c.id, endpoints.c.owner)
    return {row.id: row.owner for row in await house.database.rows(query)}


async def full(stack: AsyncExitStack, estate: Estate, many: int) -> Sequence[Partner]:
    """So many endpoints of slow receivers, at each of which deliveries wait."""
    ours = [await stack.enter_async_context(partner(estate)) for _ in range(many)]
    for one in ours:
        one.pause = PAUSE
    await told(estate, COUNT)
    await plan(estate.house, {one.id: COUNT for one in ours})
    await asyncio.sleep(courier.BEHIND_SECONDS)
    return ours


async def behind_alone(stack: AsyncExitStack, estate: Estate) -> tuple[Sequence[Partner], Worker]:
    """Four such endpoints, and the one worker that has them."""
    ours = await full(stack, estate, 4)
    alone = await stack.enter_async_context(working(estate.house))
    await eventually(lambda: alone.behind == 4)
    return ours, alone


async def delivered(ours: Sequence[Partner]) -> None:
    """Each receiver is quick from now on, and gets everything, once and in order."""
    for one in ours:
        one.pause = 0
    for one in ours:
        await eventually(partial(one.statuses_are, {"DELIVERED": COUNT}))
        assert [got.event for got in one.got] == [each.event_id for each in await one.deliveries()]


@pytest.mark.usefixtures("hasty")
@pytest.mark.parametrize("shared", [[1, 1], [2, 2], [1, 1, 1]])
async def test_who_is_behind_gives_to_who_is_not(
    estate: Estate, database_url: str, run_house: Run, shared: list[int]
) -> None:
    """Each has a fair share soon, and keeps it."""
    async with AsyncExitStack() as stack:
        ours = await full(stack, estate, sum(shared))
        houses = [estate.house]
        houses += [
            await stack.enter_async_context(run_house(database_url, **HASTY)) for _ in shared[1:]
        ]
        async with working(estate.house) as first:
            await eventually(lambda: first.behind == sum(shared))
            async with AsyncExitStack() as more:
                some: list[Worker] = [first]
                some += [await more.enter_async_context(working(house)) for house in houses[1:]]
                await eventually(
                    lambda: sorted((one.leased for one in some), reverse=True) == shared
                )
                before = await senders(estate.house)
                await asyncio.sleep(1.5)
                assert await senders(estate.house) == before
                await delivered(ours)
        await eventually(known(estate.house, 0))
        assert [house.dead for house in houses] == [[]] * len(houses)


@pytest.mark.usefixtures("hasty")
async def test_who_is_dead_is_given_nothing_for_long(estate: Estate) -> None:
    """It is taken for alive for a while: what it does not take is taken again by who gave it."""
    async with AsyncExitStack() as stack:
        ours, alone = await behind_alone(stack, estate)
        await Workers(estate.house.database).here(Colleague("dead", 0, 200))
        await eventually(lambda: alone.leased == 2)
        await eventually(lambda: alone.leased == 4, 5.0)
        await eventually(known(estate.house, 1))
        await delivered(ours)


@pytest.mark.usefixtures("hasty")
async def test_who_has_no_room_is_given_nothing(estate: Estate) -> None:
    """It sends to as many endpoints as it can, if none of them is behind."""
    async with AsyncExitStack() as stack:
        ours, alone = await behind_alone(stack, estate)
        for _ in range(10):
            await Workers(estate.house.database).here(Colleague("full", 0, 0))
            await asyncio.sleep(0.1)
            assert alone.leased == 4
        await delivered(ours)


@pytest.mark.usefixtures("hasty")
async def test_who_keeps_up_keeps_what_it_has(
    estate: Estate, database_url: str, run_house: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is sent in time is no load: it stays where it is, though another one is idle."""
    # However slow this machine is.
    monkeypatch.setattr(courier, "BEHIND_SECONDS", 60.0)
    monkeypatch.setattr(courier, "LINGER_SECONDS", 60.0)
    async with AsyncExitStack() as stack, run_house(database_url, **HASTY) as other:
        ours = [await stack.enter_async_context(partner(estate)) for _ in range(4)]
        async with working(estate.house) as first:
            await told(estate, 5)
            await eventually(lambda: first.leased == 4)
            async with working(other) as second:
                await eventually(known(estate.house, 2))
                for number in range(6, COUNT + 1):
                    await estate.take(Report(estate.lamp.id, number, State(brightness=number)))
                    assert (first.behind, second.leased) == (0, 0)
                await delivered(ours)


async def test_a_rate_that_was_asked_for_is_no_load(estate: Estate) -> None:
    """What waits for it is not sent sooner by anybody else."""
    async with partner(estate, rate_limit=2) as paced, working(estate.house) as alone:
        await told(estate, 12)
        await eventually(lambda: len(paced.got) == 6)  # those that follow are late for a second
        for _ in range(20):
            await asyncio.sleep(0.05)
            assert (alone.leased, alone.behind) == (1, 0)


async def test_what_hangs_at_a_receiver_is_no_load(estate: Estate) -> None:
    """Nobody else would be answered sooner."""
    ending = Ending()
    async with AsyncExitStack() as stack:
        (hung,) = await full(stack, estate, 1)
        hung.answers = lambda _: None
        async with working(estate.house, ending=ending) as alone:
            await eventually(lambda: alone.behind == 1)
            await eventually(lambda: (alone.leased, alone.behind) == (1, 0))
            ending.set()
            ending.set()


async def test_what_is_given_is_taken_by_nobody_else(estate: Estate) -> None:
    """For a moment; if whoever it is given to does not come, it is anybody's."""
    await waiting(estate, 1)
    database, now = estate.house.database, estate.house.clock.now()
    sends, ahead = Sends(database), now + timedelta(seconds=5)  # the clock of whoever gives
    (ours,) = await sends.lease("a", now, 10)
    await sends.release("a", ours, ahead, ahead, "b")
    for life in ("a", "c"):
        assert not await sends.waits(life, ahead)
        assert await sends.lease(life, ahead, 10) == []
    (theirs,) = await sends.lease("b", now, 10)
    assert theirs.token == ours.token + 1
    await sends.release("b", theirs, now, now, "d")
    async with database.write() as connection:
        await connection.execute(update(endpoints).values(leased_until=database_time() - 0.1))
    (last,) = await sends.lease("c", now, 10)
    assert await sends.lease("d", now, 10) == []  # what it was promised once is over
    await sends.release("c", last, ahead, ahead)
    assert await sends.lease("d", now, 10) == []
    assert [one.token for one in await sends.lease("d", ahead, 10)] == [last.token + 1]


async def test_what_has_to_wait_waits_for_whom_it_is_given_to(estate: Estate) -> None:
    """As where its circuit breaker has opened meanwhile."""
    await waiting(estate, 1)
    sends, now = Sends(estate.house.database), estate.house.clock.now()
    (ours,) = await sends.lease("a", now, 10)
    await sends.release("a", ours, now, now + timedelta(seconds=5), "b")
    assert await sends.lease("b", now, 10) == []
    assert len(await sends.lease("b", now + timedelta(seconds=5), 10)) == 1
