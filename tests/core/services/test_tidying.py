"""Tidying: what is over ends or goes, what was taken back is cancelled, and lanes stay whole."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import insert, select, update

from core.domain.breaker import Breaker, BreakerState
from core.domain.deliveries import DeliveryStatus
from core.domain.errors import Unavailable
from core.domain.grants import Scope, Share
from core.domain.repairs import MOST_REPLAYS, Chosen
from core.services import consent as judging, tidying as service
from core.services.outbox import GONE, TAKEN_BACK, UNOPENED
from core.services.tidying import OVERDUE
from core.store import hooks, tables, tidying as store
from core.store.endpoints import Endpoints
from tests.conftest import Run
from tests.core.services.estate import Estate, another_home, eventually
from tests.core.services.repair import (
    URL,
    change,
    end,
    of,
    plan,
    repairs,
    waiting,
    wrong_lanes,
)
from tests.webhooks.partner import registered, told

DOWN = hooks.breaker_out(Breaker(BreakerState.OPEN))


async def ages(estate: Estate, seconds: float, *numbers: int) -> None:
    """Let deliveries have begun, and ended, so much earlier."""
    table = tables.deliveries
    async with estate.house.database.write() as connection:
        found = select(table.c.id, table.c.since, table.c.ended_at)
        for row in (await connection.execute(found.where(table.c.number.in_(numbers)))).all():
            ended = row.ended_at and row.ended_at - timedelta(seconds=seconds)
            values = {"since": row.since - timedelta(seconds=seconds), "ended_at": ended}
            await connection.execute(update(table).where(table.c.id == row.id).values(values))


async def ended(estate: Estate, endpoint_id: str) -> list[tuple[str, str | None]]:
    """How each delivery of an endpoint stands, and why."""
    return [(one.status.value, one.reason) for one in await of(estate.house, endpoint_id)]


@asynccontextmanager
async def tidying(estate: Estate) -> AsyncIterator[None]:
    """The task, while the block runs."""
    task = asyncio.create_task(repairs(estate).tidying.run())
    await asyncio.sleep(0)
    yield
    assert not task.done()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert estate.house.access.taps == []


async def test_what_ended_long_ago_goes(
    database_url: str, run_house: Run, estate: Estate, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Page by page, with two at it; what waits stays, and of a deleted endpoint nothing does."""
    monkeypatch.setattr(store, "PAGE", 2)
    held, made = await waiting(estate, 7)
    await end(estate.house, made[:6])
    await ages(estate, 721 * 3_600, 1, 2, 3, 4, 5)
    async with run_house(database_url) as other:
        looks = (repairs(estate).tidying.look(), other.services.repairs.tidying.look())
        await asyncio.gather(*looks)
    assert [one.number for one in await of(estate.house, held.endpoint.id)] == [6, 7]
    await Endpoints(estate.house.database).delete(estate.client.id, held.endpoint.id)
    await repairs(estate).tidying.look()
    assert await of(estate.house, held.endpoint.id) == []
    assert await estate.house.database.rows(select(tables.endpoints)) == []


