"""Events become signed deliveries: planned once, sent in order, tried again, and recorded."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from sqlalchemy import select

from app.compose import House
from app.working import working
from core.domain.devices import State
from core.domain.endpoints import EndpointStatus, Ordering
from core.domain.events import Event, EventType
from core.domain.grants import Share
from core.domain.ports import Report
from core.services import planner as planning
from core.services.judging import Judging
from core.store import tables
from tests.conftest import Run
from tests.core.services.estate import SCOPES, Estate, another_home, eventually, lamp, settle
from tests.webhooks.conftest import HASTY
from tests.webhooks.partner import Got, partner, told
from tests.webhooks.receivers import GONE, OK
from webhooks.worker import Worker

S = EventType.DEVICE_STATUS_CHANGED
BAD = b"HTTP/1.1 500 Oh\r\nContent-Length: 2\r\n\r\nno"


@asynccontextmanager
async def at_work(house: House) -> AsyncIterator[Worker]:
    """A worker beside the house."""
    async with working(house) as worker:
        yield worker
    assert house.dead == []


async def test_events_are_delivered_in_order(estate: Estate) -> None:
    """Each once, with the sequence of the one before, and recorded as delivered."""
    async with partner(estate) as ours, at_work(estate.house):
        events = await told(estate, 50)
        await eventually(lambda: len(ours.got) == 50)
        assert [one.event for one in ours.got] == [event.id for event in events]
        metas = [one.body["meta"] for one in ours.got]
        assert [one["sequence"] for one in metas] == [event.sequence for event in events]
        assert [one["previousSequence"] for one in metas[1:]] == [
            one["sequence"] for one in metas[:-1]
        ]
        assert metas[0]["previousSequence"] is None
        await eventually(lambda: ours.statuses_are({"DELIVERED": 50}))


async def test_what_happened_while_nobody_worked_is_delivered(estate: Estate) -> None:
    """How far homes are planned is in the store."""
    async with partner(estate) as ours:
        async with at_work(estate.house):
            first = await told(estate, 3)
            await eventually(lambda: len(ours.got) == 3)
        later = await told(estate, 5, start=10)
        async with at_work(estate.house):
            await eventually(lambda: len(ours.got) == 8)
        assert ours.events() == [event.id for event in (*first, *later)]


async def test_a_failing_device_holds_its_own_lane_alone(estate: Estate) -> None:
    """The other device's go on; what failed is tried again, and those behind it wait."""
    broken = True

    def answers(got: Got) -> bytes:
        return BAD if broken and got.device == estate.lamp.id else OK

    async with partner(estate) as ours, at_work(estate.house):
        ours.answers = answers
        events = await told(estate, 3)
        for number in range(1, 4):
            await estate.take(Report(estate.devices[1].id, number, State(brightness=number)))
        await eventually(lambda: len(ours.of(estate.devices[1].id)) == 3)
        await eventually(lambda: len(ours.of(estate.lamp.id)) >= 2)
        assert {one.event for one in ours.of(estate.lamp.id)} == {events[0].id}
        assert len({one.id for one in ours.of(estate.lamp.id)}) == 1
        broken = False
        await eventually(lambda: len(ours.events()) == 6)
        lane = [one.event for one in ours.first if one in ours.of(estate.lamp.id)]
        assert lane == [event.id for event in events]


