"""Workers share the endpoints that they are behind at, and lose nothing by it."""

from collections.abc import Sequence
from contextlib import AsyncExitStack
from functools import partial

import pytest
from sqlalchemy import select

from app.compose import House
from app.working import working
from core.domain.devices import State
from core.domain.ports import Report
from core.store.outbox import workers as table
from core.store.workers import Workers
from tests.conftest import Run
from tests.core.services.estate import Estate, eventually
from tests.webhooks.conftest import HASTY
from tests.webhooks.partner import Partner, partner, told
from webhooks import worker as workers
from webhooks.worker import Worker

MANY = 4
"""Endpoints."""


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Workers tell each other more often."""
    monkeypatch.setattr(workers, "RENEW_SECONDS", 0.1)
    monkeypatch.setattr(workers, "SHARE_SECONDS", 1.0)


async def known(house: House) -> int:
    """How many workers are there."""
    return len(await house.database.rows(select(table.c.id)))


async def known_are(house: House, count: int) -> bool:
    """Whether so many are."""
    return await known(house) == count


async def full(
    stack: AsyncExitStack, estate: Estate, count: int
) -> tuple[Sequence[Partner], list[str]]:
    """Endpoints that get ten a second, at which so many wait; and what events."""
    ours = [await stack.enter_async_context(partner(estate, rate_limit=10)) for _ in range(MANY)]
    events = await told(estate, count)
    return ours, [event.id for event in events]


def leased(*some: Worker) -> list[int]:
    """How many endpoints each has."""
    return [one.leased for one in some]


@pytest.mark.usefixtures("hasty")
async def test_who_is_behind_gives_to_who_is_not(
    estate: Estate, database_url: str, run_house: Run
) -> None:
    """The second to come has half of them soon; each delivery comes once, in order."""
    async with AsyncExitStack() as stack, run_house(database_url, **HASTY) as other:
        ours, events = await full(stack, estate, 60)
        async with working(estate.house) as first:
            await eventually(lambda: first.behind == MANY)
            async with working(other) as second:
                await eventually(lambda: leased(first, second) == [2, 2])
                await eventually(lambda: (first.behind, second.behind) == (2, 2))
                for one in ours:
                    await eventually(partial(one.statuses_are, {"DELIVERED": 60}))
        assert [[got.event for got in one.got] for one in ours] == [events] * MANY
        assert await known(estate.house) == 0
        assert (estate.house.dead, other.dead) == ([], [])


@pytest.mark.usefixtures("hasty")
async def test_who_is_dead_is_given_nothing_for_long(estate: Estate) -> None:
    """It is taken for alive for a while: what nobody takes is taken again by who gave it."""
    await Workers(estate.house.database).here("dead", 0)
    async with AsyncExitStack() as stack, working(estate.house) as alone:
        ours, _ = await full(stack, estate, 40)
        await eventually(lambda: alone.behind == MANY)
        await eventually(lambda: alone.leased < MANY)
        await eventually(lambda: alone.leased == MANY)
        for one in ours:
            await eventually(partial(one.statuses_are, {"DELIVERED": 40}))
        assert all(len(one.got) == 40 for one in ours)


@pytest.mark.usefixtures("hasty")
async def test_who_keeps_up_keeps_what_it_has(
    estate: Estate, database_url: str, run_house: Run
) -> None:
    """What is sent as it comes is no load: it stays where it is, though another one is idle."""
    async with AsyncExitStack() as stack, run_house(database_url, **HASTY) as other:
        ours = [await stack.enter_async_context(partner(estate)) for _ in range(MANY)]
        async with working(estate.house) as first:
            await told(estate, 5)
            await eventually(lambda: first.leased == MANY)
            async with working(other) as second:
                await eventually(lambda: known_are(estate.house, 2))
                for number in range(6, 60):
                    await estate.take(Report(estate.lamp.id, number, State(brightness=number)))
                    assert (first.behind, second.leased) == (0, 0)
                for one in ours:
                    await eventually(partial(one.statuses_are, {"DELIVERED": 59}))
