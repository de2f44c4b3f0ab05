"""Replays: what has ended goes again, as new messages, in order, at a pace, and each once."""

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from itertools import pairwise

import pytest
from sqlalchemy import delete, select, update

from core.domain.deliveries import DeliveryStatus, cursor
from core.domain.endpoints import Ordering
from core.domain.errors import Conflict, Invalid, Missing
from core.domain.events import EventType
from core.domain.repairs import AHEAD, MOST_REPLAYS, Chosen, Replay, Traced
from core.services import replays as service
from core.services.replays import ASIDE
from core.store import replays as store, tables
from core.store.parcels import Parcels
from tests.conftest import Run
from tests.core.services.estate import Estate, eventually
from tests.core.services.repair import change, end, of, repairs, waiting, wrong_lanes


async def finish(estate: Estate, replay: Replay, now: datetime | None = None) -> Replay:
    """Go on with replays until this one is done, as time goes by."""
    house = estate.house
    rows, now = store.Replays(house.database, house.ids), now or house.clock.now()
    while not (found := await rows.of(estate.client.id, replay.id)) or not found.done:
        if await rows.step(now) is None:
            now += timedelta(seconds=1)
    return found


class Faulty(store.Replays):
    """The first look fails as nobody expects."""

    failed = False

    async def step(
        self, now: datetime, claimed: Callable[[str], object] = lambda _: None
    ) -> store.Stepped | None:
        """As `Replays.step`, once it has failed."""
        if not self.failed:
            self.failed = True
            raise OverflowError
        return await super().step(now, claimed)


async def sent(estate: Estate, replay: Replay) -> Sequence[Traced]:
    """What a replay made."""
    made = await of(estate.house, replay.endpoint_id)
    return [one for one in made if one.replay_id == replay.id]


async def test_what_is_chosen_is_made_again(estate: Estate) -> None:
    """New messages that name the old ones, numbered behind them, in lanes of their own."""
    held, made = await waiting(estate, 8)
    here, client_id = held.endpoint.id, estate.client.id
    await end(estate.house, made[:6])
    await end(estate.house, made[6:7], DeliveryStatus.DEAD)
    ours = repairs(estate).replays
    replay = await ours.begin(client_id, here, Chosen())
    assert (replay.until, replay.done, replay.made) == (8, False, 0)
    done = await finish(estate, replay)
    again = await sent(estate, replay)
    assert (done.made, done.skipped, done.done) == (7, 0, True)
    assert [one.event_id for one in again] == [one.event_id for one in made[:7]]
    assert [one.replay_of for one in again] == [one.message_id for one in made[:7]]
    assert [one.number for one in again] == list(range(9, 16))
    assert not {one.message_id for one in again} & {one.message_id for one in made}
    assert [one.previous for one in again] == [one.previous for one in made[:7]]
    assert all(one.open and one.since >= replay.created_at for one in again)
    assert await wrong_lanes(estate.house) == []
    await end(estate.house, again)
    failed = await ours.begin(client_id, here, Chosen(only_failed=True))
    assert (await finish(estate, failed)).made == 1
    behind = await ours.begin(client_id, here, Chosen(), cursor(here, 5))
    await finish(estate, behind)
    assert [one.event_id for one in await sent(estate, behind)] == [
        one.event_id for one in made[5:7]
    ]
    times = Chosen(since=made[1].occurred_at, until=made[3].occurred_at)
    for chosen, count in (
        (times, 2),
        (Chosen(event_types=frozenset({EventType.HOME_UPDATED})), 0),
        (Chosen(device_ids=frozenset({estate.lamp.id})), 7),
        (Chosen(device_ids=frozenset({"device_other"})), 0),
    ):
        begun = await ours.begin(client_id, here, chosen)
        assert (await finish(estate, begun)).made == count
    assert await wrong_lanes(estate.house) == []