async def test_a_home_that_cannot_be_planned_keeps_no_other(
    estate: Estate, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is set aside, and tried again later; what happened in it meanwhile is not lost."""
    cabin = await another_home(estate, "Cabin")
    (door,) = await estate.house.devices_of(cabin.id)
    await estate.house.services.grants.give(
        estate.user.id, estate.client.id, SCOPES, [Share(cabin.id), Share(estate.home.id)]
    )
    planner, chosen = estate.house.services.planner, Judging.chosen

    def broken(self: Judging, event: Event, *more: Any) -> Any:
        if event.home.id == cabin.id:
            raise LookupError("cannot be judged")
        return chosen(self, event, *more)

    monkeypatch.setattr(Judging, "chosen", broken)
    monkeypatch.setattr(planning, "ASIDE_SECONDS", 0.5)
    async with partner(estate) as ours, at_work(estate.house):
        report = Report(door.id, 1, State(brightness=7))
        await estate.house.services.reports.take(cabin.id, report, frozenset())
        events = await told(estate, 5)
        await eventually(lambda: len(ours.got) == 5)
        assert ours.events() == [event.id for event in events]
        assert planner.behind == 1
        monkeypatch.setattr(Judging, "chosen", chosen)
        await eventually(lambda: len(ours.of(door.id)) == 1)


async def test_what_is_taken_back_is_not_sent(estate: Estate) -> None:
    """Neither what waits nor what is tried again, nor in a lane behind it."""
    async with partner(estate) as ours, at_work(estate.house):
        ours.answers = lambda _: BAD
        await told(estate, 5)
        await eventually(lambda: len(ours.got) >= 2)
        await estate.house.services.grants.revoke(estate.grant)
        count = len(ours.got)
        await eventually(lambda: ours.statuses_are({"CANCELLED": 5}))
        assert len(ours.got) <= count + 1


async def test_a_paused_endpoint_waits(estate: Estate) -> None:
    """What happens meanwhile is planned, and sent once it is resumed."""
    endpoints = estate.house.services.endpoints
    async with partner(estate) as ours, at_work(estate.house):
        await endpoints.pause(estate.viewer, ours.id)
        events = await told(estate, 3)
        await eventually(lambda: ours.statuses_are({"PENDING": 3}))
        await asyncio.sleep(0.3)
        assert ours.got == []
        await endpoints.resume(estate.viewer, ours.id)
        await eventually(lambda: len(ours.got) == 3)
        assert ours.events() == [event.id for event in events]


async def test_a_receiver_that_is_gone_disables_its_endpoint(estate: Estate) -> None:
    """410 says that it wants no more: its client is told, and nothing more is sent."""
    async with partner(estate) as ours, at_work(estate.house):
        ours.answers = lambda _: GONE
        await told(estate, 3)
        await eventually(lambda: ours.statuses_are({"FAILED": 1, "PENDING": 2}))
        await asyncio.sleep(0.3)
        assert len(ours.got) == 1
        endpoint = (await ours.now()).endpoint
        assert endpoint.status is EndpointStatus.DISABLED
        assert "410" in (endpoint.disabled_because or "")
        notices = await estate.house.database.rows(select(tables.notices.c.text))
        assert ["410" in row.text for row in notices] == [True]


async def test_an_unordered_endpoint_waits_for_nothing(estate: Estate) -> None:
    """One that cannot be delivered keeps nobody."""
    async with partner(estate, ordering=Ordering.UNORDERED) as ours, at_work(estate.house):
        bad: list[str] = []

        def answers(got: Got) -> bytes:
            bad.append(got.event) if not bad else None
            return BAD if got.event == bad[0] else OK

        ours.answers = answers
        events = await told(estate, 10)
        await eventually(lambda: {e.id for e in events} == set(ours.events()))
        await eventually(lambda: ours.statuses_count("DELIVERED", 9))


async def test_workers_share_the_work(estate: Estate, database_url: str, run_house: Run) -> None:
    """Two of them, of which one ends amid it: each delivery comes once, in order."""
    async with partner(estate, rate_limit=200) as ours, run_house(database_url, **HASTY) as other:
        async with at_work(other):
            async with at_work(estate.house):
                first = await told(estate, 30)
                await eventually(lambda: len(ours.got) >= 10)
            later = await told(estate, 30, start=40)
            await eventually(lambda: len(ours.events()) == 60)
            assert ours.events() == [event.id for event in (*first, *later)]
            assert len(ours.got) == 60  # who ends in order leaves nothing unrecorded
        assert await ours.statuses() == {"DELIVERED": 60}


async def test_resuming_hurries_a_lane_that_waits(database_url: str, run_house: Run) -> None:
    """One device's deliveries failed, others' did not: its receiver was repaired."""
    slow = {**HASTY, "webhook_schedule": "300,300"}
    async with run_house(database_url, **slow) as house:
        estate = await settle(house, [lamp("lamp"), lamp("other")])
        async with partner(estate) as ours, at_work(house):
            ours.answers = lambda got: BAD if got.device == estate.lamp.id else OK
            await told(estate, 2)
            other = Report(estate.devices[1].id, 1, State(brightness=3))
            await estate.take(other)
            await eventually(lambda: ours.statuses_are({"PENDING": 2, "DELIVERED": 1}))
            await eventually(lambda: len(ours.of(estate.lamp.id)) == 1)
            ours.answers = lambda _: OK
            await house.services.endpoints.resume(estate.viewer, ours.id)
            await eventually(lambda: ours.statuses_are({"DELIVERED": 3}))
