"""Events become signed deliveries: planned once, sent in order, tried again, and recorded."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from app.compose import House
from app.working import working
from core.domain.devices import State
from core.domain.events import EventType
from core.domain.ports import Report
from tests.conftest import Run
from tests.core.services.estate import Estate, eventually, lamp, settle
from tests.webhooks.partner import Got, partner, told
from tests.webhooks.receivers import OK
from webhooks.worker import Worker

S = EventType.DEVICE_STATUS_CHANGED
BAD = b"HTTP/1.1 500 Oh\r\nContent-Length: 2\r\n\r\nno"
HASTY = {"webhook_schedule": "0.2,0.2,0.2,0.2", "webhook_allow": "127.0.0.0/8"}


@pytest.fixture
async def estate(database_url: str, run_house: Run) -> AsyncIterator[Estate]:
    """A home of two lamps, shared with a partner."""
    async with run_house(database_url, **HASTY) as house:
        yield await settle(house, [lamp("lamp"), lamp("other")])


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
