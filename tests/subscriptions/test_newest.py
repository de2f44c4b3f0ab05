"""Watches with `delivery: LATEST` while they catch up: nothing is lost, and they do catch up."""

import asyncio
from functools import partial
from typing import Any

import pytest

from app.compose import House
from core.domain.devices import State
from core.domain.events import Event
from core.domain.ports import Delivery, Manner, Report, Wanted
from core.feed import Feed
from core.services import events as paging
from subscriptions import hub as room, watch as one_watch
from tests.core.services.estate import Estate, eventually, lamp, settle, viewer_of
from tests.subscriptions.test_gaps import taking
from tests.subscriptions.test_hub import change

one_kind = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@one_kind
async def test_what_waits_is_read_again_if_access_is_in_doubt_meanwhile(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While the next page is on its way, too: that one then follows nothing that was shown."""
    estate = await settle(house)
    monkeypatch.setattr(paging, "PAGE", 3)
    monkeypatch.setattr(room, "RETRY_SECONDS", 0.01)
    begun = await house.logs.heads([estate.home.id])
    after = house.cursors.places(estate.grant.id, begun)
    happened = await change(estate, 6)  # names, of which none is left out
    read, hold, calls = house.logs.events, asyncio.Event(), list[int]()

    async def second_waits(*given: Any) -> Any:
        calls.append(1)
        found = await read(*given)
        if len(calls) == 2:
            await hold.wait()
        return found

    monkeypatch.setattr(house.logs, "events", second_waits)
    async with taking(house, estate, after, Manner(Delivery.LATEST)) as taker:
        await eventually(lambda: len(calls) == 2)
        with monkeypatch.context() as patch:
            patch.setattr(Feed, "stale", lambda _: True)
            assert not taker.has(1)
        hold.set()
        await eventually(partial(taker.has, 6))
        assert taker.events == happened


async def bursts(estate: Estate, count: int, got: list[Event]) -> None:
    """All lamps report again and again, faster than rounds begin, then are quiet for two rounds."""
    house = estate.house
    take = house.services.reports.take
    for order in range(1, count + 1):
        reports = [Report(one.id, order, State(brightness=order)) for one in estate.devices]
        await asyncio.gather(*(take(estate.home.id, one, frozenset()) for one in reports))
        await asyncio.sleep(0.1)
    head = house.feed.place(estate.home.id)
    await eventually(lambda: bool(got) and got[-1].place == head)


@one_kind
@pytest.mark.parametrize("devices", [4, 30])
async def test_rounds_catch_up_however_many_devices_there_are(
    house: House, monkeypatch: pytest.MonkeyPatch, devices: int
) -> None:
    """More than a queue holds: what is still to be read belongs to the round that has begun."""
    monkeypatch.setattr(one_watch, "QUEUE", 16)
    monkeypatch.setattr(paging, "PAGE", 12)
    estate = await settle(house, [lamp(f"{number}") for number in range(devices)])
    manner = Manner(Delivery.LATEST, 0.3)
    watching = await house.hub.watch(viewer_of(house, estate.grant), Wanted(), None, manner)
    got, news = list[Event](), asyncio.Event()
    watching.attach("doc", lambda _: news.set())

    async def read() -> None:
        while True:
            while (seen := watching.take()) is not None:
                got.append(seen.event)
            news.clear()
            await news.wait()

    reading = asyncio.create_task(read())
    try:
        await bursts(estate, 10, got)
    finally:
        reading.cancel()
        watching.close()
    newest = {event.device.id: event.device.state.brightness for event in got if event.device}
    assert newest == dict.fromkeys((one.id for one in estate.devices), 10)