async def test_it_keeps_its_pace(estate: Estate, monkeypatch: pytest.MonkeyPatch) -> None:
    """Spaced from its beginning on, never far ahead, also where it was held up; not by the lane."""
    monkeypatch.setattr(store, "PAGE", 3)
    held, made = await waiting(estate, 12)
    await end(estate.house, made)
    house, rows = estate.house, store.Replays(estate.house.database, estate.house.ids)
    chosen = Chosen(per_second=1)
    replay = await repairs(estate).replays.begin(estate.client.id, held.endpoint.id, chosen)
    now = replay.created_at
    while await rows.step(now) is not None:
        assert await wrong_lanes(house) == []
    first = await sent(estate, replay)
    pauses = [one.next_at - replay.created_at for one in first]
    assert pauses == [timedelta(seconds=at) for at in range(len(first))]
    assert AHEAD <= pauses[-1] + timedelta(seconds=1) <= 2 * AHEAD
    late = now + timedelta(hours=1)
    await finish(estate, replay, late)
    rest = (await sent(estate, replay))[len(first) :]
    assert len(rest) == 12 - len(first)
    assert [one.next_at - late for one in rest] == [
        timedelta(seconds=at) for at in range(len(rest))
    ]
    parcels = Parcels(house.database)
    due = await parcels.due(held.endpoint.id, now, 10)
    behind = await parcels.behind(due, now + timedelta(seconds=2))
    assert [len(due), *map(len, behind.values())] == [1, 2]


async def test_replays_do_not_pile_up(estate: Estate) -> None:
    """However many are asked for, at whatever pace: no more wait than the endpoint soon takes."""
    held, made = await waiting(estate, 60, rate_limit=1)
    await end(estate.house, made)
    house, ours = estate.house, repairs(estate).replays
    here, rows = held.endpoint.id, store.Replays(estate.house.database, estate.house.ids)
    now = house.clock.now()
    for _ in range(MOST_REPLAYS):
        await ours.begin(estate.client.id, here, Chosen(per_second=1_000))
    for seconds in range(0, 60, 5):
        while await rows.step(now + timedelta(seconds=seconds)) is not None:
            pass
    replayed = [one for one in await of(house, here) if one.replay_id]
    assert 20 < len(replayed) <= 30
    await end(house, replayed)
    while await rows.step(now + timedelta(seconds=60)) is not None:
        pass
    again = [one for one in await of(house, here) if one.replay_id and one.open]
    assert again
    one = [one.next_at for one in again if one.replay_id == again[0].replay_id]
    assert all(late - early >= timedelta(seconds=1) for early, late in pairwise(one))
    assert await wrong_lanes(house) == []


