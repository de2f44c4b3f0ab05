"""Repair while others plan and send: lanes stay whole, nothing is lost, and consent is kept."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from random import Random

import pytest

from app.compose import House
from app.working import working
from core.domain.deliveries import DeliveryStatus
from core.domain.devices import State
from core.domain.errors import Conflict
from core.domain.ports import Report
from core.domain.repairs import Chosen
from core.store.tidying import Tidy
from tests.conftest import Run
from tests.core.services.estate import Estate, eventually, lamp, settle
from tests.core.services.repair import of, repairs, wrong_lanes
from tests.webhooks.partner import Got, partner, told
from tests.webhooks.receivers import OK

BAD = b"HTTP/1.1 500 Oh\r\nContent-Length: 2\r\n\r\nno"
HASTY = {"webhook_schedule": "0.1," * 30 + "0.1", "webhook_allow": "127.0.0.0/8"}
TURNS = 30


@pytest.fixture
async def estate(database_url: str, run_house: Run) -> AsyncIterator[Estate]:
    """A home of three lamps, shared with a partner."""
    async with run_house(database_url, **HASTY) as house:
        yield await settle(house, [lamp(f"lamp {number}") for number in range(3)])


@asynccontextmanager
async def at_work(*houses: House) -> AsyncIterator[None]:
    """A worker beside each."""
    async with AsyncExitStack() as stack:
        for house in houses:
            await stack.enter_async_context(working(house))
        yield
    assert all(house.dead == [] for house in houses)


async def test_lanes_stay_whole_whoever_is_at_them(
    estate: Estate, database_url: str, run_house: Run
) -> None:
    """Two workers, a receiver that fails at random, and a partner who repairs all the while."""
    random = Random(7)
    good = False

    def answers(got: Got) -> bytes:
        del got
        return OK if good or random.random() < 0.7 else BAD

    async with (
        run_house(database_url, **HASTY) as other,
        partner(estate, rate_limit=1_000) as ours,
        at_work(estate.house, other),
    ):
        ours.answers = answers
        tidy, wrong = Tidy(other.database), []
        ended: set[str] = set()
        for turn in range(TURNS):
            for device in estate.devices:
                await estate.take(Report(device.id, turn + 1, State(brightness=turn % 100)))
            there = await of(estate.house, ours.id)
            some = random.sample(there, min(3, len(there)))
            try:
                for one in some[:2]:
                    client_id = estate.client.id
                    await repairs(estate).deliveries.redeliver(client_id, one.id)
                if turn % 20 == 10:
                    pace = Chosen(per_second=200)
                    await repairs(estate).replays.begin(estate.client.id, ours.id, pace)
            except Conflict:
                pass
            ids = [one.id for one in some[2:]]
            now = other.clock.now()
            if await tidy.end(ids, DeliveryStatus.CANCELLED, "A test said so.", now):
                ended.update(ids)
            wrong += await wrong_lanes(other)
        good = True

        async def over() -> bool:
            return "PENDING" not in await ours.statuses()

        await eventually(over, 30)
        assert wrong + await wrong_lanes(estate.house) == []
        got = set(ours.events())
        made = await of(estate.house, ours.id)
        lost = {one.event_id for one in made if one.event_id not in got}
        assert lost <= {one.event_id for one in made if one.id in ended}
        assert {one.event_id for one in made if one.status is DeliveryStatus.DELIVERED} <= got


async def test_a_loss_is_repaired_with_one_replay(estate: Estate) -> None:
    """A receiver that refuses for a while; then all of it comes, in order, naming what it was."""
    async with partner(estate) as ours, at_work(estate.house):
        ours.answers = lambda _: BAD.replace(b"500", b"410")
        events = await told(estate, 5)
        await eventually(lambda: len(ours.got) > 0)

        async def disabled() -> bool:
            return not (await ours.now()).endpoint.active

        await eventually(disabled)
        await estate.house.services.endpoints.resume(estate.viewer, ours.id)
        ours.answers = lambda _: OK
        await eventually(lambda: len(ours.events()) == 5)
        before = len(ours.got)
        failed = Chosen(only_failed=True, per_second=1_000)
        await repairs(estate).replays.begin(estate.client.id, ours.id, failed)
        await eventually(lambda: len(ours.got) > before)
        again = ours.got[-1]
        assert again.body["meta"]["replayOf"] in {one.id for one in ours.got[:before]}
        assert again.event == events[0].id


async def test_revoking_ends_what_is_tried_again(estate: Estate) -> None:
    """Within two seconds nothing waits any more, and nothing more goes out."""
    async with partner(estate) as ours, at_work(estate.house):
        ours.answers = lambda _: BAD
        await told(estate, 30)
        await eventually(lambda: len(ours.got) > 2)
        await estate.house.services.grants.revoke(estate.grant)

        async def over() -> bool:
            return "PENDING" not in await ours.statuses()

        assert await eventually(over) < 2
        sent = len(ours.got)
        await asyncio.sleep(0.5)
        assert len(ours.got) - sent <= 1
    assert await wrong_lanes(estate.house) == []