async def test_replays_and_notices_of_long_ago_go(
    estate: Estate, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As deliveries do, page by page; the new ones stay."""
    monkeypatch.setattr(store, "PAGE", 2)
    held, _ = await waiting(estate, 1)
    here, database, now = held.endpoint.id, estate.house.database, estate.house.clock.now()
    old = now - timedelta(hours=721)
    replays = [
        await repairs(estate).replays.begin(estate.client.id, here, Chosen())
        for _ in range(MOST_REPLAYS)
    ]
    said = {"client_id": estate.client.id, "endpoint_id": here, "text": "It fails."}
    told_at = [{**said, "id": f"notice_{one}", "at": old if one else now} for one in range(6)]
    table = tables.replays
    async with database.write() as connection:
        await connection.execute(insert(tables.notices), told_at)
        some = table.c.id.in_([one.id for one in replays[1:]])
        await connection.execute(update(table).where(some).values(created_at=old))
    await repairs(estate).tidying.look()
    assert [row.id for row in await database.rows(select(table))] == [replays[0].id]
    assert [row.id for row in await database.rows(select(tables.notices))] == ["notice_0"]


async def test_what_waits_for_a_forgotten_event_dies(
    estate: Estate, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In words; what is behind it goes on."""
    monkeypatch.setattr(store, "PAGE", 2)
    held, made = await waiting(estate, 5)
    await change(estate.house, held.endpoint.id, next_at=None)
    values = {"home_id": estate.home.id, "place": made[2].place, "since": made[2].since}
    async with estate.house.database.write() as connection:
        await connection.execute(tables.kept.insert().values(**values, due_at=0.0))
    await repairs(estate).tidying.look()
    assert await ended(estate, held.endpoint.id) == [
        *[("DEAD", GONE)] * 3,
        *[("PENDING", None)] * 2,
    ]
    assert await wrong_lanes(estate.house) == []
    due = select(tables.endpoints.c.next_at).where(tables.endpoints.c.id == held.endpoint.id)
    assert (await estate.house.database.rows(due))[0][0] is not None


async def test_what_is_too_old_at_a_receiver_that_is_down_dies(estate: Estate) -> None:
    """Lane by lane; not where the receiver answers, nor where it was resumed since."""
    held, made = await waiting(estate, 4)
    here, before = held.endpoint.id, estate.house.clock.now() - timedelta(days=3)
    await ages(estate, 2 * 86_400, 1, 2)
    await repairs(estate).tidying.look()
    await change(estate.house, here, breaker=DOWN)
    await repairs(estate).tidying.look()
    assert await ended(estate, here) == [("PENDING", None)] * 4
    await change(estate.house, here, active_since=before)
    await repairs(estate).tidying.look()
    assert await ended(estate, here) == [*[("DEAD", OVERDUE)] * 2, *[("PENDING", None)] * 2]
    assert await wrong_lanes(estate.house) == []
    assert (await repairs(estate).deliveries.redeliver(estate.client.id, made[0].id)).open
    await repairs(estate).tidying.look()
    assert (await ended(estate, here))[0] == ("PENDING", None)


async def test_what_is_taken_back_is_cancelled_before_its_time(
    estate: Estate, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Within two seconds, page by page, though nothing of it is due; what is still shared waits."""
    monkeypatch.setattr(judging, "PAGE", 2)
    held, _ = await waiting(estate, 5)
    here, services = held.endpoint.id, estate.house.services
    await change(estate.house, here, status="PAUSED")
    cabin = await another_home(estate)
    other = await services.grants.give(
        estate.user.id, estate.client.id, estate.grant.scopes, [Share(cabin.id)]
    )
    await services.homes.rename(cabin.id, "Hut")
    await plan(estate.house, {here: 6})
    async with tidying(estate):
        await services.grants.revoke(estate.grant)

        async def cancelled() -> bool:
            return (await ended(estate, here))[:5] == [("CANCELLED", TAKEN_BACK)] * 5

        assert await eventually(cancelled) < 2
        assert (await ended(estate, here))[5] == ("PENDING", None)
        await services.grants.revoke(other)
        await eventually(lambda: repairs(estate).tidying.cancelled == 6)
    assert await wrong_lanes(estate.house) == []


async def test_what_was_taken_back_while_nobody_worked_is_found(estate: Estate) -> None:
    """By looking at all that waits, once: by the grant, the client, and what the document opens."""
    held, _ = await waiting(estate, 2)
    here = held.endpoint.id
    ours = repairs(estate).tidying
    async with tidying(estate):
        await asyncio.sleep(0.2)
    assert await ended(estate, here) == [("PENDING", None)] * 2
    less = replace(estate.grant, scopes=frozenset({Scope.EVENTS_SUBSCRIBE}))
    estate.house.access._give(less)  # noqa: SLF001 - as if the scopes had been narrowed
    async with tidying(estate):
        await eventually(lambda: ours.cancelled == 2)
    assert await ended(estate, here) == [("CANCELLED", UNOPENED)] * 2


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_the_task_outlives_a_database_that_is_away(
    estate: Estate, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It tries again, a little later, and forgets nothing."""
    monkeypatch.setattr(service, "AGAIN_SECONDS", 0.01)
    held, _ = await waiting(estate, 1)
    ours, tries = repairs(estate).tidying, 0
    look = ours._consent.look  # noqa: SLF001 - what fails

    async def fails(home_id: str, client_id: str | None) -> int:
        nonlocal tries
        tries += 1
        if tries < 4:
            raise Unavailable("away")
        return await look(home_id, client_id)

    monkeypatch.setattr(ours._consent, "look", fails)  # noqa: SLF001 - likewise
    async with tidying(estate):
        await estate.house.services.grants.revoke(estate.grant)
        await eventually(lambda: ours.cancelled == 1)
    assert await ended(estate, held.endpoint.id) == [("CANCELLED", TAKEN_BACK)]
    assert tries < 20


async def test_what_fails_keeps_nothing_else_from_being_tidied(
    estate: Estate, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A home that cannot be judged is set aside for a while; a step that fails is passed over."""
    monkeypatch.setattr(service, "ASIDE_SECONDS", 0.05)
    monkeypatch.setattr(service, "BEAT_SECONDS", 0.02)
    held, made = await waiting(estate, 2)
    await end(estate.house, made[:1])
    await ages(estate, 721 * 3_600, 1)
    ours, tries = repairs(estate).tidying, 0
    look = ours._consent.look  # noqa: SLF001 - what fails

    async def fails(home_id: str, client_id: str | None) -> int:
        nonlocal tries
        tries += 1
        if tries < 3:
            raise OverflowError
        return await look(home_id, client_id)

    async def never() -> int:
        raise OverflowError

    monkeypatch.setattr(ours._consent, "look", fails)  # noqa: SLF001 - likewise
    monkeypatch.setattr(ours._endpoints, "sweep", never)  # noqa: SLF001 - likewise
    async with tidying(estate):
        await estate.house.services.grants.revoke(estate.grant)
        await eventually(lambda: ours.cancelled == 1)
        assert ours.cancelled == 1
    assert await ended(estate, held.endpoint.id) == [("CANCELLED", TAKEN_BACK)]
    assert tries < 20


async def test_only_what_still_waits_is_ended(estate: Estate) -> None:
    """What was recorded meanwhile stays as it is."""
    held, made = await waiting(estate, 3)
    await end(estate.house, made[1:2])
    await end(estate.house, made, DeliveryStatus.DEAD)
    stands = [status for status, _ in await ended(estate, held.endpoint.id)]
    assert stands == ["DEAD", "DELIVERED", "DEAD"]
    second = await registered(estate, URL)
    await told(estate, 1, start=50)
    await plan(estate.house, {second.endpoint.id: 1, held.endpoint.id: 4})
    assert await wrong_lanes(estate.house) == []