async def test_two_and_restarts_make_each_once(
    estate: Estate, database_url: str, run_house: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two replayers in two houses, cut off again and again in the middle of their work."""
    monkeypatch.setattr(store, "PAGE", 2)
    monkeypatch.setattr(store, "SCANNED", 5)
    held, made = await waiting(estate, 30)
    await end(estate.house, made)
    ours = repairs(estate).replays
    begun = [
        await ours.begin(estate.client.id, held.endpoint.id, Chosen(per_second=1_000))
        for _ in range(MOST_REPLAYS)
    ]
    with pytest.raises(Conflict, match="under way"):
        await ours.begin(estate.client.id, held.endpoint.id, Chosen())
    async with run_house(database_url) as other:
        rows = [store.Replays(one.database, one.ids) for one in (estate.house, other)]
        for turn in range(400):
            works = [asyncio.create_task(one.step(estate.house.clock.now())) for one in rows]
            await asyncio.sleep(0.002 * (turn % 3))
            if turn % 5 == 0:
                works[turn % 2].cancel()
            await asyncio.gather(*works, return_exceptions=True)
            now = [await rows[0].of(estate.client.id, one.id) for one in begun]
            if all(one is not None and one.done for one in now):
                break
    for replay in begun:
        again = await sent(estate, replay)
        assert [one.event_id for one in again] == [one.event_id for one in made]
    numbers = [one.number for one in await of(estate.house, held.endpoint.id)]
    assert numbers == list(range(1, 30 * (1 + MOST_REPLAYS) + 1))
    assert await wrong_lanes(estate.house) == []


async def test_what_is_gone_is_skipped(estate: Estate) -> None:
    """And counted; an endpoint without order has no lanes; a paused one gets nothing meanwhile."""
    held, made = await waiting(estate, 4, ordering=Ordering.UNORDERED)
    await end(estate.house, made)
    events, here = tables.events, held.endpoint.id
    async with estate.house.database.write() as connection:
        gone = events.c.place.in_([one.place for one in made[:2]])
        await connection.execute(delete(events).where(gone))
    replay = await repairs(estate).replays.begin(estate.client.id, here, Chosen())
    await change(estate.house, here, status="PAUSED")
    assert await repairs(estate).replayer.step()
    assert not await repairs(estate).replayer.step()
    assert not await sent(estate, replay)
    await change(estate.house, here, status="ACTIVE")
    done = await finish(estate, replay)
    assert (done.made, done.skipped) == (2, 2)
    assert await wrong_lanes(estate.house) == []
    again = await repairs(estate).replays.begin(estate.client.id, here, Chosen())
    await change(estate.house, here, status="DELETED")
    assert not await repairs(estate).replayer.step()
    query = select(tables.replays.c.made).where(tables.replays.c.id == again.id)
    assert (await estate.house.database.rows(query))[0][0] == 0


async def test_the_task_goes_on_with_what_is_due(estate: Estate) -> None:
    """By itself, soon."""
    held, made = await waiting(estate, 2)
    await end(estate.house, made)
    replayer = repairs(estate).replayer
    task = asyncio.create_task(replayer.run())
    replay = await repairs(estate).replays.begin(estate.client.id, held.endpoint.id, Chosen())
    await eventually(lambda: replayer.deliveries == 2)
    assert len(await sent(estate, replay)) == 2
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_one_that_fails_keeps_no_other_from_going_on(
    estate: Estate, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is set aside for some minutes; and a look that fails is followed by others."""
    monkeypatch.setattr(service, "AGAIN_SECONDS", 0.01)
    held, made = await waiting(estate, 2)
    await end(estate.house, made)
    replayer, ours = repairs(estate).replayer, repairs(estate).replays
    bad = await ours.begin(estate.client.id, held.endpoint.id, Chosen())
    good = await ours.begin(estate.client.id, held.endpoint.id, Chosen())
    table = tables.replays
    async with estate.house.database.write() as connection:
        wrong = update(table).where(table.c.id == bad.id).values(chosen={"since": 2**62})
        await connection.execute(wrong)
    replayer._rows = Faulty(estate.house.database, estate.house.ids)  # noqa: SLF001 - fails once
    task = asyncio.create_task(replayer.run())
    rows = store.Replays(estate.house.database, estate.house.ids)

    async def gone_on() -> bool:
        found = await rows.of(estate.client.id, good.id)
        return found is not None and found.done

    await eventually(gone_on)
    assert not task.done()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    query = select(table.c.next_at).where(table.c.id == bad.id)
    ((until,),) = await estate.house.database.rows(query)
    assert until > bad.created_at + ASIDE
    assert len(await sent(estate, good)) == 2


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_what_cannot_be_meant_is_refused(estate: Estate) -> None:
    """By the field that is to blame."""
    held, made = await waiting(estate, 1)
    here, client_id, ours = held.endpoint.id, estate.client.id, repairs(estate).replays
    when = made[0].since
    for chosen, field in (
        (Chosen(per_second=0), "perSecond"),
        (Chosen(per_second=1_001), "perSecond"),
        (Chosen(event_types=frozenset()), "eventTypes"),
        (Chosen(device_ids=frozenset()), "deviceIds"),
        (Chosen(device_ids=frozenset(map(str, range(101)))), "deviceIds"),
        (Chosen(device_ids=frozenset({"device_\0"})), "deviceIds"),
        (Chosen(device_ids=frozenset({"x" * 101})), "deviceIds"),
        (Chosen(device_ids=frozenset({"gerät"})), "deviceIds"),
        (Chosen(since=when, until=when), "until"),
    ):
        with pytest.raises(Invalid) as refused:
            await ours.begin(client_id, here, chosen)
        assert refused.value.field == field
    with pytest.raises(Invalid, match="cursor"):
        await ours.begin(client_id, here, Chosen(), "nonsense")
    with pytest.raises(Missing):
        await ours.begin("client_other", here, Chosen())
    assert (await ours.begin(client_id, here, Chosen(), cursor(here, 10))).done
    async with estate.house.database.write() as connection:
        await connection.execute(update(tables.endpoints).values(status="DELETED"))
    with pytest.raises(Missing):
        await ours.begin(client_id, here, Chosen())
